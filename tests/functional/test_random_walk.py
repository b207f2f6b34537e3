"""Sparse steps against squared dense matrices."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmseg_wsss.functional import affinities, pair_offsets, random_walk
from mmseg_wsss.functional.random_walk import transition_matrix
from tests.helpers.random_walk import dense_walk


def random_inputs(size, channels=3, radius=3, seed=0, spread=0.3):
    rng = np.random.default_rng(seed)
    features = torch.from_numpy(spread * rng.normal(size=(1, 5, *size)))
    return rng.random((channels, *size)), affinities(features, radius=radius)[0].numpy(), features[0].numpy()


@pytest.mark.parametrize(('size', 'log2_steps'), [((5, 7), 6), ((1, 6), 3), ((2, 2), 0)])
def test_walk_is_the_squared_matrix(size, log2_steps):
    scores, affinity, features = random_inputs(size)
    walked = random_walk(scores, affinity, radius=3, beta=4.0, log2_steps=log2_steps)
    assert walked == pytest.approx(dense_walk(scores, features, 3, 4.0, log2_steps), abs=1e-12)
    if log2_steps:
        assert not np.allclose(walked, scores)


@settings(max_examples=15, deadline=None, derandomize=True)
@given(st.integers(0, 999), st.integers(1, 6), st.integers(1, 6), st.floats(0.1, 20))
def test_constants_stay_and_probabilities_sum_to_one(seed, height, width, beta):
    scores, affinity, _ = random_inputs((height, width), radius=3, seed=seed)
    scores /= scores.sum(axis=0)
    walked = random_walk(scores, affinity, radius=3, beta=beta, log2_steps=4)
    assert walked.sum(axis=0) == pytest.approx(np.ones((height, width)))
    assert (walked.min(axis=(1, 2)) >= scores.min(axis=(1, 2)) - 1e-12).all()
    assert (walked.max(axis=(1, 2)) <= scores.max(axis=(1, 2)) + 1e-12).all()
    constant = random_walk(np.full((1, height, width), 0.3), affinity, radius=3, beta=beta, log2_steps=4)
    assert constant == pytest.approx(np.full((1, height, width), 0.3))


def test_nothing_crosses_an_edge():
    features = torch.zeros(1, 1, 6, 8, dtype=torch.float64)
    features[..., 4:] = 50
    scores = np.zeros((1, 6, 8))
    scores[0, 2, 1] = 1
    walked = random_walk(scores, affinities(features)[0].numpy())
    assert walked[0, :, 4:].max() < 1e-12
    assert walked[0, :, :4].min() > 0.01


def test_memory_is_that_of_the_pairs():
    size, radius = (47, 63), 5  # a photo of 375 x 500 at stride 8
    _, affinity, _ = random_inputs(size, radius=radius)
    matrix = transition_matrix(affinity)
    pixels = size[0] * size[1]
    assert matrix.nnz <= (2 * len(pair_offsets(radius)) + 1) * pixels
    assert matrix.nnz < 0.025 * pixels**2
    assert np.asarray(matrix.sum(axis=0)).ravel() == pytest.approx(np.ones(pixels))


def test_no_channels():
    _, affinity, _ = random_inputs((4, 4))
    assert random_walk(np.zeros((0, 4, 4)), affinity, radius=3).shape == (0, 4, 4)


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'scores': np.zeros((4, 5))}, r'scores must have the shape \(C, H, W\)'),
        ({'affinity': np.zeros((13, 4, 4))}, r'affinity must have the shape \(P, H, W\) = \(12, 4, 5\)'),
        ({'affinity': np.full((12, 4, 5), 2.0)}, r'affinity must be in \[0, 1\], got 2.0..2.0'),
        ({'affinity': np.full((12, 4, 5), np.nan)}, r'affinity must be in \[0, 1\], got nan'),
        ({'beta': 0}, 'beta must be a finite number above 0'),
        ({'log2_steps': -1}, 'log2_steps must be an integer from 0 to 16, got -1'),
        ({'log2_steps': 2.0}, 'log2_steps must be an integer'),
        ({'radius': 4}, r'\(P, H, W\) = \(22, 4, 5\)'),
    ],
)
def test_wrong_arguments(change, message):
    scores, affinity, _ = random_inputs((4, 5))
    arguments = {'scores': scores, 'affinity': affinity, 'radius': 3, **change}
    with pytest.raises(ValueError, match=message):
        random_walk(arguments.pop('scores'), arguments.pop('affinity'), **arguments)
