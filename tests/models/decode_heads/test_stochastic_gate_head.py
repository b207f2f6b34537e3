import pytest
import torch
import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import nn

from tests.helpers.models import model_config, raw_batch, two_features
from tests.helpers.reference_layers import layer, norm, unit_statistics
from tests.helpers.trained import SEEDS, descend

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
    fine, coarse = two_features()
    expected = reference(head, fine, coarse, lambda deep, shallow: 0.7 * deep + 0.3 * shallow)
    torch.testing.assert_close(head([fine, coarse]), expected, **SEVERAL_LAYERS)


def test_gate_draws_in_training_and_mixes_where_it_is_deterministic():
    inputs = two_features()
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
    inputs = two_features()
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
    logits = head(two_features())
    assert logits.shape == (2, head.num_classes, 9, 7)
    assert (logits[:, 0] == 1).all()
    logits.square().sum().backward()
    assert [name for name, p in head.named_parameters() if p.grad is None or not p.grad.isfinite().all()] == []


@pytest.mark.parametrize('frozen', [True, False])
def test_statistics_of_the_pyramid_stay_and_the_others_move(frozen):
    head = gate_head(freeze_aspp_stats=frozen).train()
    before = {name: value.clone() for name, value in head.state_dict().items() if 'running' in name}
    head(two_features())
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
    fine, coarse = two_features(1, size)
    with torch.autocast('cpu', torch.bfloat16):
        logits = head([fine, coarse])
    assert logits.shape == (1, 4, *size)
    assert logits.isfinite().all()


def test_form_of_the_cues_reaches_the_head():
    assert gate_head().shallow.form == 'reference'
    head = gate_head(cue_form='paper').eval()
    assert head.shallow.form == 'paper'
    inputs = two_features()
    same = gate_head().eval()
    same.load_state_dict(head.state_dict(), strict=False)
    assert not torch.equal(head(inputs), same(inputs))


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'gate_rate': 1.0}, r'gate_rate is the probability.*\[0, 1\), got 1.0'),
        ({'gate_rate': -0.1}, 'gate_rate'),
        ({'gate_form': 'papre'}, "unknown gate_form 'papre': choose from paper, reference"),
        ({'cue_form': 'papre'}, "unknown form of the global cues 'papre': choose from paper, reference"),
        ({'dropout_ratios': (0.5,)}, r'three.*got \[0.5\]'),
        ({'num_classes': 1}, 'StochasticGateHead: num_classes includes the background.*at least 2, got 1'),
    ],
)
def test_bad_settings(changes, message):
    with pytest.raises(ValueError, match=message):
        MODELS.build({**GATE, **changes})


def test_segmentor_trains_it_on_any_loss():
    head = {**GATE, 'c1_in_channels': 8, 'num_classes': 3}
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
    inputs = two_features(1, (8, 8))
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
