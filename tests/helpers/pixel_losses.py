"""A batch for losses of pixels."""

import torch

from mmseg_wsss.structures import LossInputs


def inputs(**changes):
    """Two images of three classes, every second row labelled, the right half of the second outside the image."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(0, 3, (2, 12, 12), generator=generator)
    labels[:, ::2] = 255
    valid = torch.ones(2, 1, 12, 12)
    valid[1, :, 6:] = 0
    values = {
        'logits': torch.randn(2, 3, 6, 6, generator=generator, requires_grad=True),
        'image': torch.rand(2, 3, 12, 12, generator=generator),
        'labels': labels,
        'valid': valid,
    }
    return LossInputs(**{**values, **changes})
