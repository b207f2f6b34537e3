"""The Gated CRF loss as loops over pairs of cells, straight from the equation, and random arguments for it."""

import math
from typing import Any

import torch
from torch import Tensor

PAPER = [{'weight': 1.0, 'xy': 6.0, 'rgb': 0.1}]
MIXTURE = [{'weight': 0.7, 'xy': 1.5, 'rgb': 0.6}, {'weight': 1.3, 'xy': 2.0}, {'weight': 0.4, 'rgb': 0.3}]


def windows(cells: int, pixels: int) -> list[range]:
    """Pixels of each cell, as adaptive pooling has them."""
    return [range(i * pixels // cells, -(-(i + 1) * pixels // cells)) for i in range(cells)]


def loop_gated_crf(
    probs, image, *, kernels, radius, source_mask=None, destination_mask=None, compatibility=None, modalities=None
):
    """Value of the loss; differentiable in ``probs`` by autograd."""
    batch, _, height, width = probs.shape
    image = image.to(probs.dtype)

    def pool(field, reduce):
        rows, columns = windows(height, field.shape[2]), windows(width, field.shape[3])
        return [
            [
                [reduce([field[n, :, y, x] for y in rows[i] for x in columns[j]]) for j in range(width)]
                for i in range(height)
            ]
            for n in range(batch)
        ]

    def gate(mask):
        if mask is None:
            return torch.ones(batch, height, width).tolist()
        return pool(mask, lambda pixels: float(all(bool(pixel == 1) for pixel in pixels)))

    features = {
        name: pool(field.to(probs.dtype), lambda pixels: sum(pixels) / len(pixels))
        for name, field in {'rgb': image, **(modalities or {})}.items()
    }
    source, destination = gate(source_mask), gate(destination_mask)
    energy = probs.sum() * 0
    for n in range(batch):
        for i in range(height):
            for j in range(width):
                for k in range(max(0, i - radius), min(height, i + radius + 1)):
                    for m in range(max(0, j - radius), min(width, j + radius + 1)):
                        weight = destination[n][i][j] * source[n][k][m]
                        if (i, j) == (k, m) or not weight:
                            continue
                        similarity = 0.0
                        for kernel in kernels:
                            exponent = 0.0
                            if 'xy' in kernel:
                                exponent += ((i - k) ** 2 + (j - m) ** 2) / kernel['xy'] ** 2
                            for name in kernel.keys() - {'weight', 'xy'}:
                                feature = features[name][n]
                                exponent += float(((feature[i][j] - feature[k][m]) / kernel[name]).square().sum())
                            similarity += kernel['weight'] * math.exp(-0.5 * exponent)
                        here, there = probs[n, :, i, j], probs[n, :, k, m]
                        cost = 1 - here @ there if compatibility is None else here @ compatibility @ there
                        energy = energy + weight * similarity * cost
    counted = source if destination_mask is None else destination
    return energy / max(1.0, float(torch.tensor(counted).sum()))


def random_case(
    shape: tuple[int, int, int, int],
    *,
    image_size: tuple[int, int],
    masks: str = '',
    mask_size: tuple[int, int] | None = None,
    seed: int = 0,
    dtype: torch.dtype = torch.float64,
) -> tuple[Tensor, Tensor, dict[str, Any]]:
    """Probabilities, an image with smooth patches, and the masks that ``masks`` names by its letters s and d."""
    generator = torch.Generator().manual_seed(seed)
    batch, _, *size = shape
    probs = torch.randn(shape, generator=generator, dtype=torch.float64).softmax(dim=1).to(dtype)
    image = torch.randn(batch, 3, *image_size, generator=generator, dtype=torch.float64).mul(0.3).to(dtype)
    named = {'s': 'source_mask', 'd': 'destination_mask'}
    settings = {}
    for letter in masks:
        mask = torch.rand(batch, 1, *(mask_size or size), generator=generator) > 0.15
        settings[named[letter]] = mask.to(torch.float32)
    return probs, image, settings


def value_and_grad(function, probs, image, **settings):
    """Loss and gradient with respect to the probabilities."""
    probs = probs.detach().clone().requires_grad_()
    loss = function(probs, image, **settings)
    loss.backward()
    return loss.detach(), probs.grad
