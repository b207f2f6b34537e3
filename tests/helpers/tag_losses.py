"""Batches for the losses that learn from image tags."""

import math

import torch
import torch.nn.functional as F
from mmseg.registry import MODELS

from mmseg_wsss.structures import LossInputs

TAGS = [[1.0, 0.0], [1.0, 1.0]]
NAN = math.nan
PAMR = {'type': 'PAMR', 'num_iters': 2, 'dilations': (1, 2)}


def inputs(tags=TAGS, size=(12, 16), grid=(6, 8), classes=3, seed=0, **changes):
    """Logits of blobs, so that pseudo-labels hold every class."""
    generator = torch.Generator().manual_seed(seed)
    batch = 2 if tags is None else len(tags)
    rows, columns = torch.meshgrid(*(torch.linspace(0, 1, side) for side in grid), indexing='ij')
    blobs = [2 - 9 * ((rows - y) ** 2 + (columns - x) ** 2) for y, x in ((0.1, 0.1), (0.9, 0.2), (0.5, 0.9))]
    logits = torch.stack(blobs[:classes] + [-4 + 0 * rows] * (classes - 3)).expand(batch, -1, -1, -1)
    logits = logits + 0.1 * torch.randn(logits.shape, generator=generator)
    values = {
        'logits': logits.requires_grad_(),
        'image': F.interpolate(torch.rand(batch, 3, 4, 4, generator=generator), size, mode='bilinear'),
        'labels': torch.full((batch, *size), 255),
        'valid': torch.ones(batch, 1, *size),
        'tags': None if tags is None else torch.tensor(tags),
    }
    return LossInputs(**{**values, **changes})


def part_outside(batch, bad=None):
    """The right of the first image is outside; the cells there, and the pixels, hold ``bad``."""
    valid = batch.valid.clone()
    valid[0, :, :, 11:] = 0
    if bad is None:
        return LossInputs(**{**vars(plain(batch)), 'valid': valid})
    cells = 1 - F.adaptive_max_pool2d(1 - valid, batch.logits.shape[2:])
    logits = torch.where(cells > 0, batch.logits.detach(), bad).requires_grad_()
    return LossInputs(logits, torch.where(valid > 0, batch.image, bad), batch.labels, valid, batch.tags)


def plain(batch):
    """A fresh copy without cached properties."""
    return LossInputs(
        batch.logits.detach().clone().requires_grad_(), batch.image, batch.labels, batch.valid, batch.tags
    )


def build(kind, **settings):
    return MODELS.build({'type': kind, **settings})


def grad_of(loss, batch):
    return torch.autograd.grad(loss(batch), batch.logits, retain_graph=True)[0]
