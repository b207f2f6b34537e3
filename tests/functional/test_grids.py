import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from mmseg_wsss.functional.grids import pool_mask, resize_at, resize_inside, rgb_tensor


def loop_resize(field, size, inside, align_corners=True):
    """Bilinear weights by hand, those of cells outside left out."""
    _, channels, height, width = field.shape
    result, reached = torch.zeros(1, channels, *size, dtype=torch.float64), torch.zeros(1, 1, *size, dtype=torch.bool)
    for y in range(size[0]):
        for x in range(size[1]):
            at_y, at_x = y * (height - 1) / max(size[0] - 1, 1), x * (width - 1) / max(size[1] - 1, 1)
            if not align_corners:
                at_y = min(max((y + 0.5) * height / size[0] - 0.5, 0), height - 1)
                at_x = min(max((x + 0.5) * width / size[1] - 0.5, 0), width - 1)
            total, weights = torch.zeros(channels, dtype=torch.float64), 0.0
            for row in range(height):
                for column in range(width):
                    weight = max(0, 1 - abs(at_y - row)) * max(0, 1 - abs(at_x - column))
                    if weight > 1e-9 and inside[0, 0, row, column] >= 1:
                        total += weight * field[0, :, row, column]
                        weights += weight
            if weights:
                result[0, :, y, x] = total / weights
                reached[0, 0, y, x] = True
    return result, reached


def case(size=(5, 6), seed=0):
    generator = torch.Generator().manual_seed(seed)
    field = torch.randn(1, 3, *size, generator=generator, dtype=torch.float64)
    return field, (torch.rand(1, 1, *size, generator=generator) > 0.4).double()


@pytest.mark.parametrize('size', [(5, 6), (9, 11), (17, 3), (3, 4), (1, 1)])
@pytest.mark.parametrize('align_corners', [True, False])
def test_resize_equals_the_loop(size, align_corners):
    field, inside = case()
    expected, reached = loop_resize(field, size, inside, align_corners)
    result, where = resize_inside(field, size, inside, align_corners=align_corners)
    torch.testing.assert_close(result, expected)
    assert torch.equal(where, reached)


def test_all_inside_is_plain_interpolation():
    field, inside = case()
    result, reached = resize_inside(field, (11, 13), torch.ones_like(inside))
    torch.testing.assert_close(result, F.interpolate(field, (11, 13), mode='bilinear', align_corners=True))
    assert reached.all()
    assert not resize_inside(field, (11, 13), 0 * inside)[0].any()


@pytest.mark.parametrize('bad', [math.nan, math.inf])
@pytest.mark.parametrize('size', [(5, 6), (12, 13)])
def test_cells_outside_have_no_effect_and_no_gradient(bad, size):
    field, inside = case()
    leaf = torch.where(inside > 0, field, bad).requires_grad_()
    result, _ = resize_inside(leaf, size, inside)
    assert torch.equal(result, resize_inside(field, size, inside)[0])
    (grad,) = torch.autograd.grad(result.square().sum(), leaf)
    assert grad.isfinite().all()
    assert not grad[(inside == 0).expand_as(grad)].any()
    field.requires_grad_()
    assert torch.autograd.gradcheck(lambda x: resize_inside(x, size, inside)[0], field)


def test_half_fields_come_back_in_float32():
    field, inside = case()
    result, _ = resize_inside(field.bfloat16(), (9, 9), inside)
    assert result.dtype == torch.float32
    torch.testing.assert_close(result, resize_inside(field.bfloat16().float(), (9, 9), inside)[0])


def test_a_cell_counts_if_all_its_pixels_do():
    mask = torch.ones(1, 1, 8, 12)
    mask[0, 0, 3, 5] = 0
    mask[0, 0, 7, 11] = 0.9
    pooled = pool_mask(mask, (2, 3))
    assert pooled.tolist() == [[[[1, 0, 1], [1, 1, 0]]]]
    assert mask[0, 0, 7, 11] == pytest.approx(0.9)


def test_images_of_files_become_rgb():
    bgr = np.random.default_rng(0).integers(0, 256, (4, 5, 3), dtype=np.uint8)
    rgb = rgb_tensor(bgr)
    assert (rgb.shape, rgb.dtype) == ((1, 3, 4, 5), torch.float32)
    for y, x, channel in np.ndindex(4, 5, 3):
        assert float(rgb[0, channel, y, x]) == pytest.approx(bgr[y, x, 2 - channel] / 255)
    grey = bgr[..., 0]
    for image in (grey, grey[..., None]):
        assert torch.equal(rgb_tensor(image), torch.from_numpy(grey).expand(1, 3, 4, 5).float() / 255)
    assert torch.equal(rgb_tensor(bgr[:, ::-1]), rgb.flip(3))  # a view with negative strides
    with pytest.raises(ValueError, match=r'\(H, W, 3\), \(H, W, 1\) or \(H, W\), got \(4, 5, 4\)'):
        rgb_tensor(np.zeros((4, 5, 4), dtype=np.uint8))


@pytest.mark.parametrize('align_corners', [True, False])
@pytest.mark.parametrize('size', [(9, 14), (5, 6)])
def test_without_padding_it_is_the_same_as_beside_padded_images(align_corners, size):
    field = torch.rand(2, 3, 5, 6, generator=torch.Generator().manual_seed(0), requires_grad=True)
    inside = torch.ones(2, 1, 5, 6)
    whole, reached = resize_inside(field, size, inside, align_corners=align_corners)
    (grad,) = torch.autograd.grad((whole**2).sum(), field)
    inside[1, :, :, 3:] = 0  # the other way to compute, for the first image too
    padded, reached_padded = resize_inside(field, size, inside, align_corners=align_corners)
    (grad_padded,) = torch.autograd.grad((padded**2).sum(), field)
    torch.testing.assert_close(whole[0], padded[0])
    torch.testing.assert_close(grad[0], grad_padded[0])
    assert reached.shape == reached_padded.shape
    assert reached.all()
    assert reached.dtype == torch.bool
    assert not torch.equal(whole[1], padded[1])


@pytest.mark.parametrize('align_corners', [True, False])
@pytest.mark.parametrize('masked', [False, True])
@pytest.mark.parametrize(
    ('grid', 'size', 'share'),
    [
        ((5, 6), (17, 23), 0.3),
        ((7, 1), (3, 9), 1.0),
        ((1, 1), (4, 4), 0.5),
        ((4, 5), (4, 5), 0.4),
        ((3, 4), (8, 1), 0.0),
    ],
)
def test_chosen_pixels_are_those_of_the_resized_field(align_corners, masked, grid, size, share):
    generator = torch.Generator().manual_seed(0)
    field = torch.randn(2, 3, *grid, generator=generator, dtype=torch.float64)
    inside = (torch.rand(2, 1, *grid, generator=generator) > (0.4 if masked else -1)).float()
    field = torch.where(inside > 0, field, math.nan).requires_grad_()
    chosen = torch.rand(2, *size, generator=generator) < share
    whole, _ = resize_inside(field, size, inside, align_corners=align_corners)
    expected = whole.movedim(1, -1)[chosen]
    result = resize_at(field, chosen, inside=inside, align_corners=align_corners)
    assert result.shape == (int(chosen.sum()), 3)
    torch.testing.assert_close(result, expected, rtol=1e-10, atol=1e-12)
    upstream = torch.randn(result.shape, generator=generator, dtype=torch.float64)
    gradients = [torch.autograd.grad((x * upstream).sum(), field)[0] for x in (result, expected)]
    torch.testing.assert_close(*gradients, rtol=1e-10, atol=1e-12)
    if not masked:
        torch.testing.assert_close(resize_at(field, chosen, align_corners=align_corners), expected)


def test_chosen_pixels_of_half_types_and_under_autocast():
    field, chosen = torch.rand(1, 2, 3, 4).bfloat16(), torch.rand(1, 9, 8) > 0.5
    with torch.autocast('cpu', torch.bfloat16):
        result = resize_at(field, chosen)
    assert result.dtype == torch.float32
    torch.testing.assert_close(result, resize_at(field.float(), chosen))


@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
def test_pooled_masks_without_a_pixel_outside(dtype):
    pooled = pool_mask(torch.ones(2, 1, 7, 9), (3, 2), dtype)
    assert pooled.dtype == dtype
    assert torch.equal(pooled, torch.ones(2, 1, 3, 2, dtype=dtype))
