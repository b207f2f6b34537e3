import math

import pytest
import torch
from mmseg.registry import MODELS

from mmseg_wsss.functional import focal_mask_penalty, ngwp, probs_to_logits

POOLINGS = ['AveragePooling', 'MaxPooling', 'NGWPPooling']


def case(shape=(2, 4, 5, 3)):
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(shape, generator=generator)
    mask = (torch.rand(shape[0], 1, *shape[2:], generator=generator) > 0.4).float()
    return logits, logits.softmax(dim=1), mask


def loop(logits, mask, reduce):
    rows = []
    for b in range(logits.shape[0]):
        chosen = torch.ones(logits.shape[2:], dtype=torch.bool) if mask is None else mask[b, 0] >= 1
        rows.append([reduce([float(v) for v in channel[chosen]]) for channel in logits[b, 1:]])
    return torch.tensor(rows)


@pytest.mark.parametrize('masked', [False, True])
@pytest.mark.parametrize('shift', [-9.0, 0.0])
def test_scores_of_the_foreground(masked, shift):
    logits, probs, mask = case()
    logits = logits + shift
    mask = mask if masked else None
    average = MODELS.build({'type': 'AveragePooling'})(logits, probs, mask)
    expected = loop(logits, mask, lambda values: sum(values) / len(values))
    torch.testing.assert_close(average, expected, rtol=1e-5, atol=1e-5)
    largest = MODELS.build({'type': 'MaxPooling'})(logits, probs, mask)
    torch.testing.assert_close(largest, loop(logits, mask, max))
    pooled = MODELS.build({'type': 'NGWPPooling'})(logits, probs, mask)
    expected = ngwp(logits, probs, mask=mask) + focal_mask_penalty(probs, mask=mask)
    torch.testing.assert_close(pooled, expected[:, 1:], rtol=1e-5, atol=1e-5)


def test_settings_of_ngwp_reach_the_functions():
    logits, probs, mask = case()
    pooled = MODELS.build({'type': 'NGWPPooling', 'eps': 0.3, 'exponent': 5, 'floor': 0.1})(logits, probs, mask)
    penalty = focal_mask_penalty(probs, exponent=5, floor=0.1, mask=mask)
    torch.testing.assert_close(pooled, (ngwp(logits, probs, eps=0.3, mask=mask) + penalty)[:, 1:])


def test_without_the_size_penalty_the_scores_are_those_of_ngwp():
    logits, probs, mask = case()
    for chosen in (None, mask):
        pooled = MODELS.build({'type': 'NGWPPooling', 'size_penalty': False})(logits, probs, chosen)
        torch.testing.assert_close(pooled, ngwp(logits, probs, mask=chosen)[:, 1:], rtol=0, atol=0)
        penalised = MODELS.build({'type': 'NGWPPooling'})(logits, probs, chosen)
        assert (penalised < pooled).all()


@pytest.mark.parametrize('pooling', POOLINGS)
@pytest.mark.parametrize('bad', [math.nan, math.inf, -math.inf])
def test_masked_pixels_have_no_effect(pooling, bad):
    logits, probs, mask = case()
    mask[1] = 0  # an image of padding alone
    pool = MODELS.build({'type': pooling})
    leaf = torch.where(mask > 0, logits, bad).requires_grad_()
    scores = pool(leaf, torch.where(mask > 0, probs, bad), mask)
    assert torch.equal(scores, pool(logits, probs, mask))
    assert scores.isfinite().all()
    scores.sum().backward()
    assert leaf.grad.isfinite().all()
    assert not leaf.grad[(mask == 0).expand_as(leaf)].any()
    assert leaf.grad[0, 1:].any()
    if pooling != 'NGWPPooling':
        assert scores[1].tolist() == [0, 0, 0]


@pytest.mark.parametrize('pooling', POOLINGS)
def test_two_and_150_classes_and_half_precision(pooling):
    pool = MODELS.build({'type': pooling})
    for classes in (2, 151):
        logits, probs, mask = case((1, classes, 7, 5))
        half = pool(logits.bfloat16(), probs.bfloat16(), mask)
        assert half.shape == (1, classes - 1)
        assert half.dtype == torch.float32
        torch.testing.assert_close(half, pool(logits.bfloat16().float(), probs.bfloat16().float(), mask))


@pytest.mark.parametrize('settings', [{'eps': 0}, {'exponent': -1}, {'floor': 0.0}])
def test_wrong_settings_are_found_when_built(settings):
    with pytest.raises(ValueError, match=next(iter(settings))):
        MODELS.build({'type': 'NGWPPooling', **settings})


def test_max_prob_pooling():
    pooling = MODELS.build({'type': 'MaxProbPooling', 'eps': 0.01})
    probs = torch.tensor([[0.7, 0.2], [0.2, 0.1], [0.1, 0.7]]).view(1, 3, 1, 2)
    scores = pooling(None, probs)
    torch.testing.assert_close(scores, probs_to_logits(torch.tensor([[0.2, 0.7]]), eps=0.01))
    mask = torch.tensor([1.0, 0.0]).view(1, 1, 1, 2)
    broken = torch.where(mask >= 1, probs, torch.nan)
    torch.testing.assert_close(pooling(None, broken, mask), probs_to_logits(torch.tensor([[0.2, 0.1]]), eps=0.01))
    torch.testing.assert_close(pooling(None, broken, 0 * mask), probs_to_logits(torch.zeros(1, 2), eps=0.01))
    with pytest.raises(ValueError, match='eps must be a number between 0 and 1'):
        MODELS.build({'type': 'MaxProbPooling', 'eps': 0})
