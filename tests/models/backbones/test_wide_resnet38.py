import pytest
import torch
import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import nn

from tests.helpers.models import model_config

TINY = {'type': 'WideResNet38', 'base_channels': 2}
PLAIN = ('b2', 'b2_1', 'b2_2', 'b3', 'b3_1', 'b3_2', 'b4', *(f'b4_{i}' for i in range(1, 6)), 'b5', 'b5_1', 'b5_2')
NORM = ('weight', 'bias', 'running_mean', 'running_var')


def public_keys():
    """What is in ilsvrc-cls_rna-a1_cls1000_ep-0001.pth: a conversion from MXNet, which counts no batches."""
    keys = {'conv1a.weight'}
    for block in PLAIN:
        keys |= {f'{block}.conv_branch{part}.weight' for part in ('2a', '2b1')}
        keys |= {f'{block}.bn_branch{part}.{kind}' for part in ('2a', '2b1') for kind in NORM}
    for block in ('b6', 'b7'):
        keys |= {f'{block}.conv_branch{part}.weight' for part in ('2a', '2b1', '2b2')}
        keys |= {f'{block}.bn_branch{part}.{kind}' for part in ('2a', '2b1', '2b2') for kind in NORM}
    keys |= {f'{block}.conv_branch1.weight' for block in ('b2', 'b3', 'b4', 'b5', 'b6', 'b7')}
    return keys | {f'bn7.{kind}' for kind in NORM}


def public_checkpoint(**settings):
    weights = MODELS.build({**TINY, **settings}).state_dict()
    return {name: torch.randn_like(value).abs() for name, value in weights.items() if value.is_floating_point()}


@pytest.fixture(scope='module')
def published():
    return MODELS.build({'type': 'WideResNet38'})


def test_names_and_widths_are_those_of_the_public_checkpoint(published):
    names = {name for name in published.state_dict() if not name.endswith('num_batches_tracked')}
    assert names == public_keys()
    shapes = {name: tuple(value.shape) for name, value in published.state_dict().items()}
    assert shapes['conv1a.weight'] == (64, 3, 3, 3)
    assert shapes['b2.conv_branch2a.weight'] == (128, 64, 3, 3)
    assert shapes['b4_5.conv_branch2b1.weight'] == (512, 512, 3, 3)
    assert shapes['b5.conv_branch2a.weight'] == (512, 512, 3, 3)
    assert shapes['b5_2.conv_branch2b1.weight'] == (1024, 512, 3, 3)
    assert shapes['b6.conv_branch2a.weight'] == (512, 1024, 1, 1)
    assert shapes['b6.conv_branch2b1.weight'] == (1024, 512, 3, 3)
    assert shapes['b7.conv_branch2b2.weight'] == (4096, 2048, 1, 1)
    assert shapes['b7.conv_branch1.weight'] == (4096, 2048, 1, 1)


def test_strides_and_channels(published):
    published.eval()
    with torch.no_grad():
        outputs = published(torch.randn(1, 3, 17, 25))
    assert [tuple(output.shape[1:]) for output in outputs] == [
        (256, 5, 7), (512, 3, 4), (1024, 3, 4), (4096, 3, 4)
    ]  # fmt: skip
    assert all((output >= 0).all() for output in outputs[1:])
    assert (outputs[0] < 0).any()


def test_dilations_of_the_last_blocks(published):
    found = {
        name: module.dilation[0]
        for name, module in published.named_modules()
        if isinstance(module, nn.Conv2d) and module.dilation[0] > 1
    }
    assert found == {
        'b5.conv_branch2b1': 2,
        'b5_1.conv_branch2a': 2,
        'b5_1.conv_branch2b1': 2,
        'b5_2.conv_branch2a': 2,
        'b5_2.conv_branch2b1': 2,
        'b6.conv_branch2b1': 4,
        'b7.conv_branch2b1': 4,
    }
    dropouts = {name: m.p for name, m in published.named_modules() if isinstance(m, nn.Dropout2d)}
    assert dropouts == {'b6.dropout': 0.3, 'b7.dropout': 0.5}


def norm(weights, name, x):
    mean, var, scale, shift = (
        weights[f'{name}.{kind}'].view(1, -1, 1, 1) for kind in ('running_mean', 'running_var', 'weight', 'bias')
    )
    return (x - mean) / (var + 1e-5).sqrt() * scale + shift


def block(weights, name, x, stride=1, dilations=(1, 1)):
    """A pre-activation block, from Wu et al.; returns the output and the rectified input."""
    activated = norm(weights, f'{name}.bn_branch2a', x).relu()
    branch, parts = activated, [part for part in ('2a', '2b1', '2b2') if f'{name}.conv_branch{part}.weight' in weights]
    for index, part in enumerate(parts):
        if index:
            branch = norm(weights, f'{name}.bn_branch{part}', branch).relu()
        kernel = weights[f'{name}.conv_branch{part}.weight']
        dilation = dilations[index] if kernel.shape[-1] == 3 else 1
        padding = dilation if kernel.shape[-1] == 3 else 0
        branch = F.conv2d(branch, kernel, stride=stride if index == 0 else 1, padding=padding, dilation=dilation)
    shortcut = weights.get(f'{name}.conv_branch1.weight')
    return (x if shortcut is None else F.conv2d(activated, shortcut, stride=stride)) + branch, activated


def test_forward_is_the_network_of_the_paper():
    model = MODELS.build(TINY).eval()
    weights = {name: value / 10 if 'conv' in name else value for name, value in public_checkpoint().items()}
    model.load_exactly(weights, 'test')
    image = torch.randn(1, 3, 16, 24)
    x = F.conv2d(image, weights['conv1a.weight'], padding=1)
    expected = []
    for name in PLAIN:
        stride = 2 if name in ('b2', 'b3', 'b4') else 1
        dilations = {'b5': (1, 2), 'b5_1': (2, 2), 'b5_2': (2, 2)}.get(name, (1, 1))
        if name == 'b4':
            expected.append(x)
        x, activated = block(weights, name, x, stride, dilations)
        if name == 'b5':
            expected.append(activated)
    for name in ('b6', 'b7'):
        x, activated = block(weights, name, x, dilations=(1, 4, 1))
        if name == 'b6':
            expected.append(activated)
    expected.append(norm(weights, 'bn7', x).relu())
    for result, wanted in zip(model(image), expected, strict=True):
        torch.testing.assert_close(result, wanted)


@pytest.mark.parametrize(
    ('frozen_stages', 'free'),
    [(-1, ('conv1a', 'b2')), (0, ('b3', 'b4')), (1, ('b4',)), (4, ())],
)
def test_what_is_frozen_gets_no_gradient(frozen_stages, free):
    model = MODELS.build({**TINY, 'frozen_stages': frozen_stages}).train()
    trained = {name.split('.')[0] for name, p in model.named_parameters() if p.requires_grad}
    assert trained >= set(free)
    blocks = ('conv1a', *PLAIN, 'b6', 'b7', 'bn7')
    first_free = {-1: 0, 0: 4, 1: 7, 4: len(blocks)}[frozen_stages]
    assert trained == {name for name in blocks[first_free:] if name != 'bn7'}  # its scale and shift are frozen
    assert all(not p.requires_grad for name, p in model.named_parameters() if '.bn' in name or name.startswith('bn'))


@pytest.mark.parametrize('norm_eval', [True, False])
def test_statistics_stay_in_training(norm_eval):
    model = MODELS.build({**TINY, 'norm_eval': norm_eval, 'norm_cfg': {'type': 'BN'}}).train()
    before = {name: value.clone() for name, value in model.state_dict().items() if 'running' in name}
    sum(output.mean() for output in model(torch.randn(2, 3, 16, 16))).backward()
    moved = {
        name.split('.')[0]
        for name, value in model.state_dict().items()
        if 'running' in name and not torch.equal(value, before[name])
    }
    assert moved == (set() if norm_eval else {*PLAIN[3:], 'b6', 'b7', 'bn7'})
    assert model.bn7.weight.grad is not None


@pytest.mark.parametrize(
    'wrap', [lambda w: w, lambda w: {'state_dict': w}, lambda w: {f'module.{k}': v for k, v in w.items()}]
)
def test_pretrained_weights_are_loaded(tmp_path, wrap):
    weights = public_checkpoint()
    weights['linear1000.weight'] = torch.zeros(1000, 128)
    torch.save(wrap(weights), tmp_path / 'wide.pth')
    model = MODELS.build({**TINY, 'init_cfg': {'type': 'Pretrained', 'checkpoint': str(tmp_path / 'wide.pth')}})
    model.init_weights()
    for name, value in model.state_dict().items():
        if name in weights:
            torch.testing.assert_close(value, weights[name])


def test_pretrained_backbone_of_a_segmentor(tmp_path):
    weights = {f'backbone.{name}': value for name, value in public_checkpoint().items()}
    weights['decode_head.conv_seg.weight'] = torch.zeros(1)
    torch.save({'state_dict': weights}, tmp_path / 'model.pth')
    init_cfg = {'type': 'Pretrained', 'checkpoint': str(tmp_path / 'model.pth'), 'prefix': 'backbone.'}
    model = MODELS.build({**TINY, 'init_cfg': init_cfg})
    model.init_weights()
    torch.testing.assert_close(model.conv1a.weight, weights['backbone.conv1a.weight'])


def test_a_checkpoint_of_something_else_is_named(tmp_path):
    weights = public_checkpoint()
    del weights['b6.conv_branch1.weight']
    weights['layer1.0.conv1.weight'] = torch.zeros(1)
    weights['conv1a.weight'] = torch.zeros(5, 3, 3, 3)
    torch.save(weights, tmp_path / 'other.pth')
    model = MODELS.build({**TINY, 'init_cfg': {'type': 'Pretrained', 'checkpoint': str(tmp_path / 'other.pth')}})
    before = model.conv1a.weight.clone()
    message = (
        r'other.pth is not a checkpoint of WideResNet38: 1 missing: b6.conv_branch1.weight; 1 unexpected: '
        r'layer1.0.conv1.weight; 1 of another shape: conv1a.weight \(5, 3, 3, 3\) instead of \(2, 3, 3, 3\)'
    )
    with pytest.raises(ValueError, match=message):
        model.init_weights()
    assert torch.equal(before, model.conv1a.weight)


def test_many_missing_names_are_counted():
    with pytest.raises(
        ValueError,
        match=rf'{len(public_keys())} missing: conv1a.weight, .* and {len(public_keys()) - 8} more; 1 unexpected: a',
    ):
        MODELS.build(TINY).load_exactly({'a': torch.zeros(1)}, 'x.pth')


def test_missing_file_names_the_key_of_the_config(tmp_path):
    backbone = {**TINY, 'init_cfg': {'type': 'Pretrained', 'checkpoint': str(tmp_path / 'none.pth')}}
    head = {'type': 'NGWPHead', 'in_channels': 128, 'num_classes': 3}
    model = MODELS.build(model_config(head, backbone=backbone))
    with pytest.raises(FileNotFoundError, match=r'none.pth.*--cfg-options model.backbone.init_cfg.checkpoint='):
        model.init_weights()


@pytest.mark.parametrize(
    ('config', 'message'),
    [
        ({**TINY, 'out_indices': (4,)}, r'out_indices must be some of 0, 1, 2, 3, got \(4,\)'),
        ({**TINY, 'out_indices': ()}, 'out_indices'),
        ({**TINY, 'frozen_stages': 5}, r'frozen_stages must be -1 \(none\) to 4 \(all\), got 5'),
    ],
)
def test_bad_settings(config, message):
    with pytest.raises(ValueError, match=message):
        MODELS.build(config)
