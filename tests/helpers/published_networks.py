"""The networks of the published codes, rewritten from their description: names of weights and forward pass.

Each takes the widths that the published one fixes, so that a test can be small. All of them are for inference: no
dropout.
"""

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import nn


def conv(inputs, outputs, kernel, stride=1, dilation=1, bias=False):
    return nn.Conv2d(inputs, outputs, kernel, stride, dilation * (kernel // 2), dilation, bias=bias)


def unit(inputs, outputs, kernel, dilation=1):
    """Convolution, batch norm and ReLU as a sequence: weights named 0 and 1."""
    return nn.Sequential(conv(inputs, outputs, kernel, dilation=dilation), nn.BatchNorm2d(outputs), nn.ReLU())


def enlarged(x, like, align_corners=True):
    return F.interpolate(x, like.shape[2:], mode='bilinear', align_corners=align_corners)


# Wide ResNet-38.


class PreActivated(nn.Module):
    def __init__(self, inputs, widths, kernels, stride=1, dilations=(1, 1, 1)):
        super().__init__()
        self.steps = ('2a', '2b1', '2b2')[: len(widths)]
        self.shortcut = stride > 1 or inputs != widths[-1]
        if self.shortcut:
            self.conv_branch1 = conv(inputs, widths[-1], 1, stride)
        for index, name in enumerate(self.steps):
            before = inputs if index == 0 else widths[index - 1]
            setattr(self, f'bn_branch{name}', nn.BatchNorm2d(before))
            step = conv(before, widths[index], kernels[index], stride if index == 0 else 1, dilations[index])
            setattr(self, f'conv_branch{name}', step)

    def forward(self, x):
        branch = activated = None
        for name in self.steps:
            branch = getattr(self, f'bn_branch{name}')(x if branch is None else branch).relu()
            activated = branch if activated is None else activated
            branch = getattr(self, f'conv_branch{name}')(branch)
        return branch + (self.conv_branch1(activated) if self.shortcut else x), activated


class Wide38(nn.Module):
    """conv3 to conv6 of an image; conv4 to conv6 are rectified."""

    def __init__(self, c=64):
        super().__init__()
        self.conv1a = conv(3, c, 3)
        inputs = c
        plain = [('b2', 3, (2, 2), 2), ('b3', 3, (4, 4), 2), ('b4', 6, (8, 8), 2), ('b5', 3, (8, 16), 1)]
        for name, count, widths, stride in plain:
            widths = [width * c for width in widths]
            for index in range(count):
                dilations = ((1, 2) if index == 0 else (2, 2)) if name == 'b5' else (1, 1)
                block = PreActivated(inputs, widths, (3, 3), stride if index == 0 else 1, dilations)
                setattr(self, f'{name}_{index}' if index else name, block)
                inputs = widths[-1]
        self.b6 = PreActivated(16 * c, (8 * c, 16 * c, 32 * c), (1, 3, 1), dilations=(1, 4, 1))
        self.b7 = PreActivated(32 * c, (16 * c, 32 * c, 64 * c), (1, 3, 1), dilations=(1, 4, 1))
        self.bn7 = nn.BatchNorm2d(64 * c)

    def levels(self, x):
        x, found = self.conv1a(x), {}
        for name, block in self.named_children():
            if isinstance(block, PreActivated):
                x, activated = block(x)
                found[name] = activated
                if name == 'b3_2':
                    conv3 = x
        return {'conv3': conv3, 'conv4': found['b5'], 'conv5': found['b6'], 'conv6': self.bn7(x).relu()}


# ResNets, with the names of torchvision.


class Residual(nn.Module):
    """A basic block (two 3 x 3 convolutions, the second may be dilated) or a bottleneck (the middle one may be)."""

    def __init__(self, inputs, width, deep, stride, dilation):
        super().__init__()
        kernels, widths = ((1, 3, 1), (width, width, 4 * width)) if deep else ((3, 3), (width, width))
        strides, dilations = ((1, stride, 1), (1, dilation, 1)) if deep else ((stride, 1), (1, dilation))
        self.count = len(widths)
        for index, outputs in enumerate(widths):
            before = inputs if index == 0 else widths[index - 1]
            step = conv(before, outputs, kernels[index], strides[index], dilations[index])
            setattr(self, f'conv{index + 1}', step)
            setattr(self, f'bn{index + 1}', nn.BatchNorm2d(outputs))
        self.downsample = None
        if stride > 1 or inputs != widths[-1]:
            self.downsample = nn.Sequential(conv(inputs, widths[-1], 1, stride), nn.BatchNorm2d(widths[-1]))

    def forward(self, x):
        branch = x
        for index in range(1, self.count + 1):
            branch = getattr(self, f'bn{index}')(getattr(self, f'conv{index}')(branch))
            branch = branch.relu() if index < self.count else branch
        return (branch + (x if self.downsample is None else self.downsample(x))).relu()


def add_resnet_layers(module, counts, deep, strides, dilations, c):
    """Give a module layer1 to layer4, behind a stem of c channels; return the channels of each."""
    inputs, outputs = c, []
    for index, count in enumerate(counts):
        width = c * 2**index
        blocks = []
        for place in range(count):
            blocks.append(Residual(inputs, width, deep, strides[index] if place == 0 else 1, dilations[index]))
            inputs = 4 * width if deep else width
        setattr(module, f'layer{index + 1}', nn.Sequential(*blocks))
        outputs.append(inputs)
    return outputs


class PlainResNet(nn.Module):
    def __init__(self, counts, deep, dilation, c=64):
        super().__init__()
        self.conv1 = nn.Conv2d(3, c, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(c)
        self.channels = add_resnet_layers(self, counts, deep, (1, 2, 2, 1), (1, 1, 1, dilation), c)

    def levels(self, x):
        x = F.max_pool2d(self.bn1(self.conv1(x)).relu(), 3, 2, 1)
        first = self.layer1(x)
        return {'conv3': first, 'conv6': self.layer4(self.layer3(self.layer2(first)))}


# VGG16 with the names of Caffe.

VGG = {1: (64, 64), 2: (128, 128), 3: (256, 256, 256), 4: (512, 512, 512), 5: (512, 512, 512)}


class CaffeVGG(nn.Module):
    def __init__(self):
        super().__init__()
        inputs = 3
        for block, widths in VGG.items():
            for index, width in enumerate(widths, start=1):
                setattr(
                    self, f'conv{block}_{index}', conv(inputs, width, 3, dilation=2 if block == 5 else 1, bias=True)
                )
                inputs = width
        self.fc6, self.fc7 = conv(512, 1024, 3, bias=True), conv(1024, 1024, 1, bias=True)

    def levels(self, x):
        for block, widths in VGG.items():
            for index in range(1, len(widths) + 1):
                x = getattr(self, f'conv{block}_{index}')(x).relu()
            if block == 3:
                conv3 = x
            if block < 5:
                x = F.max_pool2d(x, 3, 1 if block == 4 else 2, 1)
        return {'conv3': conv3, 'conv6': self.fc7(self.fc6(x).relu()).relu()}


# Single-stage training from image tags.


class NormedConv(nn.Module):
    def __init__(self, name, inputs, outputs, kernel, dilation=1):
        super().__init__()
        self.step = name
        setattr(self, name, conv(inputs, outputs, kernel, dilation=dilation))
        self.bn = nn.BatchNorm2d(outputs)

    def forward(self, x):
        return self.bn(getattr(self, self.step)(x)).relu()


class Pyramid(nn.Module):
    def __init__(self, inputs, c):
        super().__init__()
        for index, rate in enumerate((1, 12, 24, 36), start=1):
            branch = NormedConv('atrous_conv', inputs, c, 1 if index == 1 else 3, rate)
            setattr(self, f'aspp{index}', branch)
        self.global_avg_pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), *unit(inputs, c, 1))
        self.conv1, self.bn1 = conv(5 * c, c, 1), nn.BatchNorm2d(c)

    def forward(self, x):
        branches = [getattr(self, f'aspp{index}')(x) for index in (1, 2, 3, 4)]
        branches.append(enlarged(self.global_avg_pool(x), x))
        return self.bn1(self.conv1(torch.cat(branches, 1))).relu()


class Cues(nn.Module):
    def __init__(self, shallow, c):
        super().__init__()
        self.fc_deep = unit(c, 2 * c, 1)
        self.fc_skip = nn.Sequential(conv(shallow, c, 1), nn.BatchNorm2d(c, affine=False))
        self.fc_cls = unit(c, c, 1)

    def forward(self, shallow, deep):
        summary = self.fc_deep(deep).flatten(2).max(dim=2).values[..., None, None]
        gamma, beta = summary[:, : summary.shape[1] // 2], summary[:, summary.shape[1] // 2 :]
        return self.fc_cls(F.relu(self.fc_skip(shallow) * (gamma + 1) + beta))


class Kernel(nn.Module):
    def __init__(self, count):
        super().__init__()
        self.register_buffer('kernel', torch.zeros(count, 1, 3, 3))


def single_stage(backbone, shallow, deep, c=256, skip=48, rate=0.3, classes=21):
    """Put the decoder on a network of one of the classes above; its forward returns logits with the background."""

    class SingleStage(type(backbone)):
        def forward(self, x):
            levels = self.levels(x)
            narrow = self.fc8_skip(levels['conv3'])
            x = self.fc8_x(torch.cat([enlarged(self.aspp(levels['conv6']), narrow), narrow], 1))
            x = self.last_conv((1 - rate) * x + rate * self.shallow_mask(levels['conv3'], x))
            return [torch.cat([torch.ones_like(x[:, :1]), x], 1)]

    backbone.__class__ = SingleStage
    backbone.aspp = Pyramid(deep, c)
    backbone._aff = nn.Module()
    backbone._aff.aff_x, backbone._aff.aff_m, backbone._aff.aff_std = Kernel(8), Kernel(8), Kernel(9)
    backbone.shallow_mask = Cues(shallow, c)
    backbone.fc8_skip, backbone.fc8_x = unit(shallow, skip, 1), unit(c + skip, c, 3)
    first, second = ([*unit(c, c, 3), nn.Identity()] for _ in range(2))
    backbone.last_conv = nn.Sequential(*first, *second, conv(c, classes - 1, 1, bias=True))
    return backbone


# Gated CRF.


class GatedCRFNetwork(nn.Module):
    """DeepLabv3+ on ResNet-34; the logits of stride 4."""

    def __init__(self, base=64, c=256, skip=48, classes=21):
        super().__init__()
        resnet = PlainResNet((3, 4, 6, 3), deep=False, dilation=2, c=base)
        self.encoder = nn.Module()
        self.encoder.encoder = resnet
        deep = resnet.channels[-1]
        self.aspp = nn.Module()
        for index, rate in enumerate((1, 6, 12, 18)):
            setattr(self.aspp, f'conv{index}', unit(deep, c, 1 if index == 0 else 3, rate))
        self.aspp.pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), unit(deep, c, 1))
        self.aspp.conv_out = unit(5 * c, c, 1)
        self.decoder = nn.Module()
        self.decoder.reduce_skip_4x = unit(resnet.channels[0], skip, 1)
        self.decoder.last_conv = nn.Sequential(*unit(c + skip, c, 3), *unit(c, c, 3), conv(c, classes, 1, bias=True))

    def forward(self, x):
        levels, pyramid = self.encoder.encoder.levels(x), self.aspp
        x = levels['conv6']
        branches = [pyramid.conv0(x), pyramid.conv1(x), pyramid.conv2(x), pyramid.conv3(x)]
        branches.append(enlarged(pyramid.pool(x), x, align_corners=False))
        narrow = self.decoder.reduce_skip_4x(levels['conv3'])
        x = enlarged(pyramid.conv_out(torch.cat(branches, 1)), narrow, align_corners=False)
        return [self.decoder.last_conv(torch.cat([x, narrow], 1))]


# Importance sampling, SEAM and AffinityNet.


class CAMNetwork(Wide38):
    """Logits, and the logits that the pixel correlation module refines."""

    def __init__(self, c=64, widths=(64, 128), classes=21):
        super().__init__(c)
        self.fc8 = conv(64 * c, classes, 1)
        self.f8_3, self.f8_4 = conv(8 * c, widths[0], 1), conv(16 * c, widths[1], 1)
        self.f9 = conv(3 + sum(widths), sum(widths), 1)

    def forward(self, x):
        levels = self.levels(x)
        logits = self.fc8(levels['conv6'])
        fields = [enlarged(x, logits), self.f8_3(levels['conv4']).relu(), self.f8_4(levels['conv5']).relu()]
        keys = self.f9(torch.cat(fields, 1)).flatten(2)
        keys = keys / (keys.norm(dim=1, keepdim=True) + 1e-5)
        likeness = torch.einsum('bci,bcj->bij', keys, keys).relu()
        likeness = likeness / (likeness.sum(dim=1, keepdim=True) + 1e-5)
        return [logits, torch.einsum('bci,bij->bcj', logits.flatten(2), likeness).view_as(logits)]


class AffinityNetwork(Wide38):
    def __init__(self, c=64, widths=(64, 128, 256)):
        super().__init__(c)
        self.f8_3, self.f8_4, self.f8_5 = (
            conv(inputs * c, width, 1) for inputs, width in zip((8, 16, 64), widths, strict=True)
        )
        self.f9 = conv(sum(widths), sum(widths), 1)

    def forward(self, x):
        levels = self.levels(x)
        parts = [self.f8_3(levels['conv4']), self.f8_4(levels['conv5']), self.f8_5(levels['conv6'])]
        return [F.elu(self.f9(torch.cat([F.elu(part) for part in parts], 1)))]


class DeepLabV1(nn.Module):
    def __init__(self, base=64, c=512, classes=21):
        super().__init__()
        self.backbone = Wide38(base)
        self.conv_fov, self.bn_fov = conv(64 * base, c, 3, dilation=12), nn.BatchNorm2d(c)
        self.conv_fov2, self.bn_fov2 = conv(c, c, 1), nn.BatchNorm2d(c)
        self.cls_conv = conv(c, classes, 1, bias=True)

    def forward(self, x):
        x = self.bn_fov(self.conv_fov(self.backbone.levels(x)['conv6'])).relu()
        return [self.cls_conv(self.bn_fov2(self.conv_fov2(x)).relu())]


# LPG.


class HourglassConv(nn.Module):
    def __init__(self, inputs, outputs, kernel, stride=1, normed=True):
        super().__init__()
        self.conv = conv(inputs, outputs, kernel, stride, bias=not normed)
        self.bn = nn.BatchNorm2d(outputs) if normed else nn.Identity()

    def forward(self, x):
        return self.bn(self.conv(x)).relu()


class HourglassUnit(nn.Module):
    def __init__(self, inputs, outputs, stride=1):
        super().__init__()
        self.conv1, self.bn1 = conv(inputs, outputs, 3, stride), nn.BatchNorm2d(outputs)
        self.conv2, self.bn2 = conv(outputs, outputs, 3), nn.BatchNorm2d(outputs)
        changes = stride > 1 or inputs != outputs
        self.skip = nn.Sequential(conv(inputs, outputs, 1, stride), nn.BatchNorm2d(outputs)) if changes else None

    def forward(self, x):
        branch = self.bn2(self.conv2(self.bn1(self.conv1(x)).relu()))
        return (branch + (x if self.skip is None else self.skip(x))).relu()


def units(*channels, stride=1):
    steps = pairwise(channels)
    return nn.Sequential(*(HourglassUnit(a, b, stride if i == 0 else 1) for i, (a, b) in enumerate(steps)))


class HourglassScale(nn.Module):
    def __init__(self, dims, counts):
        super().__init__()
        (here, below), count = dims[:2], counts[0]
        self.up1 = units(*[here] * (count + 1))
        self.low1 = units(here, *[below] * count, stride=2)
        self.low2 = HourglassScale(dims[1:], counts[1:]) if len(dims) > 2 else units(*[below] * (counts[1] + 1))
        self.low3 = units(*[below] * count, here)

    def forward(self, x):
        return self.up1(x) + F.interpolate(self.low3(self.low2(self.low1(x))), scale_factor=2)


class MaskGeneratorNetwork(nn.Module):
    def __init__(self, inputs, dims=(96, 96, 128, 128, 128, 192), counts=(2, 2, 2, 2, 2, 4), stem=48, c=256):
        super().__init__()
        self.pre = nn.Sequential(HourglassConv(inputs, stem, 7, 2), HourglassUnit(stem, dims[0], 2))
        self.kps = nn.ModuleList([HourglassScale(dims, counts)])
        self.cnvs = nn.ModuleList([HourglassConv(dims[0], c, 3)])
        head = nn.Sequential(HourglassConv(c, dims[0], 3, normed=False), conv(dims[0], 2, 1, bias=True))
        self.fm = nn.ModuleList([head])

    def forward(self, x):
        return [self.fm[0](self.cnvs[0](self.kps[0](self.pre(x))))]


class LargeFOV(nn.Module):
    def __init__(self, classes=21):
        super().__init__()
        layers, inputs = [], 3
        for block, widths in VGG.items():
            for width in widths:
                layers += [conv(inputs, width, 3, dilation=2 if block == 5 else 1, bias=True), nn.ReLU()]
                inputs = width
            layers.append(nn.MaxPool2d(3, 2 if block < 4 else 1, 1))
        layers += [nn.AvgPool2d(3, 1, 1), conv(512, 1024, 3, dilation=12, bias=True), nn.ReLU(), nn.Identity()]
        layers += [conv(1024, 1024, 1, bias=True), nn.ReLU(), nn.Identity(), conv(1024, classes, 1, bias=True)]
        self.features = nn.Sequential(*layers)

    def forward(self, x):
        return [self.features(x)]


class DeepLabV2(nn.Module):
    """On ResNet-101, without max-pooling."""

    def __init__(self, c=64, classes=21):
        super().__init__()
        self.layer0 = nn.Sequential(nn.Conv2d(3, c, 7, 2, 3, bias=False), nn.BatchNorm2d(c), nn.ReLU())
        *_, deep = add_resnet_layers(self, (3, 4, 23, 3), True, (1, 2, 1, 1), (1, 1, 2, 4), c)
        self.aspp = nn.Module()
        for index, rate in enumerate((6, 12, 18, 24)):
            setattr(self.aspp, f'c{index}', conv(deep, classes, 3, dilation=rate, bias=True))

    def forward(self, x):
        for index in range(5):
            x = getattr(self, f'layer{index}')(x)
        return [sum(branch(x) for branch in self.aspp.children())]


class MultiScale(nn.Module):
    def __init__(self, base):
        super().__init__()
        self.base = base

    def forward(self, x):
        (logits,) = self.base(x)
        views = [self.base(F.interpolate(x, scale_factor=s, mode='bilinear'))[0] for s in (0.5, 0.75)]
        return [torch.stack([logits, *(enlarged(view, logits, align_corners=False) for view in views)]).amax(dim=0)]


def randomise(network, inputs):
    """Draw all weights; the statistics of batch norms near those of ``inputs``, so that no layer dies or explodes.

    Residual branches add a little to what they branch off from, as those of trained networks do: of many branches as
    strong as that, a network would make 1e-3 of the last bit of a float32.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight)
            if module.bias is not None:
                nn.init.normal_(module.bias, std=0.1)
        elif isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0
            if module.affine:
                nn.init.uniform_(module.weight, 0.25, 0.75)
                nn.init.normal_(module.bias, std=0.1)
    network.train()
    with torch.no_grad():
        next(module for module in network.modules() if isinstance(module, nn.Conv2d)).weight.div_(inputs.std())
        for block in network.modules():
            if isinstance(block, Residual):
                getattr(block, f'bn{block.count}').weight.mul_(0.2)
        network(inputs)
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.running_var.clamp_(min=0.1).mul_(torch.empty_like(module.running_var).uniform_(0.8, 1.25))
                module.running_mean.add_(0.1 * torch.randn_like(module.running_mean))
    return network.eval()
