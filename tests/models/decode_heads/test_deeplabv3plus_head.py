import pytest
import torch
from mmseg.registry import MODELS


@pytest.mark.parametrize(
    ('initialisation', 'spread'),
    [
        ('torch', lambda n, m, kernel: (3 * n * kernel) ** -0.5),
        ('xavier', lambda n, m, kernel: (2 / ((n + m) * kernel)) ** 0.5),
        ('kaiming', lambda n, m, kernel: (2 / (m * kernel)) ** 0.5 if m > 21 else 0.01),
    ],
)
def test_initialisation_of_the_published_decoder(initialisation, spread):
    torch.manual_seed(0)
    head = MODELS.build(
        {
            'type': 'DeepLabV3PlusHead', 'in_channels': 64, 'in_index': 0, 'channels': 64, 'dilations': (1, 6),
            'c1_in_channels': 32, 'c1_channels': 48, 'num_classes': 21, 'norm_cfg': {'type': 'BN'},
            'initialisation': initialisation,
        }
    )  # fmt: skip
    head.init_weights()
    convs = [module for module in head.modules() if isinstance(module, torch.nn.Conv2d)]
    assert len(convs) == 8
    for conv in convs:
        expected = spread(conv.in_channels, conv.out_channels, conv.weight[0, 0].numel())
        assert conv.weight.std().item() == pytest.approx(expected, rel=0.1)
        uniform = conv.weight.abs().max() <= 1.001 * 3**0.5 * expected
        assert uniform == (initialisation != 'kaiming')
    assert (head.conv_seg.bias == 0).all() == (initialisation != 'torch')
    assert all((m.weight == 1).all() for m in head.modules() if isinstance(m, torch.nn.BatchNorm2d))


def test_unknown_initialisation():
    with pytest.raises(ValueError, match="initialisation must be one of kaiming, torch, xavier, got 'orthogonal'"):
        MODELS.build(
            {
                'type': 'DeepLabV3PlusHead', 'in_channels': 8, 'in_index': 0, 'channels': 8, 'c1_in_channels': 8,
                'c1_channels': 4, 'num_classes': 3, 'initialisation': 'orthogonal',
            }
        )  # fmt: skip
