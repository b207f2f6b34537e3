"""The parts of SEAM against loops over pixels."""

import math

import pytest
import torch

from mmseg_wsss.functional import (
    min_pooling_loss,
    normalised_activations,
    seam_regularisation,
    winning_activations,
)

EPS = 1e-5


def random(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def maps(*shape, seed=0):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def pattern(batch=2, height=4, width=5):
    mask = (torch.rand(batch, 1, height, width, generator=torch.Generator().manual_seed(3)) > 0.3).double()
    mask[0, 0, 0, 0] = 1
    return mask


def pixels(mask, b, size):
    every = [(y, x) for y in range(size[0]) for x in range(size[1])]
    return [p for p in every if mask is None or mask[b, 0, p[0], p[1]] >= 1]


masked = pytest.mark.parametrize('mask', [None, pattern()], ids=['whole', 'masked'])


@masked
def test_normalised_activations_equal_the_loop(mask):
    scores = random(2, 3, 4, 5)
    scores[1, 2] = -1  # never active
    expected = torch.zeros_like(scores)
    for b in range(2):
        inside = pixels(mask, b, (4, 5))
        for k in range(3):
            active = {p: max(0.0, float(scores[b, k, p[0], p[1]])) for p in inside}
            low, high = min(active.values()), max(active.values())
            for p, value in active.items():
                expected[b, k, p[0], p[1]] = max(0.0, value - low - EPS) / (high - low + EPS)
    result = normalised_activations(scores, mask=mask)
    torch.testing.assert_close(result, expected, rtol=1e-10, atol=1e-12)
    assert result.max() > 0.99
    assert (result[1, 2] == 0).all()
    kept = scores.clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda s: normalised_activations(s, mask=mask), kept)


@masked
def test_winning_activations_equal_the_loop(mask):
    scores = random(2, 4, 4, 5).requires_grad_()
    expected = torch.zeros(2, 4, 4, 5, dtype=torch.float64)
    for b in range(2):
        inside = pixels(mask, b, (4, 5))
        value = {
            (k, p): max(0.0, float(scores[b, k, p[0], p[1]]) - EPS)
            / (EPS + max(max(0.0, float(scores[b, k, q[0], q[1]])) for q in inside))
            for k in (1, 2, 3)
            for p in inside
        }
        for p in inside:
            highest = max(value[k, p] for k in (1, 2, 3))
            expected[b, 0, p[0], p[1]] = 1 - highest
            for k in (1, 2, 3):
                if value[k, p] == highest:
                    expected[b, k, p[0], p[1]] = highest
    result = winning_activations(scores, mask=mask)
    torch.testing.assert_close(result, expected, rtol=1e-10, atol=1e-12)
    assert not result.requires_grad
    inside = torch.ones(2, 1, 4, 5) if mask is None else mask
    active = (result[:, 1:] > 0).sum(dim=1, keepdim=True)
    torch.testing.assert_close(result.sum(dim=1, keepdim=True)[active > 0], inside.double()[active > 0])


@masked
@pytest.mark.parametrize('share', [0.25, 0.5, 1.0])
def test_min_pooling_equals_the_loop(mask, share):
    values = random(2, 3, 4, 5)
    means = []
    for b in range(2):
        highest = sorted(max(0.0, float(values[b, :, y, x].max())) for y, x in pixels(mask, b, (4, 5)))
        kept = highest[: max(1, math.floor(len(highest) * share))]
        means.append(sum(kept) / len(kept))
    loss = min_pooling_loss(values, share=share, mask=mask)
    assert loss.item() == pytest.approx(sum(means) / 2, rel=1e-10)
    positive = maps(2, 3, 4, 5).requires_grad_()
    assert torch.autograd.gradcheck(lambda m: min_pooling_loss(m, share=share, mask=mask), positive)


def loop_regularisation(first, second, first_refined, second_refined, *, hardest=0.2, mask=None):
    batch, channels, *size = first.shape
    total, number, tops = 0.0, 0, []
    for b in range(batch):
        inside = pixels(mask, b, size)
        number += len(inside) * (channels - 1)
        differences = ([], [])
        for y, x in inside:
            one, other = first[b, :, y, x].tolist(), second[b, :, y, x].tolist()
            total += sum(abs(p - q) for p, q in zip(one[1:], other[1:], strict=True))
            for kept, target, refined in (
                (differences[0], other, first_refined),
                (differences[1], one, second_refined),
            ):
                highest = max(target[1:])
                winners = [1 - highest, *(value if value == highest else 0.0 for value in target[1:])]
                kept += [abs(w - float(refined[b, c, y, x])) for c, w in enumerate(winners)]
        if inside:
            number_kept = max(1, math.floor(len(differences[0]) * hardest))
            tops.append(sum(sum(sorted(d)[-number_kept:]) / number_kept for d in differences))
    return total / max(1, number), sum(tops) / max(1, len(tops))


@masked
@pytest.mark.parametrize('hardest', [0.2, 0.5, 1.0])
def test_regularisation_equals_the_loop(mask, hardest):
    four = [maps(2, 4, 4, 5, seed=seed) for seed in range(4)]
    er, ecr = seam_regularisation(*four, hardest=hardest, mask=mask)
    expected = loop_regularisation(*four, hardest=hardest, mask=mask)
    assert er.item() == pytest.approx(expected[0], rel=1e-10)
    assert ecr.item() == pytest.approx(expected[1], rel=1e-10)


def test_only_refined_maps_get_the_gradient_of_the_cross_term():
    four = [maps(2, 3, 4, 4, seed=seed).requires_grad_() for seed in range(4)]
    er, ecr = seam_regularisation(*four)
    grads = torch.autograd.grad(ecr, four, allow_unused=True)
    assert grads[0] is None
    assert grads[1] is None
    # A fifth of 3 x 16 numbers of an image, 1 / 9 of an image each, 1 / 2 of the batch.
    for grad in grads[2:]:
        assert (grad != 0).flatten(1).sum(dim=1).tolist() == [9, 9]
        torch.testing.assert_close(grad[grad != 0].abs(), torch.full((18,), 1 / 18, dtype=torch.float64))
    grads = torch.autograd.grad(er, four, allow_unused=True)
    assert grads[2] is None
    assert grads[3] is None
    assert not grads[0][:, 0].any()
    assert torch.equal(grads[0], -grads[1])


@pytest.mark.parametrize('bad', [math.nan, math.inf, -math.inf])
def test_what_the_mask_leaves_out_has_no_effect(bad):
    mask = pattern()
    mask[1] = 0  # a whole image
    calls = {
        'normalised': lambda *m: normalised_activations(m[0], mask=mask).sum(),
        'winning': lambda *m: winning_activations(m[0], mask=mask).sum(),
        'min': lambda *m: min_pooling_loss(m[0], mask=mask),
        'er': lambda *m: sum(seam_regularisation(*m, mask=mask)),
    }
    four = [maps(2, 3, 4, 5, seed=seed) for seed in range(4)]
    broken = [torch.where(mask > 0, value, bad).requires_grad_() for value in four]
    for name, call in calls.items():
        expected, result = call(*four), call(*broken)
        assert torch.equal(expected, result), name
        if result.requires_grad:
            for value, grad in zip(broken, torch.autograd.grad(result, broken, allow_unused=True), strict=True):
                assert grad is None or not grad[(mask == 0).expand_as(value)].any()


def test_nothing_inside_gives_0():
    four, nothing = [maps(2, 3, 4, 5, seed=seed).requires_grad_() for seed in range(4)], torch.zeros(2, 1, 4, 5)
    total = min_pooling_loss(four[0], mask=nothing) + sum(seam_regularisation(*four, mask=nothing))
    assert total == 0
    total.backward()


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16, torch.float32])
def test_narrow_types_compute_in_float32(dtype):
    four = [maps(2, 3, 4, 5, seed=seed).to(dtype) for seed in range(4)]
    for value in (normalised_activations(four[0]), winning_activations(four[0]), min_pooling_loss(four[0])):
        assert value.dtype == torch.float32
    er, ecr = seam_regularisation(*four)
    expected = loop_regularisation(*four)
    assert (er.item(), ecr.item()) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ('call', 'error', 'message'),
    [
        (lambda m: normalised_activations(m.long()), TypeError, 'scores must be a floating-point tensor'),
        (lambda m: normalised_activations(m, eps=0), ValueError, 'eps must be a finite number above 0'),
        (lambda m: winning_activations(m[:, :1]), ValueError, 'scores must have a channel for the background and one'),
        (lambda m: min_pooling_loss(m, share=0), ValueError, 'share must be a finite number above 0, got 0'),
        (lambda m: min_pooling_loss(m, share=1.5), ValueError, r'share must be in \[0, 1\], got 1.5'),
        (lambda m: min_pooling_loss(m, mask=m), ValueError, r'mask must have the shape \(2, 1, h, w\)'),
        (lambda m: seam_regularisation(m, m, m, m[..., :2]), ValueError, 'shape of second.*got second_refined of'),
        (lambda m: seam_regularisation(m, m, m, m, hardest=2), ValueError, r'hardest must be in \[0, 1\], got 2'),
    ],
)
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call(maps(2, 3, 4, 5))
