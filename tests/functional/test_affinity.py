"""Pairs of pixels against loops over all pixels."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmseg_wsss.functional import affinities, affinity_labels, affinity_loss, affinity_terms, pair_offsets


def pairs(height, width, radius):
    """All unordered pairs of pixels nearer than the radius, by definition."""
    pixels = [(y, x) for y in range(height) for x in range(width)]
    return [(p, q) for p in pixels for q in pixels if p < q and math.dist(p, q) < radius]


def slow_loss(features, labels, radius, eps=1e-5):
    kinds = {'bg': [], 'fg': [], 'neg': []}
    for image, ids in zip(features, labels, strict=True):
        for p, q in pairs(*ids.shape, radius):
            first, second = int(ids[p]), int(ids[q])
            if 255 in (first, second):
                continue
            w = math.exp(-np.mean([abs(float(channel[p]) - float(channel[q])) for channel in image]))
            if first != second:
                kinds['neg'].append(-math.log(1 + eps - w))
            else:
                kinds['fg' if first else 'bg'].append(-math.log(w + eps))
    means = {kind: sum(values) / (len(values) + eps) for kind, values in kinds.items()}
    return means['bg'] / 4 + means['fg'] / 4 + means['neg'] / 2


def batch(size=(6, 7), classes=3, seed=0, dtype=torch.float64, images=2):
    rng = np.random.default_rng(seed)
    features = torch.from_numpy(rng.normal(size=(images, 4, *size))).to(dtype)
    labels = torch.from_numpy(rng.choice([*range(classes), 255], (images, *size)))
    return features, labels


def test_offsets_are_those_of_the_published_code():
    offsets = pair_offsets(5)
    published = [(0, x) for x in range(1, 5)]
    published += [(y, x) for y in range(1, 5) for x in range(-4, 5) if x * x + y * y < 25]
    assert sorted(offsets) == sorted(published)
    assert len(offsets) == 34


@pytest.mark.parametrize('size', [(6, 7), (1, 9), (3, 2), (1, 1)])
def test_loss_is_the_loop(size):
    features, labels = batch(size)
    assert float(affinity_loss(features, labels, radius=3)) == pytest.approx(slow_loss(features, labels, 3), abs=1e-9)


def test_affinities_and_labels_of_each_pair():
    features, labels = batch((4, 5))
    weights, kinds = affinities(features, radius=3), affinity_labels(labels, radius=3)
    seen = torch.zeros_like(kinds, dtype=torch.bool)
    for p, q in pairs(4, 5, 3):
        place = (slice(None), pair_offsets(3).index((q[0] - p[0], q[1] - p[1])), *p)
        seen[place] = True
        first, second = ((slice(None), *end) for end in (p, q))
        expected = (-(features.movedim(1, -1)[first] - features.movedim(1, -1)[second]).abs().mean(1)).exp()
        assert torch.allclose(weights[place], expected)
        for kind, a, b in zip(kinds[place], labels[first], labels[second], strict=True):
            assert kind == (255 if 255 in (a, b) else 2 if a != b else int(a > 0))
    assert (weights[~seen] == 0).all()
    assert (kinds[~seen] == 255).all()


def test_terms_by_hand():
    features = torch.tensor([[[[0.0, 1.0, 3.0, 3.5]]]], dtype=torch.float64)
    terms = affinity_terms(features, torch.tensor([[[0, 0, 2, 2]]]), radius=2, eps=1e-9)
    assert [float(term) for term in terms] == pytest.approx([1.0, 0.5, -math.log(1 - math.exp(-2))], abs=1e-7)
    assert float(affinity_loss(features, torch.full((1, 1, 4), 255))) == 0


def test_gradient():
    features, labels = batch((3, 4))
    assert torch.autograd.gradcheck(lambda x: affinity_loss(x, labels, radius=3), features.requires_grad_(), atol=1e-6)


def test_gradient_is_that_of_plain_operations_and_keeps_no_differences():
    features = torch.cat([batch((5, 6))[0]] * 12, dim=1).requires_grad_()  # 48 channels, 14 pairs of a pixel
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda x: kept.append(x.numel()) or x, lambda x: x):
        weights = affinities(features, radius=3)
    assert sum(kept) <= features.numel() + weights.numel()
    upstream = torch.rand_like(weights)
    weights.backward(upstream)
    plain = features.detach().requires_grad_()
    total = 0
    for p, q in pairs(5, 6, 3):
        place = (slice(None), pair_offsets(3).index((q[0] - p[0], q[1] - p[1])), *p)
        here, there = (plain.movedim(1, -1)[(slice(None), *end)] for end in (p, q))
        total = total + (upstream[place] * (-(here - there).abs().mean(dim=1)).exp()).sum()
    total.backward()
    torch.testing.assert_close(features.grad, plain.grad)


def test_equal_features_have_a_finite_gradient():
    features = torch.ones(1, 2, 2, 2, requires_grad=True)
    affinity_loss(features, torch.tensor([[[0, 1], [1, 0]]]), radius=2).backward()
    assert torch.isfinite(features.grad).all()
    features = (1e4 * torch.tensor([0.0, 1.0]).view(1, 1, 1, 2)).requires_grad_()
    loss = affinity_loss(features, torch.tensor([[[1, 1]]]), radius=2)
    assert loss.item() == pytest.approx(-math.log(1e-5) / 4, rel=1e-3)


def test_unlabelled_pixels_have_no_effect():
    features, labels = batch()
    clean = features.clone().requires_grad_()
    affinity_loss(clean, labels).backward()
    dirty = torch.where((labels == 255)[:, None], torch.nan, features).requires_grad_()
    loss = affinity_loss(dirty, labels)
    loss.backward()
    assert loss.item() == float(affinity_loss(features, labels))
    assert torch.equal(dirty.grad, clean.grad)
    assert (clean.grad.movedim(1, -1)[labels == 255] == 0).all()


def test_narrow_types_compute_in_float32():
    features, labels = batch(dtype=torch.bfloat16)
    loss = affinity_loss(features, labels)
    assert loss.dtype == torch.float32
    assert float(loss) == pytest.approx(float(affinity_loss(features.float(), labels)))


@settings(max_examples=15, deadline=None, derandomize=True)
@given(st.integers(0, 999), st.integers(1, 5), st.integers(1, 5))
def test_flips_and_renamed_classes_change_nothing(seed, height, width):
    features, labels = batch((height, width), classes=150, seed=seed, images=1)
    loss = affinity_loss(features, labels, radius=3)
    flipped = affinity_loss(features.flip(-1), labels.flip(-1), radius=3)
    renamed = torch.where((labels == 0) | (labels == 255), labels, 150 - labels)
    assert torch.allclose(loss, flipped)
    assert torch.allclose(loss, affinity_loss(features, renamed, radius=3))


@pytest.mark.parametrize(
    ('error', 'message', 'call'),
    [
        (ValueError, 'radius must be an integer of at least 2, got 1', lambda f, y: affinities(f, radius=1)),
        (TypeError, 'features must be a floating-point tensor', lambda f, y: affinities(y)),
        (TypeError, r'labels must be a tensor of class ids \(B, H, W\)', lambda f, y: affinity_labels(y.float())),
        (ValueError, r'labels must have the shape \(B, H, W\)', lambda f, y: affinity_labels(y[None])),
        (ValueError, r'of the features, \(2, 6, 7\), got \(2, 5, 7\)', lambda f, y: affinity_loss(f, y[:, 1:])),
    ],
)
def test_wrong_arguments(error, message, call):
    with pytest.raises(error, match=message):
        call(*batch())
