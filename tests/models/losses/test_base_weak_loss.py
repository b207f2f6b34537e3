"""What holds for every loss, shown on the two losses of Jonnarth and Felsberg."""

import pytest
import torch
from mmseg.registry import MODELS

from tests.helpers.cam_losses import NAN, batch, build, run
from tests.helpers.models import model_config, raw_batch


@pytest.mark.parametrize('kind', ['ImportanceSampling', 'FeatureSimilarity'])
def test_what_lies_outside_the_image_has_no_effect(kind):
    settings = {'expectation': True} if kind == 'ImportanceSampling' else {}
    loss = build(kind, **settings)
    inputs = batch()
    value, grad = run(loss, inputs)
    image = torch.where(inputs.valid > 0, inputs.image, NAN)
    logits = torch.where(inputs.valid_cells > 0, inputs.logits, -7).detach()
    other_value, other_grad = run(loss, batch(image=image, logits=logits))
    assert torch.equal(value, other_value)
    assert torch.equal(grad, other_grad)
    assert not grad[(inputs.valid_cells == 0).expand_as(grad)].any()
    assert grad.abs().max() > 1e-4


@pytest.mark.parametrize('classes', [2, 150])
@pytest.mark.parametrize('kind', ['ImportanceSampling', 'FeatureSimilarity'])
def test_any_number_of_classes_and_a_batch_of_one_under_autocast(kind, classes):
    inputs = batch(1, classes, grid=(3, 3), tags=torch.zeros(1, classes - 1))
    with torch.autocast('cpu', torch.bfloat16):
        value, grad = run(build(kind), inputs)
    assert value.dtype == torch.float32
    assert value.isfinite()
    assert grad.isfinite().all()


def test_in_a_segmentor_every_parameter_gets_a_gradient():
    losses = {
        'loss_tags': {'type': 'ImportanceSamplingLoss'},
        'loss_similarity': {'type': 'FeatureSimilarityLoss', 'learn_mu': True},
    }
    model = MODELS.build(model_config('deeplabv3plus', losses=losses))
    model.init_weights()
    data = raw_batch()
    for sample in data['data_samples']:
        sample.set_data({'gt_tags': torch.tensor([1])})
    prepared = model.data_preprocessor(data, training=True)
    total, log = model.parse_losses(model.loss(**prepared))
    total.backward()
    assert {'loss_tags', 'loss_similarity'} < set(log)
    assert [name for name, p in model.named_parameters() if p.grad is None] == []
    assert model.losses['loss_similarity'].theta.grad < 0


@pytest.mark.parametrize('weight', [-1, float('nan'), float('inf'), 'a', True, None])
def test_weights_of_losses_are_finite_numbers(weight):
    with pytest.raises(ValueError, match='loss_weight must be a finite non-negative number, got'):
        MODELS.build({'type': 'PartialCrossEntropyLoss', 'loss_weight': weight})
    assert MODELS.build({'type': 'PartialCrossEntropyLoss', 'loss_weight': 0}).loss_weight == 0
