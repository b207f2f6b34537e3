"""Names of the weights in the published code of several methods.

Different networks may have weights with the same names and shapes, so a layout also has the settings of the backbone
that it is for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import nn


@dataclass(frozen=True)
class PublishedLayout:
    """The form in which published code saves the weights of a network.

    Args:
        network: Name of the network.
        backbone: Class of the backbone of this project.
        decode_head: Class of the head of this project; empty for a file of only a backbone, for any head.
        configs: Configs with this network, by their names in ``wsss config``.
        names: Prefixes of names in this project and their replacements in the file; the longest prefix is used.
        parts: Patterns in the rest of a name in this project and their replacements in the file.
        prefix: Optional prefix of the names in the file.
        unused: Prefixes of names in the file that the network does not need.
        settings: Attributes that the backbone must have to give the same outputs.
        pyramid: A weight for the concatenated branches of a pyramid, whose image pool is last in the file and first
            here.
    """

    network: str
    backbone: str
    decode_head: str
    configs: tuple[str, ...]
    names: Mapping[str, str]
    parts: Mapping[str, str] = field(default_factory=dict)
    prefix: str = ''
    unused: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    pyramid: str = ''

    def is_of(self, model: nn.Module) -> bool:
        """Whether a network has this backbone and this head."""
        backbone, head = (type(getattr(model, name, None)).__name__ for name in ('backbone', 'decode_head'))
        return backbone == self.backbone and self.decode_head in ('', head)

    def published_name(self, name: str) -> str:
        """Return the name in the file of a weight of the network, without the prefix.

        Example:
            >>> LAYOUTS['gated-crf'][0].published_name('decode_head.bottleneck.bn.bias')
            'aspp.conv_out.1.bias'
        """
        start = max((start for start in self.names if name.startswith(start)), key=len, default='')
        rest = name[len(start) :]
        for pattern, there in self.parts.items():
            rest = re.sub(pattern, there, rest)
        return self.names.get(start, '') + rest


_SAME = {'backbone.': ''}
_VGG16 = {
    'backbone.': '',
    'backbone.features.0.': 'conv1_1.',
    'backbone.features.2.': 'conv1_2.',
    'backbone.features.5.': 'conv2_1.',
    'backbone.features.7.': 'conv2_2.',
    'backbone.features.10.': 'conv3_1.',
    'backbone.features.12.': 'conv3_2.',
    'backbone.features.14.': 'conv3_3.',
    'backbone.features.17.': 'conv4_1.',
    'backbone.features.19.': 'conv4_2.',
    'backbone.features.21.': 'conv4_3.',
    'backbone.features.24.': 'conv5_1.',
    'backbone.features.26.': 'conv5_2.',
    'backbone.features.28.': 'conv5_3.',
}
_STOCHASTIC_GATE = {
    'decode_head.aspp_modules.0.conv.': 'aspp.aspp1.atrous_conv.',
    'decode_head.aspp_modules.0.bn.': 'aspp.aspp1.bn.',
    'decode_head.aspp_modules.1.conv.': 'aspp.aspp2.atrous_conv.',
    'decode_head.aspp_modules.1.bn.': 'aspp.aspp2.bn.',
    'decode_head.aspp_modules.2.conv.': 'aspp.aspp3.atrous_conv.',
    'decode_head.aspp_modules.2.bn.': 'aspp.aspp3.bn.',
    'decode_head.aspp_modules.3.conv.': 'aspp.aspp4.atrous_conv.',
    'decode_head.aspp_modules.3.bn.': 'aspp.aspp4.bn.',
    'decode_head.image_pool.1.conv.': 'aspp.global_avg_pool.1.',
    'decode_head.image_pool.1.bn.': 'aspp.global_avg_pool.2.',
    'decode_head.bottleneck.conv.': 'aspp.conv1.',
    'decode_head.bottleneck.bn.': 'aspp.bn1.',
    'decode_head.c1_bottleneck.conv.': 'fc8_skip.0.',
    'decode_head.c1_bottleneck.bn.': 'fc8_skip.1.',
    'decode_head.deep_bottleneck.conv.': 'fc8_x.0.',
    'decode_head.deep_bottleneck.bn.': 'fc8_x.1.',
    'decode_head.shallow.summarise.conv.': 'shallow_mask.fc_deep.0.',
    'decode_head.shallow.summarise.bn.': 'shallow_mask.fc_deep.1.',
    'decode_head.shallow.project.': 'shallow_mask.fc_skip.0.',
    'decode_head.shallow.normalise.': 'shallow_mask.fc_skip.1.',
    'decode_head.shallow.mix.conv.': 'shallow_mask.fc_cls.0.',
    'decode_head.shallow.mix.bn.': 'shallow_mask.fc_cls.1.',
    'decode_head.decoder.0.conv.': 'last_conv.0.',
    'decode_head.decoder.0.bn.': 'last_conv.1.',
    'decode_head.decoder.2.conv.': 'last_conv.4.',
    'decode_head.decoder.2.bn.': 'last_conv.5.',
    'decode_head.conv_seg.': 'last_conv.8.',
}
_GATED_CRF = {
    'backbone.': 'encoder.encoder.',
    'decode_head.aspp_modules.0.conv.': 'aspp.conv0.0.',
    'decode_head.aspp_modules.0.bn.': 'aspp.conv0.1.',
    'decode_head.aspp_modules.1.conv.': 'aspp.conv1.0.',
    'decode_head.aspp_modules.1.bn.': 'aspp.conv1.1.',
    'decode_head.aspp_modules.2.conv.': 'aspp.conv2.0.',
    'decode_head.aspp_modules.2.bn.': 'aspp.conv2.1.',
    'decode_head.aspp_modules.3.conv.': 'aspp.conv3.0.',
    'decode_head.aspp_modules.3.bn.': 'aspp.conv3.1.',
    'decode_head.image_pool.1.conv.': 'aspp.pool.1.0.',
    'decode_head.image_pool.1.bn.': 'aspp.pool.1.1.',
    'decode_head.bottleneck.conv.': 'aspp.conv_out.0.',
    'decode_head.bottleneck.bn.': 'aspp.conv_out.1.',
    'decode_head.c1_bottleneck.conv.': 'decoder.reduce_skip_4x.0.',
    'decode_head.c1_bottleneck.bn.': 'decoder.reduce_skip_4x.1.',
    'decode_head.sep_bottleneck.0.conv.': 'decoder.last_conv.0.',
    'decode_head.sep_bottleneck.0.bn.': 'decoder.last_conv.1.',
    'decode_head.sep_bottleneck.1.conv.': 'decoder.last_conv.3.',
    'decode_head.sep_bottleneck.1.bn.': 'decoder.last_conv.4.',
    'decode_head.conv_seg.': 'decoder.last_conv.6.',
}
_CAM = {
    'backbone.': '',
    'decode_head.conv_seg.': 'fc8.',
    'pixel_correlation.reductions.0.': 'f8_3.',
    'pixel_correlation.reductions.1.': 'f8_4.',
    'pixel_correlation.mixing.': 'f9.',
}
_AFFINITY = {
    'backbone.': '',
    'decode_head.levels.0.': 'f8_3.',
    'decode_head.levels.1.': 'f8_4.',
    'decode_head.levels.2.': 'f8_5.',
    'decode_head.mix.': 'f9.',
}
_DEEPLABV1 = {
    'backbone.': 'backbone.',
    'decode_head.context.conv.': 'conv_fov.',
    'decode_head.context.bn.': 'bn_fov.',
    'decode_head.projection.conv.': 'conv_fov2.',
    'decode_head.projection.bn.': 'bn_fov2.',
    'decode_head.conv_seg.': 'cls_conv.',
}
_HOURGLASS = {
    'backbone.stem.conv.': 'pre.0.conv.',
    'backbone.stem.bn.': 'pre.0.bn.',
    'backbone.reduce.': 'pre.1.',
    'backbone.hourglass.': 'kps.0.',
    'backbone.out.conv.': 'cnvs.0.conv.',
    'backbone.out.bn.': 'cnvs.0.bn.',
    'decode_head.convs.0.conv.': 'fm.0.0.conv.',
    'decode_head.conv_seg.': 'fm.0.1.',
}
_HOURGLASS_PARTS = {
    r'\bside\.': 'up1.',
    r'\bdown\.': 'low1.',
    r'\binner\.': 'low2.',
    r'\bup\.': 'low3.',
    r'\bconv(\d)\.conv\.': r'conv\1.',
    r'\bconv(\d)\.bn\.': r'bn\1.',
    r'\bshortcut\.conv\.': 'skip.0.',
    r'\bshortcut\.bn\.': 'skip.1.',
}
_LARGE_FOV = {
    'backbone.': '',
    'backbone.fc6.': 'features.32.',
    'backbone.fc7.': 'features.35.',
    'decode_head.conv_seg.': 'features.38.',
}
_DEEPLABV2 = {
    'backbone.': '',
    'backbone.conv1.': 'layer0.0.',
    'backbone.bn1.': 'layer0.1.',
    'decode_head.conv_seg.0.': 'aspp.c0.',
    'decode_head.conv_seg.1.': 'aspp.c1.',
    'decode_head.conv_seg.2.': 'aspp.c2.',
    'decode_head.conv_seg.3.': 'aspp.c3.',
}
_PAMR_KERNELS = ('_aff.aff_x.kernel', '_aff.aff_m.kernel', '_aff.aff_std.kernel')
_PYRAMID = 'decode_head.bottleneck.conv.weight'


def _single_stage(network: str, backbone: str, configs: tuple[str, ...], **settings: Any) -> PublishedLayout:
    return PublishedLayout(
        network,
        backbone,
        'StochasticGateHead',
        tuple(f'single_stage/{name}_voc_tags' for name in configs),
        {**(_VGG16 if backbone == 'LargeFOVVGG16' else _SAME), **_STOCHASTIC_GATE},
        unused=_PAMR_KERNELS,
        settings=settings,
        pyramid=_PYRAMID,
    )


_WRN38_CONFIGS = tuple(f'importance_sampling/{name}_wrn38_voc_tags' for name in ('cam', 'affinity', 'deeplabv1'))
_AFFINITY_NETWORK = PublishedLayout('AffinityNet', 'WideResNet38', 'AffinityHead', _WRN38_CONFIGS[1:2], _AFFINITY)
_CAM_NETWORK = PublishedLayout('the CAM network with PCM', 'WideResNet38', 'CAMHead', _WRN38_CONFIGS[:1], _CAM)


def _imagenet_wrn38(*classifiers: str) -> PublishedLayout:
    configs = ('single_stage/wrn38_voc_tags', *_WRN38_CONFIGS)
    return PublishedLayout('a Wide ResNet-38 from ImageNet', 'WideResNet38', '', configs, _SAME, unused=classifiers)


_IMAGENET_VGG16 = PublishedLayout(
    'a VGG16 from ImageNet',
    'LargeFOVVGG16',
    '',
    ('single_stage/vgg16_voc_tags', 'lpg/deeplab_largefov_voc_boxes'),
    _VGG16,
    unused=('fc8.',),
)
LAYOUTS: dict[str, tuple[PublishedLayout, ...]] = {
    '1-stage-wseg': (
        _single_stage('Wide ResNet-38', 'WideResNet38', ('wrn38',)),
        _single_stage('VGG16', 'LargeFOVVGG16', ('vgg16',), pool5=False, fc6_dilation=1),
        _single_stage('ResNet-50 or ResNet-101', 'ResNet', ('r50', 'r101')),
    ),
    'gated-crf': (
        PublishedLayout(
            'DeepLabv3+ on ResNet-34',
            'DeepLabResNet',
            'DeepLabV3PlusHead',
            (
                *(f'gated_crf/deeplabv3plus_r34_voc_{labels}' for labels in ('clicks', 'scribbles', 'full')),
                *(f'gated_crf/deeplabv3plus_r34_cityscapes_{labels}' for labels in ('clicks', 'full')),
            ),
            _GATED_CRF,
            prefix='net.',
            unused=('loss_ce.weight',),
            settings={'dilated_conv': 'second', 'stem_pool': True},
            pyramid=_PYRAMID,
        ),
    ),
    'icam': (
        _CAM_NETWORK,
        _AFFINITY_NETWORK,
        PublishedLayout('DeepLabv1', 'WideResNet38', 'LargeFOVHead', _WRN38_CONFIGS[2:], _DEEPLABV1),
    ),
    'lpg': (
        PublishedLayout(
            'the mask generator', 'Hourglass', 'FCNHead', ('lpg/hourglass_coco60',), _HOURGLASS, _HOURGLASS_PARTS
        ),
        PublishedLayout(
            'DeepLab-LargeFOV',
            'LargeFOVVGG16',
            'FCNHead',
            ('lpg/deeplab_largefov_voc_boxes', 'lpg/generator_hourglass_coco60'),
            _LARGE_FOV,
            settings={'pool5': True, 'fc6_dilation': 12},
        ),
        PublishedLayout(
            'DeepLabv2 on ResNet-101',
            'DeepLabResNet',
            'DeepLabV2Head',
            ('lpg/deeplabv2_r101_voc_boxes', 'lpg/generator_hourglass_r101_coco60'),
            _DEEPLABV2,
            prefix='base.',
            settings={'dilated_conv': 'first', 'stem_pool': False},
        ),
    ),
    'seam': (_CAM_NETWORK, _AFFINITY_NETWORK, _imagenet_wrn38('linear1000.')),
    'irn': (_AFFINITY_NETWORK, _imagenet_wrn38('linear1000.', 'fc8.'), _IMAGENET_VGG16),
}
"""The networks of each source, in the order in which they are compared with that of a config."""
