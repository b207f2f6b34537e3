import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmseg_wsss.functional import equivariance_differences, pixel_correlation


def random(*shape, seed=0, dtype=torch.float64):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def pattern(batch=2, height=3, width=5, seed=5):
    generator = torch.Generator().manual_seed(seed)
    return (torch.rand(batch, 1, height, width, generator=generator) > 0.3).double()


def loop_correlation(maps, features, mask=None, eps=1e-5):
    result = torch.zeros_like(maps)
    batch, classes, height, width = maps.shape
    for b in range(batch):
        cells = [(y, x) for y in range(height) for x in range(width) if mask is None or mask[b, 0, y, x] >= 1]
        unit = {}
        for y, x in cells:
            vector = features[b, :, y, x].tolist()
            length = math.sqrt(sum(v * v for v in vector)) + eps
            unit[y, x] = [v / length for v in vector]
        for i in cells:
            affinity = {j: max(0.0, sum(p * q for p, q in zip(unit[i], unit[j], strict=True))) for j in cells}
            for c in range(classes):
                total = sum(float(maps[b, c, j[0], j[1]]) * affinity[j] for j in cells)
                result[b, c, i[0], i[1]] = total / (sum(affinity.values()) + eps)
    return result


@pytest.mark.parametrize('masked', [False, True])
@pytest.mark.parametrize(('classes', 'dims'), [(3, 4), (1, 1), (7, 2)])
def test_correlation_equals_the_loop(classes, dims, masked):
    maps, features = random(2, classes, 3, 5), random(2, dims, 3, 5, seed=1)
    mask = pattern() if masked else None
    torch.testing.assert_close(pixel_correlation(maps, features, mask=mask), loop_correlation(maps, features, mask))


def test_features_all_alike_give_the_mean_and_all_unlike_change_nothing():
    maps = random(1, 2, 2, 3)
    alike = pixel_correlation(maps, torch.ones(1, 4, 2, 3, dtype=torch.float64))
    torch.testing.assert_close(alike, maps.mean((2, 3), keepdim=True).expand_as(maps), rtol=1e-4, atol=1e-5)
    unlike = pixel_correlation(maps, torch.eye(6, dtype=torch.float64).view(1, 6, 2, 3))
    torch.testing.assert_close(unlike, maps, rtol=1e-4, atol=1e-5)
    opposite = torch.tensor([1.0, -1.0], dtype=torch.float64).view(1, 1, 1, 2)
    torch.testing.assert_close(pixel_correlation(maps[..., :1, :2], opposite), maps[..., :1, :2], rtol=1e-4, atol=1e-5)
    assert (pixel_correlation(maps, torch.zeros(1, 3, 2, 3)) == 0).all()


@given(st.integers(0, 1000), st.floats(0.1, 50))
@settings(max_examples=10, derandomize=True, deadline=None)
def test_correlation_is_a_mean_that_knows_no_length_and_no_place(seed, scale):
    maps, features = random(1, 3, 2, 4, seed=seed).softmax(1), random(1, 5, 2, 4, seed=seed + 1)
    refined = pixel_correlation(maps, features)
    assert refined.min() >= 0
    torch.testing.assert_close(refined.sum(1), torch.ones(1, 2, 4, dtype=torch.float64), rtol=0, atol=1e-4)
    torch.testing.assert_close(pixel_correlation(maps, features * scale), refined, rtol=1e-3, atol=1e-4)
    turned = pixel_correlation(maps.flip(3), features.flip(3)).flip(3)
    torch.testing.assert_close(turned, refined)


def test_correlation_gradients():
    maps, features = random(1, 2, 2, 3).requires_grad_(), random(1, 3, 2, 3, seed=1).requires_grad_()
    mask = torch.ones(1, 1, 2, 3)
    mask[..., 1] = 0
    assert torch.autograd.gradcheck(lambda m, f: pixel_correlation(m, f, mask=mask), (maps, features))


def test_cells_outside_have_no_effect():
    maps, features, mask = random(2, 3, 3, 5), random(2, 4, 3, 5, seed=1), pattern()
    expected = pixel_correlation(maps, features, mask=mask)
    broken = [torch.where(mask >= 1, x, torch.nan).requires_grad_() for x in (maps, features)]
    refined = pixel_correlation(*broken, mask=mask)
    assert torch.equal(refined, expected)
    refined.square().sum().backward()
    assert all(x.grad.isfinite().all() for x in broken)
    assert (refined * (1 - mask) == 0).all()


def loop_differences(maps, mask=None):
    def mean(one, other):
        values = []
        for b in range(one.shape[0]):
            for y in range(one.shape[2]):
                for x in range(one.shape[3]):
                    if mask is None or mask[b, 0, y, x] >= 1:
                        values += [abs(float(p - q)) for p, q in zip(one[b, :, y, x], other[b, :, y, x], strict=True)]
        return sum(values) / max(1, len(values))

    first, second, refined, second_refined = maps
    er = mean(first, second) + mean(refined, second_refined) + mean(first, refined) + mean(second, second_refined)
    return er, mean(first, second_refined) + mean(second, refined)


@pytest.mark.parametrize('masked', [False, True])
def test_differences_equal_the_loop(masked):
    maps = [random(2, 3, 3, 5, seed=seed).softmax(1) for seed in range(4)]
    mask = pattern() if masked else None
    found = equivariance_differences(*maps, mask=mask)
    assert [float(x) for x in found] == pytest.approx(loop_differences(maps, mask))


def test_differences_of_equal_maps_are_zero_and_all_four_learn():
    maps = random(1, 3, 2, 2).softmax(1)
    assert equivariance_differences(maps, maps, maps, maps) == (0, 0)
    views = [random(1, 3, 2, 2, seed=seed).requires_grad_() for seed in range(4)]
    assert torch.autograd.gradcheck(lambda *x: torch.stack(equivariance_differences(*x)), views)
    for index in range(2):
        for view in views:
            view.grad = None
        equivariance_differences(*views)[index].backward()
        assert all((view.grad != 0).any() for view in views)


def test_pixels_outside_count_nothing():
    maps = [random(2, 3, 3, 5, seed=seed).softmax(1) for seed in range(4)]
    mask = pattern()
    broken = [torch.where(mask >= 1, x, torch.nan).requires_grad_() for x in maps]
    found = equivariance_differences(*broken, mask=mask)
    assert found == equivariance_differences(*maps, mask=mask)
    sum(found).backward()
    assert all(x.grad.isfinite().all() for x in broken)
    assert equivariance_differences(*broken, mask=0 * mask) == (0, 0)


def test_autocast():
    maps, features = random(1, 3, 4, 4, dtype=torch.float32), random(1, 5, 4, 4, seed=1, dtype=torch.float32)
    with torch.autocast('cpu', torch.bfloat16):
        refined = pixel_correlation(maps.bfloat16(), features.bfloat16())
    assert refined.dtype == torch.float32
    torch.testing.assert_close(refined, pixel_correlation(maps.bfloat16().float(), features.bfloat16().float()))


@pytest.mark.parametrize(
    ('call', 'message'),
    [
        (lambda x: pixel_correlation(x, x[..., :2]), r'same batch and grid, got \(2, 3, 4, 5\) and \(2, 3, 4, 2\)'),
        (lambda x: pixel_correlation(x, x, eps=0), 'eps must be a finite number above 0'),
        (lambda x: pixel_correlation(x, x, mask=torch.ones(2, 1, 4, 4)), r'the size of maps, \(4, 5\)'),
        (lambda x: equivariance_differences(x[..., :2], x, x, x), r'got first of \(2, 3, 4, 2\): resize'),
        (lambda x: equivariance_differences(x, x, x, x, mask=torch.ones(2, 1, 4, 4)), r'the size of first, \(4, 5\)'),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call(torch.zeros(2, 3, 4, 5))
    with pytest.raises(TypeError, match='features must be a floating-point tensor'):
        pixel_correlation(torch.zeros(2, 3, 4, 5), torch.zeros(2, 3, 4, 5, dtype=torch.long))
