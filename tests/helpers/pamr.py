"""PAMR as loops over pixels, straight from the equation, and random arguments for it."""

import math

import torch

AROUND = [(-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1)]


def loop_pamr(masks, image, *, num_iters=10, dilations=(1, 2, 4, 8, 12, 24), affinity='reference', mask=None):
    """Refined masks of the size of the image; masks and image must have one size."""
    batch, _, height, width = masks.shape
    result = torch.zeros_like(masks)
    for b in range(batch):
        inside = torch.ones(height, width) if mask is None else mask[b, 0]
        weights = {}
        for y in range(height):
            for x in range(width):
                if inside[y, x] >= 1:
                    weights[y, x] = loop_weights(image[b], inside, y, x, dilations, affinity)
        now = {pixel: masks[b, :, pixel[0], pixel[1]].clone() for pixel in weights}
        for _ in range(num_iters):
            now = {
                pixel: sum(alpha * now[n] for n, alpha in near) if near else now[pixel]
                for pixel, near in weights.items()
            }
        for (y, x), value in now.items():
            result[b, :, y, x] = value
    return result


def loop_weights(image, inside, y, x, dilations, affinity):
    """Neighbours of a pixel, each with its weight."""
    height, width = inside.shape
    near, samples = [], []
    for d in dilations:
        samples.append(image[:, y, x])
        for down, right in AROUND:
            n = (min(max(y + d * down, 0), height - 1), min(max(x + d * right, 0), width - 1))
            if inside[n] >= 1:
                near.append(n)
                samples.append(image[:, n[0], n[1]])
    scores = []
    for n in near:
        score = 0.0
        for c in range(3):
            values = [float(sample[c]) for sample in samples]
            mean = sum(values) / len(values)
            variance = sum((value - mean) ** 2 for value in values) / (len(values) - 1)
            scale = 0.1 * math.sqrt(variance) if affinity == 'reference' else variance
            score -= abs(float(image[c, n[0], n[1]] - image[c, y, x])) / (1e-8 + scale) / 3
        scores.append(score)
    total = sum(math.exp(score) for score in scores)
    return [(n, math.exp(score) / total) for n, score in zip(near, scores, strict=True)]


def random_pamr_case(shape, image_size=None, *, seed=0, masked=False, dtype=torch.float64):
    """Soft masks, an image of smooth patches with noise, and settings that hold a mask if asked for."""
    generator = torch.Generator().manual_seed(seed)
    batch, _, *size = shape
    masks = torch.rand(shape, generator=generator, dtype=torch.float64)
    coarse = torch.rand(batch, 3, 3, 3, generator=generator, dtype=torch.float64)
    image = torch.nn.functional.interpolate(coarse, image_size or size, mode='bilinear')
    image = image + 0.05 * torch.rand(image.shape, generator=generator, dtype=torch.float64)
    settings = {}
    if masked:
        settings['mask'] = (torch.rand(batch, 1, *size, generator=generator) > 0.2).float()
    return masks.to(dtype), image.to(dtype), settings
