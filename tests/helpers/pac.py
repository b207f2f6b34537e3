"""PAC as loops over cells, straight from the equation."""

import math

import torch


def loop_pac(masks, image, *, layers, normalisation='softmax', sharpness=30.0, mask=None):
    """Refined masks on the grid that the strides leave, and which of its cells are inside."""
    inside = torch.ones_like(masks[:, :1]) if mask is None else mask
    for kernel_size, dilation, stride in layers:
        batch, channels, height, width = masks.shape
        result = torch.zeros_like(masks)
        for b in range(batch):
            for y in range(height):
                for x in range(width):
                    if inside[b, 0, y, x] >= 1:
                        near = window(inside[b, 0], y, x, kernel_size, dilation)
                        for c in range(channels):
                            result[b, c, y, x] = loop_cell(
                                masks[b, c], image[b], (y, x), near, normalisation, sharpness
                            )
        masks, image, inside = (field[:, :, ::stride, ::stride] for field in (result, image, inside))
    return masks, inside


def window(inside, y, x, kernel_size, dilation):
    height, width = inside.shape
    steps = [dilation * step for step in range(-(kernel_size // 2), kernel_size // 2 + 1)]
    places = [(y + down, x + right) for down in steps for right in steps]
    return [(v, u) for v, u in places if 0 <= v < height and 0 <= u < width and inside[v, u] >= 1]


def loop_cell(mask, image, centre, near, normalisation, sharpness):
    mean = sum(float(mask[n]) for n in near) / len(near)
    scores = []
    for n in near:
        score = 0.0
        for colour in image:
            values = [float(colour[p]) for p in near]
            average = sum(values) / len(values)
            variance = sum((value - average) ** 2 for value in values) / max(len(values) - 1, 1)
            score -= abs(float(colour[n] - colour[centre])) / (math.sqrt(variance) / sharpness + 1e-8) / 3
        scores.append(score if normalisation == 'damped' else score * mean)
    if normalisation == 'literal':
        return sum(score * float(mask[n]) for score, n in zip(scores, near, strict=True))
    total = sum(math.exp(score) for score in scores)
    average = sum(math.exp(score) / total * float(mask[n]) for score, n in zip(scores, near, strict=True))
    return average * mean if normalisation == 'damped' else average
