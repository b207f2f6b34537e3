"""Layers at inference, written as formulas."""

import torch
import torch.nn.functional as F
from torch import nn


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
