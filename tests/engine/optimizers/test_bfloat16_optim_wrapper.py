"""A training step in bfloat16 gives the losses and gradients of float32 within the precision of bfloat16."""

import copy

import pytest
import torch
from mmengine.optim import build_optim_wrapper
from mmseg.registry import MODELS

from mmseg_wsss.checkpoints.loading import load_checkpoint
from mmseg_wsss.engine.optimizers import with_mixed_precision
from mmseg_wsss.models.losses import BaseWeakLoss
from tests.helpers.models import model_config, raw_batch
from tests.helpers.trainings import run_tool, training_config, write_config

EPS = torch.finfo(torch.bfloat16).eps
SGD = {'type': 'SGD', 'lr': 0.01}


class WatchingLoss(BaseWeakLoss):
    """Keeps the types that it computes with."""

    def compute(self, inputs):
        self.seen = {
            'features': inputs.features[-1].dtype,
            'logits': inputs.logits.dtype,
            'product': (inputs.logits.flatten(1) @ inputs.logits.flatten(1).T).dtype,
        }
        return inputs.logits.square().mean()


def step(kind, model, batch):
    """One forward and backward pass: the losses and the gradients."""
    wrapper = build_optim_wrapper(model, {'type': kind, 'optimizer': SGD})
    with wrapper.optim_context(model):
        losses = model(**model.data_preprocessor(copy.deepcopy(batch), training=True), mode='loss')
    total, _ = model.parse_losses(losses)
    wrapper.backward(total)
    gradients = torch.cat([param.grad.flatten() for param in model.parameters() if param.grad is not None])
    return {name: value.detach() for name, value in losses.items()}, gradients


@pytest.mark.parametrize('channels_last', [False, True])
@pytest.mark.parametrize('head', ['deeplabv3plus', 'segformer'])
def test_losses_and_gradients_are_those_of_float32(head, channels_last):
    torch.manual_seed(0)
    model = MODELS.build(model_config(head, size=(64, 64)))
    model.init_weights()
    model.decode_head.conv_seg.weight.data.mul_(30)  # decided predictions
    other = MODELS.build(model_config(head, size=(64, 64), channels_last=channels_last))
    other.load_state_dict(model.state_dict())
    batch = raw_batch(((64, 64),) * 4)
    expected, gradients = step('OptimWrapper', model.eval(), batch)  # normalised alike, with the stored statistics
    losses, rounded = step('BFloat16OptimWrapper', other.eval(), batch)
    for name, value in expected.items():
        assert losses[name].dtype == torch.float32
        torch.testing.assert_close(losses[name], value, rtol=4 * EPS, atol=0)
    assert rounded.dtype == torch.float32
    error = (rounded - gradients).norm() / gradients.norm()
    assert 0 < error < 16 * EPS


def test_the_network_runs_in_bfloat16_and_the_losses_in_float32():
    model = MODELS.build(model_config(losses={'loss_seen': {'type': WatchingLoss}}))
    step('BFloat16OptimWrapper', model, raw_batch())
    assert model.losses['loss_seen'].seen == {
        'features': torch.bfloat16,
        'logits': torch.float32,
        'product': torch.float32,
    }


def test_channels_last_is_the_layout_of_weights_and_maps():
    model = MODELS.build(model_config(channels_last=True))
    weight = model.backbone.layer4[0].conv1.weight
    assert weight.is_contiguous(memory_format=torch.channels_last)
    assert not weight.is_contiguous()
    assert model.backbone(torch.zeros(2, 3, 32, 32))[0].is_contiguous(memory_format=torch.channels_last)


def test_settings_of_amp():
    settings = {'type': 'OptimWrapper', 'optimizer': SGD, 'loss_scale': 512.0, 'clip_grad': {'max_norm': 1}}
    kept = {'optimizer': SGD, 'clip_grad': {'max_norm': 1}}
    assert with_mixed_precision(settings, 'cpu') == {**kept, 'type': 'BFloat16OptimWrapper'}
    assert with_mixed_precision(settings, 'cuda') == {**kept, 'type': 'AmpOptimWrapper', 'loss_scale': 512.0}
    assert with_mixed_precision(kept, 'cuda')['loss_scale'] == 'dynamic'


@pytest.mark.skipif(torch.cuda.is_available(), reason='--amp is float16 on a GPU')
def test_training_with_amp(tmp_path):
    config = write_config(training_config(), tmp_path / 'tiny.py')
    run_tool('train', config, '--work-dir', tmp_path / 'run', '--amp', '--cfg-options', 'model.channels_last=True')
    weights = load_checkpoint(tmp_path / 'run/iter_4.pth')['state_dict']
    assert {value.dtype for value in weights.values()} == {torch.float32, torch.int64}
    assert all(value.isfinite().all() for value in weights.values())


@pytest.mark.skipif(torch.cuda.is_available(), reason='a GPU has float16')
def test_float16_without_a_gpu_is_refused(tmp_path):
    float16 = {**training_config().optim_wrapper.to_dict(), 'type': 'AmpOptimWrapper'}
    config = write_config(training_config(tmp_path / 'run', optim_wrapper=float16), tmp_path / 'tiny.py')
    with pytest.raises(SystemExit, match="AmpOptimWrapper' needs a GPU, and there is none: use 'BFloat16O"):
        run_tool('train', config)
