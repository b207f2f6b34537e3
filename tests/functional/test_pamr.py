"""The contract of ``pamr``, kept by the reference and by its fast twin alike."""

import math

import pytest
import torch
import torch.nn.functional as F

from mmseg_wsss import functional, ops
from tests.helpers.pamr import loop_pamr, random_pamr_case

both = pytest.mark.parametrize('refine', [functional.pamr, ops.pamr], ids=['reference', 'op'])


@both
@pytest.mark.parametrize('affinity', ['reference', 'paper'])
@pytest.mark.parametrize('masked', [False, True])
@pytest.mark.parametrize(
    ('shape', 'dilations', 'num_iters'),
    [
        ((2, 3, 5, 6), (1, 2), 3),
        ((1, 1, 4, 7), (1, 3, 24), 2),  # further than the image is wide
        ((1, 2, 1, 5), (2,), 1),  # one row: a pixel is its own neighbour above
    ],
)
def test_equals_the_loop(refine, affinity, masked, shape, dilations, num_iters):
    masks, image, chosen = random_pamr_case(shape, masked=masked)
    chosen.update(dilations=dilations, num_iters=num_iters, affinity=affinity)
    expected = loop_pamr(masks, image, **chosen)
    torch.testing.assert_close(refine(masks, image, **chosen), expected, rtol=1e-9, atol=1e-12)
    if num_iters > 1:
        assert (expected - masks * chosen.get('mask', 1)).abs().max() > 0.05


@both
def test_published_defaults(refine):
    masks, image, _ = random_pamr_case((1, 2, 6, 5))
    torch.testing.assert_close(refine(masks, image), loop_pamr(masks, image), rtol=1e-9, atol=1e-12)


@both
def test_by_hand(refine):
    # Two pixels, grey 0 and 1. At dilation 1 the left one sees itself 5 times and the right one 3 times (the border
    # repeats), plus itself as centre: values 0 x 6, 1 x 3, so the variance is (3 - 9 * (1/3)^2) / 8 = 1/4.
    masks = torch.tensor([[[[1.0, 0.0]]]], dtype=torch.float64)
    image = torch.tensor([0.0, 1.0], dtype=torch.float64).expand(1, 3, 1, 2)
    similarity = math.exp(-1 / (0.1 * 0.5))
    keep = 5 / (5 + 3 * similarity)
    result = refine(masks, image, num_iters=1, dilations=(1,))
    assert result.flatten().tolist() == pytest.approx([keep, 1 - keep], rel=1e-6)
    keep = 5 / (5 + 3 * math.exp(-1 / 0.25))
    result = refine(masks, image, num_iters=1, dilations=(1,), affinity='paper')
    assert result.flatten().tolist() == pytest.approx([keep, 1 - keep], rel=1e-6)


@both
def test_a_flat_image_averages_the_neighbours_without_the_pixel(refine):
    masks = torch.zeros(1, 1, 7, 7)
    masks[0, 0, 3, 3] = 1
    result = refine(masks, torch.full((1, 3, 7, 7), 0.3), num_iters=1, dilations=(1, 2))
    expected = torch.zeros(7, 7)
    for d in (1, 2):
        expected[3 - d : 4 + d : d, 3 - d : 4 + d : d] = 1 / 16
    expected[3, 3] = 0
    torch.testing.assert_close(result[0, 0], expected)


@both
def test_masks_are_resized_to_the_image_with_aligned_corners(refine):
    masks, image, _ = random_pamr_case((2, 3, 4, 5), (7, 9))
    resized = F.interpolate(masks, (7, 9), mode='bilinear', align_corners=True)
    chosen = {'dilations': (1, 2), 'num_iters': 2}
    torch.testing.assert_close(refine(masks, image, **chosen), loop_pamr(resized, image, **chosen))


@both
@pytest.mark.parametrize('size', [(4, 4), (7, 7), (10, 13), (2, 3)])
def test_a_pixel_that_is_interpolated_from_a_masked_cell_is_outside(refine, size):
    masks, image, _ = random_pamr_case((1, 2, 4, 4), size)
    mask = torch.ones(1, 1, 4, 4)
    mask[..., 3] = 0
    at = torch.arange(size[1]) * 3 / (size[1] - 1)
    inside = (at < 2 + 1e-6).expand(1, 1, *size).double()
    filled = torch.where(mask > 0, masks, math.nan)
    resized = F.interpolate(masks * mask, size, mode='bilinear', align_corners=True)
    chosen = {'dilations': (1, 2), 'num_iters': 2}
    expected = loop_pamr(resized, image, mask=inside, **chosen)
    torch.testing.assert_close(refine(filled, image, mask=mask, **chosen), expected, rtol=1e-6, atol=1e-6)


@both
@pytest.mark.parametrize('bad', [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize('affinity', ['reference', 'paper'])
def test_masked_pixels_may_hold_anything(refine, bad, affinity):
    masks, image, chosen = random_pamr_case((2, 3, 9, 8), masked=True)
    chosen.update(dilations=(1, 2, 4), affinity=affinity)
    inside = chosen['mask'] > 0
    expected = refine(masks, image, **chosen)
    broken = refine(torch.where(inside, masks, bad), torch.where(inside, image, bad), **chosen)
    assert torch.equal(broken, expected)
    assert expected.isfinite().all()
    assert not expected[(~inside).expand_as(expected)].any()
    assert (expected[inside.expand_as(expected)] > 0).all()


@both
def test_a_pixel_without_neighbours_keeps_its_value(refine):
    masks, image, _ = random_pamr_case((1, 2, 5, 5))
    mask = torch.zeros(1, 1, 5, 5)
    mask[..., 2, 2] = 1
    result = refine(masks, image, mask=mask, dilations=(1, 2))
    assert torch.equal(result, torch.where(mask > 0, masks, 0))
    assert not refine(masks, image, mask=0 * mask, dilations=(1,)).any()


@both
def test_a_full_mask_changes_nothing(refine):
    masks, image, _ = random_pamr_case((2, 2, 8, 9))
    expected = refine(masks, image)
    for dtype in (torch.bool, torch.uint8, torch.float32):
        torch.testing.assert_close(refine(masks, image, mask=torch.ones(2, 1, 8, 9, dtype=dtype)), expected)
    mask = torch.ones(2, 1, 8, 9)
    mask[0, 0, 3, 4] = 0.99
    assert torch.equal(refine(masks, image, mask=mask), refine(masks, image, mask=mask == 1))


@both
def test_nan_in_a_counted_pixel_is_not_hidden(refine):
    masks, image, _ = random_pamr_case((1, 2, 5, 5))
    image[0, 1, 2, 2] = math.nan
    assert refine(masks, image, num_iters=1, dilations=(1,)).isnan().any()


@both
def test_an_average_of_the_masks(refine):
    # Weights are positive and sum to 1: values stay in their range, constants stay, probabilities sum to 1.
    masks, image, _ = random_pamr_case((1, 4, 12, 12))
    probs = (5 * masks).softmax(dim=1)
    result = refine(probs, image)
    torch.testing.assert_close(result.sum(dim=1), torch.ones(1, 12, 12, dtype=torch.float64))
    assert (result <= probs.amax(dim=(2, 3), keepdim=True)).all()
    assert (result >= probs.amin(dim=(2, 3), keepdim=True)).all()


@both
def test_flips_permutations_and_shades(refine):
    masks, image, chosen = random_pamr_case((2, 4, 7, 9), masked=True)
    expected = refine(masks, image, **chosen)
    torch.testing.assert_close(refine(masks[:, [2, 0, 3, 1]], image, **chosen), expected[:, [2, 0, 3, 1]])
    torch.testing.assert_close(refine(masks, 255 * image - 100, **chosen), expected, rtol=1e-5, atol=1e-6)
    for axes in ((2,), (3,), (2, 3)):
        flipped = refine(masks.flip(axes), image.flip(axes), mask=chosen['mask'].flip(axes))
        torch.testing.assert_close(flipped.flip(axes), expected)


@both
@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_types_and_autocast(refine, dtype):
    masks, image, _ = random_pamr_case((1, 3, 6, 6), (9, 9), dtype=dtype)
    result = refine(masks, image)
    assert result.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    wide = torch.float64 if dtype == torch.float64 else torch.float32
    torch.testing.assert_close(result, refine(masks.to(wide), image.to(wide)))
    with torch.autocast('cpu', torch.bfloat16):
        assert torch.equal(refine(masks, image), result)


@both
def test_no_gradient_and_no_change_of_the_inputs(refine):
    masks, image, chosen = random_pamr_case((1, 3, 5, 5), masked=True)
    before = masks.clone(), image.clone(), chosen['mask'].clone()
    leaf = masks.clone().requires_grad_()
    for settings in ({}, chosen):
        assert not refine(leaf, image.clone().requires_grad_(), **settings).requires_grad
        refine(masks, image, **settings)
    for tensor, copy in zip((masks, image, chosen['mask']), before, strict=True):
        assert torch.equal(tensor, copy)


@both
def test_dilations_beyond_the_image_see_its_border(refine):
    masks, image, chosen = random_pamr_case((1, 3, 5, 7), masked=True)
    expected = refine(masks, image, dilations=(1, 7, 8), **chosen)
    torch.testing.assert_close(refine(masks, image, dilations=(1, 1000, 2**31), **chosen), expected, rtol=0, atol=0)
    assert not torch.equal(refine(masks, image, dilations=(1, 6, 5), **chosen), expected)


@both
@pytest.mark.parametrize(
    ('change', 'error', 'message'),
    [
        ({'masks': torch.ones(1, 3, 4, 4, dtype=torch.long)}, TypeError, 'masks must be a floating-point tensor'),
        ({'masks': torch.ones(3, 4, 4)}, ValueError, 'masks must have the shape'),
        ({'image': None}, TypeError, 'image must be a tensor'),
        ({'image': torch.ones(3, 4, 4)}, ValueError, 'image must have the shape'),
        ({'image': torch.ones(2, 3, 4, 4)}, ValueError, 'same batch size, got 2 and 1'),
        ({'mask': torch.ones(1, 4, 4)}, ValueError, r'mask must have the shape \(1, 1, h, w\)'),
        ({'mask': torch.ones(1, 1, 8, 8)}, ValueError, r'mask must have the size of masks, \(4, 4\), got \(8, 8\)'),
        ({'mask': True}, TypeError, 'mask must be a tensor'),
        ({'num_iters': 0}, ValueError, 'num_iters must be a positive integer, got 0'),
        ({'num_iters': 1.5}, ValueError, 'num_iters must be a positive integer'),
        ({'dilations': 3}, TypeError, 'dilations must be a sequence'),
        ({'dilations': ()}, ValueError, 'dilations must be one or more positive integers'),
        ({'dilations': (1, 0)}, ValueError, 'dilations must be one or more positive integers'),
        ({'dilations': (1.0,)}, ValueError, 'dilations must be one or more positive integers'),
        ({'affinity': 'code'}, ValueError, "unknown affinity 'code': choose from reference, paper"),
    ],
)
def test_errors(refine, change, error, message):
    arguments = {'masks': torch.ones(1, 3, 4, 4), 'image': torch.ones(1, 3, 8, 8), **change}
    with pytest.raises(error, match=message):
        refine(arguments.pop('masks'), arguments.pop('image'), **arguments)
