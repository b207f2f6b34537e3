import math

import pytest
import torch
import torch.nn.functional as F
from mmseg.registry import MODELS

from mmseg_wsss.functional import pamr

CHOSEN = {'num_iters': 3, 'dilations': (1, 2)}


def case(size=(32, 44), grid=(8, 11)):
    generator = torch.Generator().manual_seed(0)
    masks = torch.rand(2, 3, *grid, generator=generator).softmax(dim=1)
    image = F.interpolate(torch.rand(2, 3, 4, 4, generator=generator), size, mode='bilinear')
    return masks, image


def build(**settings):
    return MODELS.build({'type': 'PAMR', **settings})


@pytest.mark.parametrize(
    ('size', 'grid'), [((32, 44), (8, 11)), ((33, 45), (9, 12)), ((8, 8), (8, 8)), ((5, 7), (9, 9))]
)
def test_the_image_is_resized_to_the_masks(size, grid):
    masks, image = case(size, grid)
    small = F.interpolate(image, grid, mode='bilinear', align_corners=True)
    refined = build(**CHOSEN)(masks, image)
    assert refined.shape == masks.shape
    torch.testing.assert_close(refined, pamr(masks, small, **CHOSEN))
    whole = torch.ones(2, 1, *size)
    torch.testing.assert_close(build(**CHOSEN)(masks, image, whole), refined)


def test_defaults_are_the_published_setting():
    masks, image = case()
    small = F.interpolate(image, (8, 11), mode='bilinear', align_corners=True)
    expected = pamr(masks, small, num_iters=10, dilations=(1, 2, 4, 8, 12, 24), affinity='reference')
    torch.testing.assert_close(build()(masks, image), expected)
    expected = pamr(masks, small, num_iters=10, dilations=(1, 2, 4, 8, 12, 24), affinity='paper')
    torch.testing.assert_close(build(affinity='paper')(masks, image), expected)


@pytest.mark.parametrize(('size', 'grid'), [((32, 44), (8, 11)), ((33, 45), (9, 12)), ((30, 41), (8, 11))])
def test_what_is_outside_of_the_image_has_no_effect(size, grid):
    masks, image = case(size, grid)
    mask = torch.ones(2, 1, *size)
    mask[0, :, 21:], mask[1, :, :, 30:] = 0, 0
    refine = build(**CHOSEN)
    expected = refine(masks, image, mask)
    cells = 1 - F.adaptive_max_pool2d(1 - mask, grid)
    for bad in (math.nan, 7.0):
        broken = refine(torch.where(cells > 0, masks, bad), torch.where(mask > 0, image, bad), mask)
        assert torch.equal(broken, expected)
    assert expected.isfinite().all()
    assert not expected[(cells == 0).expand_as(expected)].any()
    assert (expected[cells.expand_as(expected) > 0] > 0).float().mean() > 0.8


def test_only_present_channels_are_refined():
    masks, image = case()
    present = torch.tensor([[1.0, 0.0, 1.0], [1.0, 0.0, 0.0]])
    refined, every = build(**CHOSEN)(masks, image, present=present), build(**CHOSEN)(masks, image)
    torch.testing.assert_close(refined, every * present[:, :, None, None])


def test_autocast_and_no_gradient():
    masks, image = case()
    expected = build(**CHOSEN)(masks, image)
    with torch.autocast('cpu', torch.bfloat16):
        refined = build(**CHOSEN)(masks.requires_grad_(), image)
    assert torch.equal(refined, expected)
    assert not refined.requires_grad


@pytest.mark.parametrize(
    ('settings', 'error', 'message'),
    [
        ({'num_iters': 0}, ValueError, 'num_iters must be a positive integer, got 0'),
        ({'dilations': 3}, TypeError, 'dilations must be a sequence'),
        ({'affinity': 'code'}, ValueError, "unknown affinity 'code'"),
        ({'backend': 'cuda'}, ValueError, "unknown backend 'cuda': choose from auto, torch, triton"),
    ],
)
def test_wrong_settings_are_found_when_built(settings, error, message):
    with pytest.raises(error, match=message):
        build(**settings)
