"""Batches and settings for point-to-pseudo-mask training."""

import torch
from mmengine.logging import MessageHub

from mmseg_wsss.models.pseudo_masks import CONFIDENCE_KEY
from mmseg_wsss.structures import LossInputs

PLAIN = {'type': 'ExpandingPseudoMasks', 'refiner': None, 'blots': None, 'refiner_stride': 1}


def set_scores(background, objects):
    state = {'background_score': background, 'object_score': objects}
    MessageHub.get_current_instance().update_info(CONFIDENCE_KEY, state)


def inputs(**changes):
    """Two images of 5 classes: points of 0 and 3 in the first, of 4 alone in the second, which ends at column 12."""
    generator = torch.Generator().manual_seed(0)
    valid = torch.ones(2, 1, 16, 16)
    valid[1, :, :, 12:] = 0
    logits = torch.randn(2, 5, 8, 8, generator=generator)
    logits[0, 0, :, :4] += 6
    logits[0, 3, :, 4:] += 6
    logits[1, 4] += 6
    values = {
        'logits': logits.requires_grad_(),
        'image': torch.rand(2, 3, 16, 16, generator=generator),
        'labels': torch.full((2, 16, 16), 255),
        'valid': valid,
        'points': (torch.tensor([[2.5, 3.5, 0], [20.0, 9.0, 3]]), torch.tensor([[5.2, 5.8, 4]])),
        'maps': {'point_blots': torch.full((2, 1, 16, 16), 255, dtype=torch.uint8)},
    }
    return LossInputs(**{**values, **changes})
