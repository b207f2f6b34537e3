"""The classification losses of image tags as loops, straight from the equations, and arguments for them."""

import math

import torch


def bce(p, t, eps):
    z = torch.log(p * (1 - eps) + eps) - torch.log(1 - p * (1 - eps))
    return -t * torch.log(torch.sigmoid(z)) - (1 - t) * torch.log(1 - torch.sigmoid(z))


def pixels_inside(mask, b, size):
    height, width = size
    every = [(y, x) for y in range(height) for x in range(width)]
    return [i for i in every if mask is None or mask[b, 0, i[0], i[1]] >= 1]


def loop_expectation(probs, tags, *, eps=1e-3, mask=None, chances_from=None):
    """Exact mean of the sampled loss; the chances come from ``chances_from``, which gets no gradient."""
    chances_from = (probs if chances_from is None else chances_from).detach()
    total, rows = probs.sum() * 0, 0
    for b in range(len(probs)):
        inside = pixels_inside(mask, b, probs.shape[2:])
        if not inside or any(math.isnan(t) for t in tags[b].tolist()):
            continue
        for k in range(probs.shape[1]):
            rows += 1
            normaliser = sum(float(chances_from[b, k, y, x]) for y, x in inside)
            for y, x in inside:
                chance = float(chances_from[b, k, y, x]) / normaliser if normaliser else 1 / len(inside)
                total = total + chance * bce(probs[b, k, y, x], tags[b, k], eps)
    return total / max(rows, 1)


def loop_pooling(maps, tags, *, kind, eps=1e-3, mask=None):
    """The loss of the maximum of probabilities, or of the mean of logits."""
    total, rows = maps.sum() * 0, 0
    for b in range(len(maps)):
        inside = pixels_inside(mask, b, maps.shape[2:])
        if not inside or any(math.isnan(t) for t in tags[b].tolist()):
            continue
        for k in range(maps.shape[1]):
            rows += 1
            values = torch.stack([maps[b, k, y, x] for y, x in inside])
            if kind == 'max':
                total = total + bce(values.max(), tags[b, k], eps)
            else:
                mean = torch.sigmoid(values.mean())
                total = total - tags[b, k] * torch.log(mean) - (1 - tags[b, k]) * torch.log(1 - mean)
    return total / max(rows, 1)


def random_tag_case(shape=(3, 2, 4, 5), *, masked=False, seed=0, dtype=torch.float64):
    """Probabilities of K foreground classes (with a background that is not returned), tags, and maybe a mask."""
    generator = torch.Generator().manual_seed(seed)
    batch, classes, *size = shape
    logits = 2 * torch.randn(batch, classes + 1, *size, generator=generator, dtype=torch.float64)
    tags = torch.randint(0, 2, (batch, classes), generator=generator).to(dtype)
    settings = {}
    if masked:
        settings['mask'] = (torch.rand(batch, 1, *size, generator=generator) > 0.3).float()
    return logits.softmax(dim=1)[:, 1:].to(dtype), tags, settings
