"""The fast twin against the reference on resized logits, which is tested against loops."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmseg_wsss import functional, ops
from mmseg_wsss.functional.grids import resize_inside
from mmseg_wsss.ops import pseudo_labels

sizes = st.integers(1, 9)


def random_case(batch, classes, grid, size, seed, dtype=torch.float64, share=0.3):
    """Logits on a grid, labels of a size with ignored pixels, and tags of which most are found."""
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(batch, classes, *grid, generator=generator, dtype=torch.float64).to(dtype)
    labels = torch.randint(0, classes, (batch, *size), generator=generator)
    labels = torch.where(torch.rand(labels.shape, generator=generator) < share, labels, 255)
    found = torch.stack([(labels == c).flatten(1).any(dim=1) for c in range(1, classes)], dim=1).float()
    wrong = torch.rand(batch, 1, generator=generator) < 0.2
    return logits, labels, torch.where(wrong, 1 - found, found), generator


def both(logits, labels, tags, cells=None, align_corners=True, **chosen):
    """Losses and gradients of the twin and of the reference, with a different upstream gradient for each image."""
    results = []
    for fast in (True, False):
        own = logits.clone().requires_grad_()
        if fast:
            losses = ops.balanced_cross_entropy(own, labels, tags, cells=cells, align_corners=align_corners, **chosen)
        else:
            inside = torch.ones_like(logits[:, :1]) if cells is None else cells
            full, _ = resize_inside(own, tuple(labels.shape[1:]), inside, align_corners=align_corners)
            losses = functional.balanced_cross_entropy(full, labels, tags, **chosen)
        (losses * torch.arange(1, len(losses) + 1)).sum().backward()
        results.append((losses.detach(), own.grad))
    return results


@settings(max_examples=100, deadline=None, derandomize=True)
@given(
    batch=st.integers(1, 3),
    classes=st.integers(2, 4),
    grid=st.tuples(sizes, sizes),
    size=st.tuples(st.integers(1, 20), st.integers(1, 20)),
    share=st.sampled_from([0.0, 0.1, 0.4, 1.0]),
    masked=st.booleans(),
    balance=st.sampled_from(['reference', 'paper']),
    align_corners=st.booleans(),
    seed=st.integers(0, 999),
)
def test_equals_the_reference_of_resized_logits(
    batch, classes, grid, size, share, masked, balance, align_corners, seed
):
    logits, labels, tags, generator = random_case(batch, classes, grid, size, seed, share=share)
    chosen = {'balance': balance, 'align_corners': align_corners}
    if masked:
        chosen['cells'] = (torch.rand(batch, 1, *grid, generator=generator) > 0.3).float()
        chosen['mask'] = (torch.rand(batch, 1, *size, generator=generator) > 0.2).float()
        logits = torch.where(chosen['cells'] > 0, logits, math.nan)
    (fast, gradient), (slow, expected) = both(logits, labels, tags, **chosen)
    torch.testing.assert_close(fast, slow, rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(gradient, expected, rtol=1e-9, atol=1e-12)
    assert fast.dtype == torch.float64


def test_float32_at_the_size_of_a_crop():
    logits, labels, tags, _ = random_case(4, 21, (33, 27), (129, 107), 0, torch.float32)
    (fast, gradient), (slow, expected) = both(logits, labels, tags)
    assert slow.gt(0).any()
    torch.testing.assert_close(fast, slow, rtol=1e-5, atol=1e-7)
    torch.testing.assert_close(gradient, expected, rtol=1e-4, atol=1e-8)


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
def test_half_types_and_autocast_are_computed_in_float32(dtype):
    logits, labels, tags, _ = random_case(3, 4, (5, 6), (11, 12), 1, dtype)
    with torch.autocast('cpu', torch.bfloat16):
        result = ops.balanced_cross_entropy(logits, labels, tags)
    assert result.dtype == torch.float32
    torch.testing.assert_close(result, ops.balanced_cross_entropy(logits.float(), labels, tags))


def test_images_that_do_not_count_cost_nothing(monkeypatch):
    logits, labels, tags, _ = random_case(3, 4, (5, 6), (11, 12), 1)
    tags[1:] = math.nan
    tags[0] = 1 - torch.stack([(labels[0] == c).any() for c in (1, 2, 3)]).float()
    seen = []

    def resize_at(field, chosen, **kwargs):
        seen.append(int(chosen.sum()))
        return functional.grids.resize_at(field, chosen, **kwargs)

    monkeypatch.setattr(pseudo_labels, 'resize_at', resize_at)
    losses = ops.balanced_cross_entropy(logits.requires_grad_(), labels, tags)
    losses.sum().backward()
    assert seen == [0]
    assert not losses.detach().any()
    assert not logits.grad.any()


def test_with_most_pixels_labelled_all_logits_are_resized(monkeypatch):
    monkeypatch.delattr(pseudo_labels, 'resize_at')
    logits, labels, _, _ = random_case(2, 3, (5, 6), (11, 12), 1, share=1.0)
    losses = ops.balanced_cross_entropy(logits, labels, torch.ones(2, 2))
    assert losses.gt(0).all()


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'labels': torch.zeros(3, 4, 4).long()}, r'labels must have the shape \(2, H, W\), got \(3, 4, 4\)'),
        ({'mask': torch.ones(2, 1, 2, 2)}, 'mask must have the size of labels'),
        ({'cells': torch.ones(2, 1, 4, 4)}, 'mask must have the size of logits'),
        ({'tags': torch.ones(2, 3)}, 'tags must have the shape'),
        ({'balance': 'none'}, 'unknown balance'),
        ({'backend': 'triton'}, 'this op has no Triton kernel'),
    ],
)
def test_errors(change, message):
    chosen = {'logits': torch.ones(2, 3, 2, 2), 'labels': torch.zeros(2, 4, 4).long(), 'tags': torch.ones(2, 2)}
    with pytest.raises(ValueError, match=message):
        ops.balanced_cross_entropy(**{**chosen, **change})
