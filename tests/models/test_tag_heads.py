import math

import pytest
import torch
import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import nn

from mmseg_wsss.models.layers import GlobalCueInjection
from tests.helpers.models import BN, model_config, raw_batch
from tests.helpers.trained import SEEDS, descend

CAM = {'type': 'CAMHead', 'in_channels': 64, 'in_index': 3, 'num_classes': 3}
GATE = {
    'type': 'StochasticGateHead',
    'in_channels': 64,
    'channels': 8,
    'num_classes': 4,
    'c1_in_channels': 6,
    'c1_channels': 3,
    'dilations': (1, 2),
    'align_corners': True,
}

# Each layer multiplies the rounding of those before it.
SEVERAL_LAYERS = {'rtol': 1e-4, 'atol': 1e-4}


def gate_head(**changes):
    head = MODELS.build({**GATE, **changes})
    head.init_weights()
    return head


def features(batch=2, size=(9, 7)):
    generator = torch.Generator().manual_seed(1)
    fine = torch.randn(batch, 6, *size, generator=generator)
    coarse = torch.randn(batch, 64, math.ceil(size[0] / 2), math.ceil(size[1] / 2), generator=generator)
    return [fine, coarse]


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


def reference(head, fine, coarse, mix):
    """Steps 1 to 4 of the decoder, written from the paper's figure."""
    height, width = coarse.shape[2:]
    pooled = layer(head.image_pool[1], coarse.mean(dim=(2, 3), keepdim=True)).expand(-1, -1, height, width)
    pyramid = torch.cat([pooled, *(layer(branch, coarse) for branch in head.aspp_modules)], dim=1)
    pyramid = layer(head.bottleneck, pyramid)
    pyramid = F.interpolate(pyramid, fine.shape[2:], mode='bilinear', align_corners=True)
    deep = layer(head.deep_bottleneck, torch.cat([pyramid, layer(head.c1_bottleneck, fine)], dim=1))
    cues = head.shallow
    both = layer(cues.summarise, deep).flatten(2).max(dim=2).values
    scale, shift = both[:, :8, None, None], both[:, 8:, None, None]
    shallow = norm(cues.normalise, F.conv2d(fine, cues.project.weight))
    shallow = layer(cues.mix, (shallow * (scale + 1) + shift).clamp(min=0))
    x = mix(deep, shallow)
    x = layer(head.decoder[2], layer(head.decoder[0], x))
    logits = F.conv2d(x, head.conv_seg.weight, head.conv_seg.bias)
    return torch.cat([torch.ones_like(logits[:, :1]), logits], dim=1)


def test_inference_is_the_published_decoder():
    head = gate_head().eval()
    unit_statistics(head)
    fine, coarse = features()
    expected = reference(head, fine, coarse, lambda deep, shallow: 0.7 * deep + 0.3 * shallow)
    torch.testing.assert_close(head([fine, coarse]), expected, **SEVERAL_LAYERS)


def test_gate_draws_in_training_and_mixes_where_it_is_deterministic():
    inputs = features()
    for deterministic in (False, True):
        head = gate_head(deterministic_gate=deterministic, dropout_ratios=(0, 0, 0)).train()
        unit_statistics(head)
        for module in head.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
        first, second = head(inputs), head(inputs)
        assert torch.equal(first, second) == deterministic
        mixed = reference(head, *inputs, lambda deep, shallow: 0.7 * deep + 0.3 * shallow)
        if deterministic:
            torch.testing.assert_close(first, mixed, **SEVERAL_LAYERS)


@pytest.mark.parametrize('form', ['paper', 'reference'])
def test_gate_of_training_is_the_function(form):
    head = gate_head(gate_form=form, gate_rate=0.4, dropout_ratios=(0, 0, 0)).train()
    unit_statistics(head)
    for module in head.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()
    inputs = features()
    torch.manual_seed(5)
    result = head(inputs)
    torch.manual_seed(5)
    drawn = torch.rand(2, 8, 9, 7)

    def mix(deep, shallow):
        kept = deep if form == 'paper' else (deep - 0.4 * shallow) / 0.6
        return torch.where(drawn < 0.4, shallow, kept)

    torch.testing.assert_close(result, reference(head, *inputs, mix), **SEVERAL_LAYERS)


def test_published_widths():
    head = MODELS.build({'type': 'StochasticGateHead', 'in_channels': 4096, 'num_classes': 21, 'c1_in_channels': 256})
    shapes = {name: tuple(p.shape) for name, p in head.named_parameters() if p.ndim == 4}
    assert shapes == {
        'image_pool.1.conv.weight': (256, 4096, 1, 1),
        'aspp_modules.0.conv.weight': (256, 4096, 1, 1),
        'aspp_modules.1.conv.weight': (256, 4096, 3, 3),
        'aspp_modules.2.conv.weight': (256, 4096, 3, 3),
        'aspp_modules.3.conv.weight': (256, 4096, 3, 3),
        'bottleneck.conv.weight': (256, 1280, 1, 1),
        'c1_bottleneck.conv.weight': (48, 256, 1, 1),
        'deep_bottleneck.conv.weight': (256, 304, 3, 3),
        'shallow.summarise.conv.weight': (512, 256, 1, 1),
        'shallow.project.weight': (256, 256, 1, 1),
        'shallow.mix.conv.weight': (256, 256, 1, 1),
        'decoder.0.conv.weight': (256, 256, 3, 3),
        'decoder.2.conv.weight': (256, 256, 3, 3),
        'conv_seg.weight': (20, 256, 1, 1),
    }
    assert [branch.conv.dilation[0] for branch in head.aspp_modules] == [1, 12, 24, 36]
    assert head.gate_rate == 0.3
    assert [m.p for m in head.modules() if isinstance(m, nn.Dropout)] == [0.5, 0.5, 0.1]
    assert 'shallow.normalise.weight' not in head.state_dict()


def test_weights_are_kaiming_normal_by_inputs():
    head = gate_head(channels=64)
    for name, conv in head.named_modules():
        if isinstance(conv, nn.Conv2d) and conv.weight.numel() > 4000:
            inputs = conv.in_channels * conv.kernel_size[0] ** 2
            assert conv.weight.std().item() == pytest.approx((2 / inputs) ** 0.5, rel=0.1), name


@pytest.mark.parametrize(
    'changes',
    [
        {},
        {'gate_form': 'reference'},
        {'deterministic_gate': True},
        {'global_cues': False},
        {'cue_form': 'paper'},
        {'gate_rate': 0.0},
        {'num_classes': 150},
        {'dropout_ratio': 0.1},
    ],
)
def test_every_parameter_gets_a_gradient(changes):
    head = gate_head(**changes).train()
    logits = head(features())
    assert logits.shape == (2, head.num_classes, 9, 7)
    assert (logits[:, 0] == 1).all()
    logits.square().sum().backward()
    assert [name for name, p in head.named_parameters() if p.grad is None or not p.grad.isfinite().all()] == []


@pytest.mark.parametrize('frozen', [True, False])
def test_statistics_of_the_pyramid_stay_and_the_others_move(frozen):
    head = gate_head(freeze_aspp_stats=frozen).train()
    before = {name: value.clone() for name, value in head.state_dict().items() if 'running' in name}
    head(features())
    moved = {
        name for name, value in head.state_dict().items() if name in before and not torch.equal(value, before[name])
    }
    pyramid = {name for name in before if name.startswith(('image_pool', 'aspp_modules', 'bottleneck'))}
    assert len(pyramid) == 2 * 4
    assert moved == (set(before) - pyramid if frozen else set(before))
    assert not head.eval().training
    assert all(not module.training for module in head.modules())


@pytest.mark.parametrize('size', [(8, 8), (11, 5), (1, 3)])
def test_batch_of_one_any_size_and_bfloat16(size):
    head = gate_head().train()
    fine, coarse = features(1, size)
    with torch.autocast('cpu', torch.bfloat16):
        logits = head([fine, coarse])
    assert logits.shape == (1, 4, *size)
    assert logits.isfinite().all()


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


def test_form_of_the_cues_reaches_the_head():
    assert gate_head().shallow.form == 'reference'
    head = gate_head(cue_form='paper').eval()
    assert head.shallow.form == 'paper'
    inputs = features()
    same = gate_head().eval()
    same.load_state_dict(head.state_dict(), strict=False)
    assert not torch.equal(head(inputs), same(inputs))


def test_deeper_cues_change_the_whole_shallow_map():
    cues = GlobalCueInjection(3, 4).eval()
    shallow, deep = torch.rand(1, 3, 6, 6), torch.zeros(1, 4, 6, 6)
    before = cues(shallow, deep)
    deep[..., 5, 5] = 3 * cues.summarise.conv.weight[0, :, 0, 0].sign()
    assert not torch.equal(before[..., 0, 0], cues(shallow, deep)[..., 0, 0])


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'gate_rate': 1.0}, r'gate_rate is the probability.*\[0, 1\), got 1.0'),
        ({'gate_rate': -0.1}, 'gate_rate'),
        ({'gate_form': 'papre'}, "unknown gate_form 'papre': choose from paper, reference"),
        ({'cue_form': 'papre'}, "unknown form of the global cues 'papre': choose from paper, reference"),
        ({'dropout_ratios': (0.5,)}, r'three.*got \[0.5\]'),
        ({'num_classes': 1}, 'StochasticGateHead: num_classes includes the background.*at least 2, got 1'),
        ({'type': 'NGWPHead', 'num_classes': 1}, 'NGWPHead: num_classes includes the background'),
        ({'type': 'NGWPHead', 'input_transform': 'multiple_select'}, 'NGWPHead reads one feature map'),
    ],
)
def test_bad_settings(changes, message):
    config = {**GATE, **changes}
    if config['type'] == 'NGWPHead':
        config = {key: config[key] for key in ('type', 'in_channels', 'num_classes', *changes)}
    with pytest.raises(ValueError, match=message):
        MODELS.build(config)


def test_ngwp_head_is_one_convolution_and_a_constant():
    head = MODELS.build({'type': 'NGWPHead', 'in_channels': 5, 'num_classes': 4, 'background_logit': 0.5}).eval()
    x = torch.randn(2, 5, 3, 4)
    logits = head([x])
    assert (logits[:, 0] == 0.5).all()
    expected = torch.einsum('bchw,kc->bkhw', x, head.conv_seg.weight[:, :, 0, 0]) + head.conv_seg.bias.view(1, 3, 1, 1)
    torch.testing.assert_close(logits[:, 1:], expected)
    assert sum(p.numel() for p in head.parameters()) == 5 * 3 + 3
    plain = MODELS.build({'type': 'NGWPHead', 'in_channels': 5, 'num_classes': 4, 'bias': False}).eval()
    assert [name for name, _ in plain.named_parameters()] == ['conv_seg.weight']
    expected = torch.einsum('bchw,kc->bkhw', x, plain.conv_seg.weight[:, :, 0, 0])
    torch.testing.assert_close(plain([x])[:, 1:], expected)


@pytest.mark.parametrize(
    ('settings', 'shape'),
    [
        ({'channels': 7, 'in_index': 0, 'norm_cfg': BN}, (2, 4, 9, 7)),
        ({'channels': 6, 'in_index': 0}, (2, 4, 9, 7)),
        ({'in_index': [0, 1], 'in_channels': [6, 64], 'input_transform': 'resize_concat'}, (2, 4, 9, 7)),
        ({'in_channels': 64}, (2, 4, 5, 4)),
        ({'in_channels': 64, 'num_classes': 150}, (2, 150, 5, 4)),
    ],
)
def test_ngwp_head_widths_and_maps(settings, shape):
    head = MODELS.build({'type': 'NGWPHead', 'in_channels': 6, 'num_classes': 4, **settings}).train()
    logits = head(features())
    assert logits.shape == shape
    logits.square().sum().backward()
    assert all(p.grad is not None for p in head.parameters())


@pytest.mark.parametrize(
    'head',
    [
        {**GATE, 'c1_in_channels': 8, 'num_classes': 3},
        {'type': 'NGWPHead', 'in_channels': 64, 'num_classes': 3},
    ],
)
def test_segmentor_trains_them_on_any_loss(head):
    model = MODELS.build(model_config(head, losses={'loss_crf': {'type': 'GatedCRFLoss', 'radius': 2}}))
    model.init_weights()
    data = model.data_preprocessor(raw_batch(), training=True)
    total, _ = model.parse_losses(model.train().loss(**data))
    total.backward()
    assert [name for name, p in model.decode_head.named_parameters() if p.grad is None] == []


@pytest.mark.parametrize('seed', SEEDS)
def test_head_overfits_one_image(seed):
    torch.manual_seed(seed)
    head = gate_head(num_classes=3, dropout_ratios=(0, 0, 0)).train()
    inputs = features(1, (8, 8))
    labels = torch.zeros(1, 8, 8, dtype=torch.long)
    labels[:, :4], labels[:, :, 5:] = 1, 2

    def right(losses):
        share = (head.eval()(inputs).argmax(1) == labels).float().mean()
        head.train()
        return share > 0.95

    descend(
        lambda: F.cross_entropy(head(inputs), labels),
        torch.optim.Adam(head.parameters(), 0.02),
        until=right,
        at_most=200,
    )


def test_cam_head_is_one_convolution_without_bias():
    head = MODELS.build({**CAM, 'num_classes': 5})
    head.init_weights()
    assert [name for name, _ in head.named_parameters()] == ['conv_seg.weight']
    assert head.conv_seg.weight.shape == (5, 64, 1, 1)
    bound = (6 / (64 + 5)) ** 0.5
    assert bound * 0.9 < head.conv_seg.weight.abs().max() <= bound
    assert head.dropout.p == 0.5
    features = [None, None, None, torch.randn(2, 64, 4, 3)]
    expected = torch.einsum('oc,bchw->bohw', head.conv_seg.weight[:, :, 0, 0], features[3])
    torch.testing.assert_close(head.eval()(features), expected, rtol=1e-4, atol=1e-5)


def test_cam_head_refuses_what_it_cannot_be():
    with pytest.raises(ValueError, match='num_classes includes the background, so it is at least 2, got 1'):
        MODELS.build({**CAM, 'num_classes': 1})
    with pytest.raises(ValueError, match='CAMHead reads one feature map'):
        MODELS.build({**CAM, 'in_channels': [8, 16], 'in_index': [0, 1], 'input_transform': 'multiple_select'})
