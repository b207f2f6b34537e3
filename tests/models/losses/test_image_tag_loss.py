import math

import pytest
import torch
import torch.nn.functional as F

from mmseg_wsss.functional import focal_mask_penalty, ngwp
from tests.helpers.tag_losses import build, grad_of, inputs, part_outside


def loop_soft_margin(scores, tags):
    total = 0.0
    for row, tagged in zip(scores.tolist(), tags.tolist(), strict=True):
        terms = [
            t * math.log(1 / (1 + math.exp(-y))) + (1 - t) * math.log(1 / (1 + math.exp(y)))
            for y, t in zip(row, tagged, strict=True)
        ]
        total -= sum(terms) / len(terms)
    return total / len(tags)


def test_tag_loss_is_the_soft_margin_of_the_pooled_logits():
    batch = inputs()
    scores = (ngwp(batch.logits, batch.probs) + focal_mask_penalty(batch.probs))[:, 1:]
    expected = loop_soft_margin(scores, batch.tags)
    assert build('ImageTagLoss')(batch).item() == pytest.approx(expected, rel=1e-5)
    assert build('ImageTagLoss', loss_weight=0.3)(batch).item() == pytest.approx(0.3 * expected, rel=1e-5)
    expected = F.multilabel_soft_margin_loss(batch.logits[:, 1:].amax(dim=(2, 3)), batch.tags)
    torch.testing.assert_close(build('ImageTagLoss', pooling={'type': 'MaxPooling'})(batch), expected)
    expected = F.multilabel_soft_margin_loss(batch.logits[:, 1:].mean(dim=(2, 3)), batch.tags)
    torch.testing.assert_close(build('ImageTagLoss', pooling={'type': 'AveragePooling'})(batch), expected)


def test_tag_loss_pools_the_cells_inside():
    batch = part_outside(inputs())
    cells = torch.ones(2, 1, 6, 8)
    cells[0, :, :, 5:] = 0  # 11 of 16 pixels: the sixth cell of two holds one of each
    scores = ngwp(batch.logits, batch.probs, mask=cells) + focal_mask_penalty(batch.probs, mask=cells)
    torch.testing.assert_close(build('ImageTagLoss')(batch), F.multilabel_soft_margin_loss(scores[:, 1:], batch.tags))


def test_descent_makes_the_tagged_class_appear():
    logits = torch.zeros(1, 3, 6, 8)
    batch = inputs([[1.0, 0.0]], logits=logits.requires_grad_())
    loss = build('ImageTagLoss')
    stepped = (logits - 50 * grad_of(loss, batch)).detach()
    assert (stepped[:, 1] > stepped[:, 2]).all()
