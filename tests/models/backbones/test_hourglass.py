import pytest
import torch
from mmseg.registry import MODELS

from mmseg_wsss.models.backbones import Hourglass
from tests.helpers.models import HOURGLASS, HOURGLASS_HEAD


def parameters(module):
    return sum(p.numel() for p in module.parameters())


def test_the_published_network_has_12_12_million_parameters():
    head = {**HOURGLASS_HEAD, 'in_channels': 256, 'channels': 96}
    generator = MODELS.build({'type': 'MaskGenerator', 'backbone': {'type': 'Hourglass'}, 'decode_head': head})
    assert parameters(generator) == 12_120_370
    assert generator.backbone.size_divisor == 128
    # One channel less is one slice of the 7 x 7 convolution less.
    assert parameters(generator.backbone) - parameters(Hourglass(in_channels=4)) == 7 * 7 * 48


def test_parameters_of_a_small_one_by_hand():
    def unit(first, second, stride=1):
        shortcut = first * second + 2 * second if stride > 1 or first != second else 0
        return 9 * first * second + 9 * second * second + 4 * second + shortcut

    inner = unit(8, 12, 2) + unit(12, 12) * 2 + unit(12, 8) + unit(8, 8)
    outer = unit(8, 8) + unit(8, 8, 2) + unit(8, 8)
    expected = 49 * 5 * 4 + 8 + unit(4, 8, 2) + outer + inner + 9 * 8 * 12 + 24
    assert parameters(MODELS.build(HOURGLASS)) == expected


@pytest.mark.parametrize('size', [(1, 1), (16, 16), (17, 33), (40, 23)])
def test_any_size_equals_the_padded_one(size):
    backbone = MODELS.build({**HOURGLASS, 'in_channels': 3}).eval()
    image = torch.randn(2, 3, *size)
    (output,) = backbone(image)
    height, width = -(-size[0] // 4), -(-size[1] // 4)
    assert output.shape == (2, 12, height, width)
    padded = torch.zeros(2, 3, -(-size[0] // 16) * 16, -(-size[1] // 16) * 16)
    padded[..., : size[0], : size[1]] = image
    torch.testing.assert_close(output, backbone(padded)[0][..., :height, :width])


def test_a_level_sums_its_side_branch_and_the_enlarged_inside():
    level = MODELS.build({**HOURGLASS, 'in_channels': 3}).eval().hourglass
    x = torch.randn(1, 8, 8, 4)
    low = level.up(level.inner(level.down(x)))
    assert low.shape == (1, 8, 4, 2)
    torch.testing.assert_close(level(x), level.side(x) + low.repeat_interleave(2, 2).repeat_interleave(2, 3))


@pytest.mark.parametrize('changes', [{'channels': (8,), 'units': (1,)}, {'units': (1, 1)}, {'units': (1, 0, 1)}])
def test_a_wrong_shape_of_the_hourglass_is_named(changes):
    with pytest.raises(ValueError, match='one positive number for each of at least two scales'):
        Hourglass(**{**{k: v for k, v in HOURGLASS.items() if k != 'type'}, **changes})
