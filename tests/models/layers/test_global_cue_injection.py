import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mmseg_wsss.models.layers import GlobalCueInjection


def unit_statistics(model):
    """Give every batch norm statistics, scales and shifts of its own."""
    generator = torch.Generator().manual_seed(2)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.copy_(torch.randn(module.num_features, generator=generator) / 5)
            module.running_var.copy_(torch.rand(module.num_features, generator=generator) + 0.5)
            if module.affine:
                module.weight.data.copy_(torch.rand(module.num_features, generator=generator) + 0.5)
                module.bias.data.copy_(torch.randn(module.num_features, generator=generator) / 5)


def norm(module, x):
    """The formula of batch norm at inference."""
    shape = (1, -1, 1, 1)
    x = (x - module.running_mean.view(shape)) / (module.running_var.view(shape) + module.eps).sqrt()
    return x * module.weight.view(shape) + module.bias.view(shape) if module.affine else x


def layer(module, x):
    """Convolution without a bias, batch norm, ReLU of a ConvModule."""
    conv = module.conv
    assert conv.bias is None
    return norm(module.bn, F.conv2d(x, conv.weight, padding=conv.padding, dilation=conv.dilation)).clamp(min=0)


def test_global_cues_scale_and_shift():
    cues = GlobalCueInjection(3, 4).eval()
    unit_statistics(cues)
    shallow, deep = torch.randn(2, 3, 5, 6), torch.randn(2, 4, 2, 3)
    both = layer(cues.summarise, deep).amax(dim=(2, 3))
    assert (both >= 0).all()
    expected = torch.zeros(2, 4, 5, 6)
    projected = norm(cues.normalise, F.conv2d(shallow, cues.project.weight))
    for image in range(2):
        for channel in range(4):
            scale, shift = 1 + both[image, channel], both[image, 4 + channel]
            expected[image, channel] = (projected[image, channel] * scale + shift).clamp(min=0)
    torch.testing.assert_close(cues(shallow, deep), layer(cues.mix, expected))


def test_cues_of_the_paper_normalise_each_image_and_multiply_by_the_scale_alone():
    cues = GlobalCueInjection(3, 4, form='paper').eval()
    unit_statistics(cues)
    shallow, deep = torch.randn(2, 3, 5, 6), torch.randn(2, 4, 2, 3)
    shallow[1] = 7 * shallow[1] + 3
    both = layer(cues.summarise, deep).amax(dim=(2, 3))
    projected = F.conv2d(shallow, cues.project.weight)
    expected = torch.zeros(2, 4, 5, 6)
    for image in range(2):
        for channel in range(4):
            values = projected[image, channel]
            values = (values - values.mean()) / (values.var(unbiased=False) + 1e-5).sqrt()
            expected[image, channel] = (values * both[image, channel] + both[image, 4 + channel]).clamp(min=0)
    torch.testing.assert_close(cues(shallow, deep), layer(cues.mix, expected))
    assert not [name for name in cues.state_dict() if name.startswith('normalise')]
    with pytest.raises(ValueError, match="unknown form of the global cues 'adain': choose from paper, reference"):
        GlobalCueInjection(3, 4, form='adain')


def test_deeper_cues_change_the_whole_shallow_map():
    cues = GlobalCueInjection(3, 4).eval()
    shallow, deep = torch.rand(1, 3, 6, 6), torch.zeros(1, 4, 6, 6)
    before = cues(shallow, deep)
    deep[..., 5, 5] = 3 * cues.summarise.conv.weight[0, :, 0, 0].sign()
    assert not torch.equal(before[..., 0, 0], cues(shallow, deep)[..., 0, 0])
