import pytest
import torch
import torch.nn.functional as F
from mmseg.registry import MODELS

from mmseg_wsss.functional import pac_refine


@pytest.mark.parametrize('strides', [(1, 1), (2, 1)])
def test_refiner_equals_the_function(strides):
    settings = {'kernel_sizes': (5, 3), 'dilations': (1, 2), 'strides': strides, 'sharpness': 7.0}
    refiner = MODELS.build({'type': 'PACRefiner', **settings})
    masks, image = torch.rand(2, 3, 6, 6), torch.rand(2, 3, 12, 12)
    small = F.avg_pool2d(image, 2)
    torch.testing.assert_close(refiner(masks, image), pac_refine(masks, small, **settings))
    mask = torch.ones(2, 1, 12, 12)
    mask[0, 0, 11, 11] = 0
    cells = torch.ones(2, 1, 6, 6)
    cells[0, 0, 5, 5] = 0
    expected = pac_refine(masks, small, mask=cells, **settings)
    torch.testing.assert_close(refiner(masks, image, mask), expected)
    present = torch.tensor([[0, 1, 0], [1, 0, 1]])
    result = refiner(masks, image, mask, present)
    torch.testing.assert_close(result, expected * present[:, :, None, None])
    assert not refiner(masks, image, present=0 * present).any()


@pytest.mark.parametrize(
    ('settings', 'message'),
    [
        ({'type': 'PACRefiner', 'strides': (1,)}, 'got 12 kernel_sizes, 12 dilations, 1 strides'),
        ({'type': 'PACRefiner', 'sharpness': -1}, 'sharpness must be a finite number above 0'),
    ],
)
def test_bad_settings(settings, message):
    with pytest.raises(ValueError, match=message):
        MODELS.build(settings)
