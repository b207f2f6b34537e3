"""The feature similarity loss as loops over pairs of pixels, straight from the equation, and arguments for it."""

import math

import torch


def loop_feature_similarity(probs, image, *, mu=2.5, sigma=5.0, radius=None, normalise='pixels', mask=None):
    """Value of the loss; differentiable in ``probs``, ``mu`` and ``sigma`` by autograd."""
    batch, _, height, width = probs.shape
    mu, sigma = torch.as_tensor(mu, dtype=probs.dtype), torch.as_tensor(sigma, dtype=torch.float64)
    total, counted = probs.sum() * 0, 0
    for b in range(batch):
        inside = torch.ones(height, width) if mask is None else mask[b, 0]
        pixels = [(y, x) for y in range(height) for x in range(width) if inside[y, x] >= 1]
        counted += len(pixels) ** (2 if normalise == 'pairs' else 1)
        for i in pixels:
            for j in pixels:
                squared = (i[0] - j[0]) ** 2 + (i[1] - j[1]) ** 2
                if radius is not None and squared > radius**2:
                    continue
                weight = torch.exp(-squared / (2 * sigma**2)) / (2 * math.pi * sigma**2)
                delta = float((image[b, :, i[0], i[1]] - image[b, :, j[0], j[1]]).abs().sum()) / 3
                f = torch.tanh(mu + math.log((delta + 1e-5) / (1 - delta + 1e-5)))
                g = 0.5 * (probs[b, :, i[0], i[1]] - probs[b, :, j[0], j[1]]).square().sum()
                total = total - weight * g * f
    return total / max(1, counted)


def random_similarity_case(shape, *, seed=0, masked=False, dtype=torch.float64):
    """Probabilities, an image in [0, 1] with differences about the one where f changes its sign, and maybe a mask."""
    generator = torch.Generator().manual_seed(seed)
    batch, _, *size = shape
    probs = torch.randn(shape, generator=generator, dtype=torch.float64).softmax(dim=1)
    image = torch.rand(batch, 3, 1, 1, generator=generator, dtype=torch.float64) * 0.7
    image = image + 0.3 * torch.rand(batch, 3, *size, generator=generator, dtype=torch.float64)
    settings = {}
    if masked:
        settings['mask'] = (torch.rand(batch, 1, *size, generator=generator) > 0.2).float()
    return probs.to(dtype), image.to(dtype), settings
