"""What holds for every loss that learns from image tags."""

import copy

import pytest
import torch
import torch.nn.functional as F
from mmengine.logging import MessageHub
from mmseg.registry import MODELS

from mmseg_wsss.models.losses.patience import PATIENCE
from mmseg_wsss.structures import LossInputs
from tests.helpers.models import model_config, raw_batch
from tests.helpers.tag_losses import NAN, PAMR, TAGS, build, grad_of, inputs, part_outside


@pytest.mark.parametrize('kind', ['ImageTagLoss', 'PseudoMaskLoss'])
@pytest.mark.parametrize('size', [(12, 16), (13, 17)])
def test_what_is_outside_of_the_image_has_no_effect(kind, size):
    batch, loss = inputs(size=size), build(kind)
    clean, broken = part_outside(batch), part_outside(batch, 50.0)
    value = loss(broken)
    assert value > 0
    assert torch.equal(value, loss(clean))
    gradient = grad_of(loss, broken)
    cells = 1 - F.adaptive_max_pool2d(1 - broken.valid, (6, 8))
    assert not gradient[(cells == 0).expand_as(gradient)].any()
    torch.testing.assert_close(gradient, grad_of(loss, clean))
    assert torch.equal(loss(part_outside(batch, NAN)), value)


@pytest.mark.parametrize('kind', ['ImageTagLoss', 'PseudoMaskLoss'])
def test_untagged_images_have_no_effect(kind):
    loss, batch = build(kind), inputs()
    expected, gradient = loss(batch), grad_of(loss, batch)
    assert expected > 0
    more = inputs([*TAGS, [NAN, NAN]])
    logits = torch.cat([batch.logits.detach(), torch.full((1, 3, 6, 8), NAN)]).requires_grad_()
    more = LossInputs(logits, torch.cat([batch.image, 0 * batch.image[:1]]), more.labels, more.valid, more.tags)
    torch.testing.assert_close(loss(more), expected)
    more = LossInputs(
        more.logits.detach().nan_to_num(3.0).requires_grad_(), more.image, more.labels, more.valid, more.tags
    )
    torch.testing.assert_close(loss(more), expected)
    torch.testing.assert_close(grad_of(loss, more)[:2], gradient)
    assert not grad_of(loss, more)[2].any()
    nobody = inputs([[NAN, NAN]])
    assert loss(nobody) == 0
    assert not grad_of(loss, nobody).any()


@pytest.mark.parametrize('kind', ['ImageTagLoss', 'PseudoMaskLoss'])
def test_a_batch_without_tags_is_zero_and_many_are_an_error(kind):
    loss, batch = build(kind), inputs(None)
    for _ in range(PATIENCE // 2 - 1):
        value = loss(batch)
    assert value == 0
    assert value.requires_grad
    message = f'{kind} learns from image tags, but none of the first {PATIENCE} images had any.*tags_from of LoadWeak'
    with pytest.raises(ValueError, match=message):
        loss(batch)
    rare = build(kind)
    rare(inputs())  # tags may be rare: one tagged image is enough
    for _ in range(PATIENCE):
        assert rare(batch) == 0


@pytest.mark.parametrize('kind', ['ImageTagLoss', 'PseudoMaskLoss'])
def test_nothing_is_computed_before_the_start(kind):
    batch = inputs(progress=0.19)
    assert build(kind, start=0.2)(batch) == 0
    assert 'probs' not in vars(batch)
    assert build(kind, start=0.2)(inputs(progress=0.2)) > 0


@pytest.mark.parametrize('kind', ['ImageTagLoss', 'PseudoMaskLoss'])
def test_images_without_a_class_one_image_and_many_classes(kind):
    loss = build(kind)
    none = inputs([[0.0, 0.0]])
    assert loss(none).isfinite()
    assert (loss(none) == 0) == (kind == 'PseudoMaskLoss')  # background alone weighs nothing
    many = inputs([[1.0, 1.0, *[0.0] * 147]], classes=150)
    value = loss(many)
    assert value > 0
    assert grad_of(loss, many).isfinite().all()
    with torch.autocast('cpu', torch.bfloat16):
        half = inputs([[1.0, 1.0, *[0.0] * 147]], classes=150)
        torch.testing.assert_close(loss(half), value)


def test_extreme_logits_stay_finite():
    for kind in ('ImageTagLoss', 'PseudoMaskLoss'):
        batch = inputs()
        batch = LossInputs(
            (1e4 * batch.logits.detach()).requires_grad_(), batch.image, batch.labels, batch.valid, batch.tags
        )
        assert build(kind)(batch).isfinite()
        assert grad_of(build(kind), batch).isfinite().all()


LOSSES = {
    'loss_tags': {'type': 'ImageTagLoss'},
    'loss_masks': {'type': 'PseudoMaskLoss', 'refiner': PAMR, 'start': 0.25},
    'loss_crf': {'type': 'GatedCRFLoss', 'radius': 2},
}


def run(model, batch):
    return model.loss(**model.data_preprocessor(copy.deepcopy(batch), training=True))


def tagged_batch(*tags, **settings):
    batch = raw_batch(**settings)
    for sample, chosen in zip(batch['data_samples'], tags, strict=True):
        if chosen is not None:
            sample.set_data({'gt_tags': torch.tensor(chosen, dtype=torch.int64)})
    return batch


def test_tags_alone_train_every_parameter():
    model = MODELS.build(model_config('deeplabv3plus', losses=LOSSES))
    model.init_weights()
    total, log_vars = model.parse_losses(run(model.train(), tagged_batch([1], [1, 2], clicks=0)))
    total.backward()
    statistics = {'loss_masks/images_used', 'loss_masks/labelled_share'}
    assert set(log_vars) == {'loss', *LOSSES, 'labelled_pixels', *statistics}
    assert total.item() == pytest.approx(sum(log_vars[name].item() for name in LOSSES))  # statistics are not summed
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


def test_tags_first_then_masks():
    model = MODELS.build(model_config('deeplabv3plus', losses=LOSSES)).eval()
    blobs = inputs(size=(32, 32), grid=(8, 8)).logits
    model.decode_head.forward = lambda features: blobs
    hub = MessageHub.get_current_instance()
    hub.update_info('max_iters', 20)
    seen = []
    for iteration in (0, 4, 5, 19):
        hub.update_info('iter', iteration)
        losses = run(model, tagged_batch([1], None, clicks=0))
        assert losses['loss_tags'] > 0
        seen.append((losses['loss_masks'] > 0).item())
    assert seen == [False, False, True, True]


def test_a_model_without_foreground_is_refused():
    with pytest.raises(
        ValueError, match='ImageTagLoss needs the background and at least one class for the tags, got 1'
    ):
        build('ImageTagLoss').check_num_classes(1)
