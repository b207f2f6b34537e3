"""Batches for the losses on class activation maps."""

import math

import torch
from mmseg.registry import MODELS

from mmseg_wsss.structures import LossInputs

NAN = math.nan


def batch(batch_size=3, classes=4, size=(14, 18), grid=(5, 6), **changes):
    generator = torch.Generator().manual_seed(0)
    valid = torch.ones(batch_size, 1, *size)
    valid[0, :, 10:] = 0
    values = {
        'logits': 2 * torch.randn(batch_size, classes, *grid, generator=generator),
        'image': torch.rand(batch_size, 3, *size, generator=generator),
        'labels': torch.full((batch_size, *size), 255),
        'valid': valid,
        'tags': torch.randint(0, 2, (batch_size, classes - 1), generator=generator).float(),
    }
    values.update(changes)
    values['logits'] = values['logits'].detach().requires_grad_()
    return LossInputs(**values)


def build(kind, **settings):
    return MODELS.build({'type': f'{kind}Loss', **settings})


def run(loss, inputs):
    value = loss(inputs)
    value.backward()
    return value.detach(), inputs.logits.grad
