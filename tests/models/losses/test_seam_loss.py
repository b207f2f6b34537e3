"""SEAM in a model: what it refines, what its loss is made of, what it predicts."""

import pytest
import torch
import torch.nn.functional as F
from mmengine.config import Config
from mmseg.registry import MODELS

from mmseg_wsss.functional import (
    min_pooling_loss,
    normalised_activations,
    pixel_correlation,
    seam_regularisation,
    winning_activations,
)
from tests.helpers.models import model_config
from tests.models.views.test_siamese import CORRELATION, batch, inputs_of

HEAD = {'type': 'CAMHead', 'in_channels': 8, 'in_index': 0, 'num_classes': 3, 'dropout_ratio': 0.0}


def build(loss=None, **changes):
    torch.manual_seed(0)
    losses = {'loss_seam': {'type': 'SEAMLoss', **(loss or {})}}
    correlation = {'refines': 'activations', **CORRELATION}
    views = {'type': 'SiameseViews', 'refined_alone': True, 'pixel_correlation': correlation, 'scale': 0.5}
    settings = {'views': views, 'decision': {'type': 'TagDecision'}}
    model = MODELS.build(model_config(HEAD, losses=losses, size=(96, 96), **{**settings, **changes}))
    model.decode_head.conv_seg.weight.data.mul_(3)
    return model.eval()


def up(x, size):
    return F.interpolate(x, size, mode='bilinear', align_corners=True)


def published(first, tags):
    """The four terms, from the maps of the views."""
    shown = torch.cat([torch.ones(2, 1), tags], dim=1)[:, :, None, None]
    cls, minimum, maps = 0, 0, []
    for name, refined in (('first', 'refined'), ('second', 'second_refined')):
        size = first.view(name).image.shape[2:]
        logits, r = up(first.view(name).logits, size), up(first.view(refined).probs, size)
        scores = logits.mean(dim=(2, 3))[:, 1:]
        cls = cls + F.binary_cross_entropy_with_logits(scores, tags) / 2
        minimum = minimum + min_pooling_loss((r * shown)[:, 1:]) / 2
        maps += [normalised_activations(logits), normalised_activations(r)]
    size = maps[2].shape[2:]
    one, one_refined, other, other_refined = (up(m, size) * shown for m in maps)
    er, ecr = seam_regularisation(one, other, one_refined, other_refined)
    return {'cls': cls, 'min': minimum, 'er': er, 'ecr': ecr}


def test_loss_is_the_sum_of_the_published_terms():
    model = build()
    inputs = inputs_of(model, batch(model))
    terms = published(inputs, torch.tensor([[1.0, 0.0], [1.0, 1.0]]))
    loss = model.losses['loss_seam']
    torch.testing.assert_close(loss(inputs), sum(terms.values()))
    assert set(loss.statistics) == set(terms)
    for name, term in terms.items():
        torch.testing.assert_close(loss.statistics[name], term.detach(), msg=name)
        assert term > 0.01, name
        alone = {f'{other}_weight': float(other == name) for other in terms}
        weighted = build({**alone, 'loss_weight': 2.0}).losses['loss_seam']
        torch.testing.assert_close(weighted(inputs), 2 * term)


def test_refined_maps_are_those_of_the_winners():
    model = build()
    data = batch(model)
    inputs = inputs_of(model, data)
    module = model.pixel_correlation
    plain = MODELS.build({'type': 'PixelCorrelation', **CORRELATION})
    plain.load_state_dict(module.state_dict())
    winners = winning_activations(inputs.logits)
    expected = plain(winners, inputs.features, data['inputs'])
    torch.testing.assert_close(inputs.view('refined').probs, expected, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(expected.sum(dim=1), torch.ones(2, 24, 24), rtol=1e-4, atol=1e-4)
    (grad,) = torch.autograd.grad(
        inputs.view('refined').probs[:, 1].sum(), model.decode_head.conv_seg.weight, allow_unused=True
    )
    assert grad is None  # none goes into the maps
    assert pixel_correlation(winners, torch.ones(2, 1, 24, 24)).shape == winners.shape


def test_every_parameter_but_the_background_learns():
    model = build().train()
    data = batch(model)
    total, log = model.parse_losses(model.loss(data['inputs'], data['data_samples']))
    total.backward()
    assert {'loss_seam', 'loss_seam/cls', 'loss_seam/min', 'loss_seam/er', 'loss_seam/ecr'} < set(log)
    weight = model.decode_head.conv_seg.weight.grad
    assert not weight[0].any()
    assert weight[1:].any()
    unused = [name for name, p in model.named_parameters() if p.grad is None]
    assert all(name.startswith(('backbone.layer4', 'backbone.layer3', 'backbone.layer2')) for name in unused)
    assert all(p.grad.abs().sum() > 0 for p in model.pixel_correlation.parameters())


def test_untagged_images_have_no_effect():
    model = build()
    data = batch(model, tags=((1,), None))
    inputs = inputs_of(model, data)
    value = model.losses['loss_seam'](inputs)
    (grad,) = torch.autograd.grad(value, data['inputs'].requires_grad_(), allow_unused=True)
    assert grad is None
    noisy = {**data, 'inputs': data['inputs'].detach().clone()}
    noisy['inputs'][1] += torch.randn_like(noisy['inputs'][1])
    torch.testing.assert_close(model.losses['loss_seam'](inputs_of(model, noisy)), value)
    nobody = batch(model, tags=(None, None))
    nothing = model.losses['loss_seam'](inputs_of(model, nobody))
    assert nothing == 0
    nothing.backward()


def test_padding_has_no_effect_on_the_loss():
    """An image that fills half of the batch's size: other numbers in the padding change nothing."""
    model = build()
    data = batch(model, sizes=((96, 64), (96, 96)))
    inputs = inputs_of(model, data)
    value = model.losses['loss_seam'](inputs)
    outside = (inputs.valid_cells == 0).expand_as(inputs.logits)
    assert outside.any()
    object.__setattr__(inputs, 'logits', torch.where(outside, 50.0, inputs.logits))
    torch.testing.assert_close(model.losses['loss_seam'](inputs), value)


def test_predictions_are_the_refined_maps():
    model = build(decision={'type': 'ArgmaxDecision'})
    data = batch(model)
    probs = inputs_of(model, data).view('refined').probs
    said = model.class_probs(data['inputs'])[0].probs
    enlarged = F.interpolate(probs, (96, 96), mode='bilinear', align_corners=False)
    torch.testing.assert_close(said, enlarged[0])
    sample = model.predict(data['inputs'])[0]
    expected = enlarged[0].argmax(dim=0)
    assert (sample.pred_sem_seg.data[0] == expected).float().mean() > 0.99


def test_config_is_the_published_setting():
    cfg = Config.fromfile('configs/importance_sampling/seam_wrn38_voc_tags.py')
    sampling = Config.fromfile('configs/importance_sampling/cam_wrn38_voc_tags.py')
    assert (cfg.model.views.type, cfg.model.views.scale) == ('SiameseViews', 0.3)
    assert (cfg.model.views.refined_alone, cfg.model.views.pixel_correlation.refines) == (True, 'activations')
    assert cfg.model.decision.pooling == {'type': 'AveragePooling'}
    assert cfg.model.losses.to_dict() == {'loss_seam': {'type': 'SEAMLoss'}}
    for key in ('train_dataloader', 'optim_wrapper', 'param_scheduler', 'train_cfg'):
        assert cfg[key] == sampling[key]
    loss = MODELS.build(cfg.model.losses.loss_seam)
    assert (loss.min_share, loss.hardest, set(loss.weights.values())) == (0.25, 0.2, {1.0})


@pytest.mark.parametrize(
    ('settings', 'message'),
    [
        ({'type': 'SEAMLoss', 'hardest': 0}, 'hardest must be a finite number above 0, got 0'),
        ({'type': 'SEAMLoss', 'min_share': 2}, r'min_share must be in \[0, 1\], got 2'),
        (
            {'type': 'PixelCorrelation', 'refines': 'maps'},
            "refines must be one of logits, activations, got 'maps'",
        ),
    ],
)
def test_bad_settings(settings, message):
    with pytest.raises(ValueError, match=message):
        MODELS.build(settings)
