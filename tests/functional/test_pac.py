import math

import pytest
import torch
import torch.nn.functional as F

from mmseg_wsss.functional import pac_refine
from tests.helpers.pac import loop_pac
from tests.helpers.pamr import random_pamr_case

LAYERS = {'kernel_sizes': (5, 3), 'dilations': (1, 2), 'strides': (1, 1)}


def as_list(settings):
    return list(zip(*settings.values(), strict=True))


@pytest.mark.parametrize('normalisation', ['softmax', 'damped', 'literal'])
@pytest.mark.parametrize('masked', [False, True])
@pytest.mark.parametrize('sharpness', [1.0, 4.0])
@pytest.mark.parametrize('size', [(6, 7), (1, 5)])
def test_equals_the_loop(normalisation, masked, sharpness, size):
    masks, image, chosen = random_pamr_case((2, 2, *size), masked=masked)
    chosen.update(normalisation=normalisation, sharpness=sharpness)
    expected, _ = loop_pac(masks, image, layers=as_list(LAYERS), **chosen)
    torch.testing.assert_close(pac_refine(masks, image, **LAYERS, **chosen), expected, rtol=1e-7, atol=1e-9)
    assert (expected - masks * chosen.get('mask', 1)).abs().max() > 0.05


@pytest.mark.parametrize('size', [(9, 9), (10, 12), (8, 3)])
def test_strides_skip_cells_and_the_result_is_spread_again(size):
    settings = {'kernel_sizes': (3, 3, 3), 'dilations': (1, 1, 2), 'strides': (2, 1, 2)}
    masks, image, _ = random_pamr_case((1, 2, *size))
    coarse, _ = loop_pac(masks, image, layers=as_list(settings))
    result = pac_refine(masks, image, **settings)
    assert result.shape == masks.shape
    torch.testing.assert_close(result[:, :, ::4, ::4], coarse)
    if size == (9, 9):  # the coarse cells span the grid: the bilinear way back is one step
        middle = F.interpolate(coarse, (5, 5), mode='bilinear', align_corners=True)
        torch.testing.assert_close(result, F.interpolate(middle, (9, 9), mode='bilinear', align_corners=True))


def test_strides_with_a_mask_spread_what_is_inside_alone():
    masks, image, _ = random_pamr_case((1, 1, 8, 8))
    mask = torch.ones(1, 1, 8, 8)
    mask[..., 5:] = 0
    settings = {'kernel_sizes': (3,), 'dilations': (1,), 'strides': (2,)}
    result = pac_refine(torch.ones_like(masks), image, mask=mask, **settings)
    torch.testing.assert_close(result, mask.double())


def test_by_hand():
    # Two cells of grey 0 and 1: the unbiased deviation in the window is 1 / sqrt(2), the mean of the mask 1/2.
    masks = torch.tensor([[[[1.0, 0.0]]]], dtype=torch.float64)
    image = torch.tensor([0.0, 1.0], dtype=torch.float64).expand(1, 3, 1, 2)
    settings = {'kernel_sizes': (3,), 'dilations': (1,), 'strides': (1,), 'sharpness': 4.0}
    score = -4 * math.sqrt(2) * 0.5
    keep = 1 / (1 + math.exp(score))
    assert pac_refine(masks, image, **settings).flatten().tolist() == pytest.approx([keep, 1 - keep], rel=1e-6)
    literal = pac_refine(masks, image, normalisation='literal', **settings)
    assert literal.flatten().tolist() == pytest.approx([0, score], rel=1e-6)
    keep = 1 / (1 + math.exp(2 * score))  # without the mean of 1/2 inside, and with it outside
    damped = pac_refine(masks, image, normalisation='damped', **settings)
    assert damped.flatten().tolist() == pytest.approx([0.5 * keep, 0.5 * (1 - keep)], rel=1e-6)


def test_damped_weights_sum_to_the_mean_so_that_an_improbable_class_fades():
    masks, image, _ = random_pamr_case((1, 2, 12, 12))
    flat = torch.tensor([0.9, 0.5], dtype=torch.float64)[None, :, None, None].expand_as(masks)
    layers = {'kernel_sizes': (3,) * 4, 'dilations': (1,) * 4, 'strides': (1,) * 4}
    powers = flat ** (2**4)  # each layer multiplies a flat mask with itself
    torch.testing.assert_close(pac_refine(flat, image, normalisation='damped', **layers), powers)
    torch.testing.assert_close(pac_refine(flat, image, **layers), flat)


def test_paper_setting_and_default_differ_in_strides_alone():
    masks, image, _ = random_pamr_case((1, 2, 33, 20))
    twelve = {
        'kernel_sizes': (7, 7, 5, 5, 3, 3, 3, 3, 3, 3, 3, 3),
        'dilations': (1, 1, 2, 2, 4, 4, 8, 8, 16, 16, 32, 32),
    }
    default = pac_refine(masks, image)
    assert torch.equal(default, pac_refine(masks, image, strides=(1,) * 12, **twelve, sharpness=30))
    strided = pac_refine(masks, image, strides=(2,) * 4 + (1,) * 8)
    assert strided.shape == default.shape
    assert strided.std() < default.std()


@pytest.mark.parametrize('bad', [math.nan, math.inf])
@pytest.mark.parametrize('strides', [(1, 1), (2, 1)])
def test_masked_cells_may_hold_anything(bad, strides):
    masks, image, chosen = random_pamr_case((2, 3, 9, 8), masked=True)
    chosen.update(LAYERS, strides=strides)
    inside = chosen['mask'] > 0
    expected = pac_refine(masks, image, **chosen)
    broken = pac_refine(torch.where(inside, masks, bad), torch.where(inside, image, bad), **chosen)
    assert torch.equal(broken, expected)
    assert expected.isfinite().all()
    assert not expected[(~inside).expand_as(expected)].any()


def test_an_average_of_the_masks():
    masks, image, _ = random_pamr_case((1, 4, 12, 12))
    result = pac_refine(masks, image)
    assert (result <= masks.amax(dim=(2, 3), keepdim=True)).all()
    assert (result >= masks.amin(dim=(2, 3), keepdim=True)).all()
    flat = torch.full_like(masks, 0.3)
    torch.testing.assert_close(pac_refine(flat, image), flat)
    assert not pac_refine(0 * masks, image).any()


def test_edges_of_the_image_hold_the_mask():
    image = torch.zeros(1, 3, 16, 16)
    image[..., 8:] = 1
    image += 0.02 * torch.rand(1, 3, 16, 16)
    truth = (image.mean(1, keepdim=True) > 0.5).float()
    noisy = (truth + 0.6 * torch.rand(1, 1, 16, 16)) / 1.6
    result = pac_refine(noisy, image, **LAYERS)
    assert result[truth == 1].min() > 0.6
    assert result[truth == 0].max() < 0.4


def test_flips_permutations_and_shades():
    masks, image, chosen = random_pamr_case((2, 4, 7, 9), masked=True)
    expected = pac_refine(masks, image, **LAYERS, **chosen)
    torch.testing.assert_close(pac_refine(masks[:, [2, 0, 3, 1]], image, **LAYERS, **chosen), expected[:, [2, 0, 3, 1]])
    torch.testing.assert_close(pac_refine(masks, 255 * image, **LAYERS, **chosen), expected, rtol=1e-4, atol=1e-5)
    for axes in ((2,), (3,)):
        flipped = pac_refine(masks.flip(axes), image.flip(axes), mask=chosen['mask'].flip(axes), **LAYERS)
        torch.testing.assert_close(flipped.flip(axes), expected)


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_types_and_autocast(dtype):
    masks, image, _ = random_pamr_case((1, 3, 6, 6), dtype=dtype)
    result = pac_refine(masks, image)
    wide = torch.float64 if dtype == torch.float64 else torch.float32
    assert result.dtype == wide
    torch.testing.assert_close(result, pac_refine(masks.to(wide), image.to(wide)))
    with torch.autocast('cpu', torch.bfloat16):
        assert torch.equal(pac_refine(masks, image), result)


def test_no_gradient_and_no_change_of_the_inputs():
    masks, image, chosen = random_pamr_case((1, 3, 5, 5), masked=True)
    before = masks.clone(), image.clone(), chosen['mask'].clone()
    assert not pac_refine(masks.clone().requires_grad_(), image.clone().requires_grad_(), **chosen).requires_grad
    pac_refine(masks, image, **chosen)
    assert all(torch.equal(a, b) for a, b in zip((masks, image, chosen['mask']), before, strict=True))


@pytest.mark.parametrize(
    ('change', 'error', 'message'),
    [
        ({'masks': torch.ones(3, 4, 4)}, ValueError, 'masks must have the shape'),
        ({'masks': torch.ones(1, 3, 4, 4, dtype=torch.long)}, TypeError, 'masks must be a floating-point tensor'),
        ({'image': None}, TypeError, 'image must be a tensor'),
        ({'image': torch.ones(1, 3, 8, 8)}, ValueError, 'same batch and size.*resize one of them'),
        ({'mask': torch.ones(1, 1, 8, 8)}, ValueError, 'mask must have the size of masks'),
        ({'kernel_sizes': 3}, TypeError, 'kernel_sizes must be a sequence'),
        ({'kernel_sizes': (4,)}, ValueError, r'kernel_sizes must be odd.*\(4,\)'),
        ({'dilations': (0,)}, ValueError, 'dilations must be one or more positive integers'),
        ({'strides': ()}, ValueError, 'strides must be one or more positive integers'),
        (
            {'strides': (1, 1)},
            ValueError,
            'every layer must have one of each setting, got 1 kernel_sizes, 1 dilations, 2 strides',
        ),
        ({'normalisation': 'l1'}, ValueError, "unknown normalisation 'l1': choose from softmax, damped, literal"),
        ({'sharpness': 0}, ValueError, 'sharpness must be a finite number above 0'),
    ],
)
def test_errors(change, error, message):
    arguments = {'masks': torch.ones(1, 3, 4, 4), 'image': torch.ones(1, 3, 4, 4)}
    arguments |= {'kernel_sizes': (3,), 'dilations': (1,), 'strides': (1,), **change}
    with pytest.raises(error, match=message):
        pac_refine(arguments.pop('masks'), arguments.pop('image'), **arguments)
