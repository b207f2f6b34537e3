"""The random walk as published."""

import math

import numpy as np


def dense_walk(scores, features, radius, beta, log2_steps):
    """As published: all pairs in one matrix, normalised by columns, squared."""
    height, width = scores.shape[1:]
    features = np.moveaxis(features, 0, -1)
    pixels = [(y, x) for y in range(height) for x in range(width)]
    matrix = np.eye(len(pixels))
    for i, p in enumerate(pixels):
        for j, q in enumerate(pixels):
            if i != j and math.dist(p, q) < radius:
                matrix[i, j] = math.exp(-np.abs(features[p] - features[q]).mean())
    matrix = matrix**beta
    matrix /= matrix.sum(axis=0, keepdims=True)
    for _ in range(log2_steps):
        matrix = matrix @ matrix
    return (scores.reshape(len(scores), -1) @ matrix).reshape(scores.shape)
