"""Names of published files: all of them find their place, and what does not fit is named."""

import pytest
import torch
from mmengine.config import Config, DictAction
from mmseg.registry import MODELS
from torch import nn

from mmseg_wsss.checkpoints.published import translate_published
from mmseg_wsss.checkpoints.published_layouts import LAYOUTS
from tests.helpers import published_networks as published
from tests.helpers.published_cases import CASES, CONFIGS

WHOLE = [(source, layout) for source, layouts in LAYOUTS.items() for layout in layouts]


def network_of(case):
    cfg = Config.fromfile(CONFIGS / f'{case.config}.py')
    pairs = (option.split('=') for option in case.options)
    cfg.merge_from_dict({key: DictAction._parse_iterable(value) for key, value in pairs})
    return MODELS.build(cfg.model)


@pytest.fixture
def gated():
    """A small network of Gated CRF, its config's and its weights."""
    case = CASES['Gated CRF DeepLabv3+']
    return network_of(case), {f'net.{name}': value for name, value in case.small().state_dict().items()}


def translated(weights, model, source='gated-crf'):
    return translate_published(weights, source, model, 'theirs.pth')


@pytest.mark.parametrize(
    ('source', 'layout'), WHOLE, ids=[f'{source} {layout.network}'.replace(' ', '_') for source, layout in WHOLE]
)
def test_configs_of_a_layout_have_its_network(source, layout):
    for name in layout.configs:
        cfg = Config.fromfile(CONFIGS / f'{name}.py')
        parts = [key for key in ('backbone', 'decode_head', 'pixel_correlation') if key in cfg.model]
        with torch.device('meta'):  # names without numbers
            built = {key: MODELS.build({'type': 'PixelCorrelation', **cfg.model[key]}) for key in parts}
        model = nn.ModuleDict(built)
        assert layout.is_of(model), name
        assert {key: getattr(model.backbone, key) for key in layout.settings} == layout.settings
        if layout.decode_head:
            names = [layout.published_name(own) for own in model.state_dict()]
            assert len(set(names)) == len(names)
            assert not any('decode_head' in name or 'pixel_correlation' in name for name in names)


def test_image_pool_moves_to_the_front(gated):
    model, weights = gated
    own = translated(weights, model).state_dict['decode_head.bottleneck.conv.weight']
    theirs = weights['net.aspp.conv_out.0.weight']
    torch.testing.assert_close(own[:, :16], theirs[:, -16:])
    torch.testing.assert_close(own[:, 16:], theirs[:, :-16])


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (
            lambda weights: weights.pop('net.decoder.last_conv.6.bias'),
            r'theirs.pth does not hold DeepLabv3\+ on ResNet-34 of gated-crf as the config has it, by the names of '
            r'the file: 1 missing: net.decoder.last_conv.6.bias; the configs for gated-crf are those of DeepLabv3\+ on '
            r'ResNet-34 \(configs/gated_crf/deeplabv3plus_r34_voc_clicks.py, ',
        ),
        (
            lambda weights: weights.update({'net.extra.weight': torch.zeros(1)}),
            'the file: 1 unexpected: net.extra.weight;',
        ),
        (
            lambda weights: weights.update({'net.aspp.conv0.0.weight': torch.zeros(16, 64, 3, 3)}),
            r'1 of another shape: net.aspp.conv0.0.weight \(16, 64, 3, 3\) instead of \(16, 64, 1, 1\);',
        ),
        (
            lambda weights: weights.update({'loss_gatedcrf.weight': torch.zeros(1)}),
            'the file: 1 unexpected: loss_gatedcrf.weight;',
        ),
    ],
    ids=['missing', 'unexpected', 'shape', 'beside'],
)
def test_half_and_foreign_files_are_refused_by_name(gated, change, message):
    model, weights = gated
    change(weights)
    with pytest.raises(ValueError, match=message):
        translated(weights, model)


def test_weights_twice_are_refused(gated):
    model, weights = gated
    weights['encoder.encoder.conv1.weight'] = weights['net.encoder.encoder.conv1.weight']
    with pytest.raises(ValueError, match='the file: 1 unexpected: encoder.encoder.conv1.weight;'):
        translated(weights, model)


def test_unused_weights_are_named_and_nothing_else_is(gated):
    model, weights = gated
    weights['loss_ce.weight'] = torch.rand(21)
    assert translated(weights, model).unused == ('loss_ce.weight',)
    stage = CASES['single-stage ResNet-50']
    found = translated(stage.small().state_dict(), network_of(stage), '1-stage-wseg')
    assert set(found.unused) == {'_aff.aff_x.kernel', '_aff.aff_m.kernel', '_aff.aff_std.kernel'}


def test_network_of_another_source_is_refused(gated):
    model, weights = gated
    with pytest.raises(
        ValueError,
        match=r'network of the config \(DeepLabResNet with DeepLabV3PlusHead\) does not belong to icam: .*'
        r'DeepLabv1 \(configs/importance_sampling/deeplabv1_wrn38_voc_tags.py\)',
    ):
        translated(weights, model, 'icam')
    with pytest.raises(ValueError, match="unknown source 'psa': choose from 1-stage-wseg, gated-crf, icam"):
        translated(weights, model, 'psa')
    fifty, hundred = (CASES[f'single-stage ResNet-{depth}'] for depth in (50, 101))
    with pytest.raises(ValueError, match=r'255 missing: layer3\.6\.conv1\.weight, '):
        translated(fifty.small().state_dict(), network_of(hundred), '1-stage-wseg')


def test_same_names_of_another_network_are_refused(gated):
    model, weights = gated
    model.backbone.dilated_conv = 'first'
    with pytest.raises(
        ValueError,
        match=r"differs from DeepLabv3\+ on ResNet-34 of gated-crf: it has {'dilated_conv': 'first', "
        r"'stem_pool': True}, expected {'dilated_conv': 'second', 'stem_pool': True}",
    ):
        translated(weights, model)


@pytest.mark.parametrize('source', ['seam', 'irn'])
def test_backbone_from_imagenet(source):
    cam = network_of(CASES['icam CAM'])
    weights = published.Wide38(4).state_dict() | {'linear1000.weight': torch.zeros(3, 3)}
    found = translated(weights, cam, source)
    assert found.unused == ('linear1000.weight',)
    assert {name.removeprefix('backbone.') for name in found.state_dict} == set(cam.backbone.state_dict())
    assert all(name.startswith('backbone.') for name in found.state_dict)
    torch.testing.assert_close(found.state_dict['backbone.b7.conv_branch1.weight'], weights['b7.conv_branch1.weight'])
    del weights['b4_3.bn_branch2a.running_var']
    with pytest.raises(ValueError, match=r'a Wide ResNet-38 from ImageNet of .* 1 missing: b4_3.bn_branch2a.running_v'):
        translated(weights, cam, source)


def test_vgg16_from_imagenet():
    weights = published.CaffeVGG().state_dict()
    found = translated(weights, network_of(CASES['LPG LargeFOV']), 'irn').state_dict
    assert len(found) == len(weights) == 30
    torch.testing.assert_close(found['backbone.features.28.weight'], weights['conv5_3.weight'])


def test_seam_has_the_networks_of_icam_under_the_same_names():
    for name in ('icam CAM', 'icam affinity'):
        model, weights = network_of(CASES[name]), CASES[name].small().state_dict()
        here, there = (translated(weights, model, source).state_dict for source in ('icam', 'seam'))
        assert list(here) == list(there) == list(model.state_dict())
    half = CASES['icam CAM'].small().state_dict()
    del half['f9.weight']
    with pytest.raises(ValueError, match=r'the CAM network with PCM of seam .* 1 missing: f9.weight'):
        translated(half, network_of(CASES['icam CAM']), 'seam')
