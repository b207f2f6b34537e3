"""The loss on pseudo-masks that grow from points."""

import copy
import dataclasses
import itertools

import pytest
import torch
from mmengine.logging import MessageHub
from mmengine.structures import PixelData
from mmseg.registry import MODELS

from mmseg_wsss.functional import partial_cross_entropy
from mmseg_wsss.models.losses.patience import PATIENCE
from mmseg_wsss.models.pseudo_masks import CONFIDENCE_KEY
from tests.helpers.models import model_config, raw_batch
from tests.helpers.pmp import PLAIN, inputs, set_scores


@pytest.fixture(autouse=True)
def _no_scores():
    MessageHub.get_current_instance().pop_info(CONFIDENCE_KEY, None)
    yield
    MessageHub.get_current_instance().pop_info(CONFIDENCE_KEY, None)


def test_loss_is_the_cross_entropy_on_the_labels():
    batch = inputs()
    set_scores(0.3, 0.3)
    loss = MODELS.build({'type': 'PMPLoss', 'pseudo_masks': PLAIN, 'loss_weight': 0.5})
    labels = loss.pseudo_masks(batch).labels
    assert (labels != 255).sum() > 10
    expected = 0.5 * partial_cross_entropy(batch.full_logits, labels)
    torch.testing.assert_close(loss(batch), expected)
    (gradient,) = torch.autograd.grad(loss(batch), batch.logits)
    assert gradient.abs().sum() > 0
    nothing = inputs(points=(torch.zeros(0, 3),) * 2)
    assert loss(nothing) == 0
    summed = MODELS.build({'type': 'PMPLoss', 'pseudo_masks': PLAIN, 'loss_weight': 0.5, 'reduction': 'sum'})
    picked = -batch.full_logits.log_softmax(1).gather(1, labels.clamp(max=4)[:, None])[:, 0][labels != 255]
    torch.testing.assert_close(summed(batch), 0.5 * picked.sum())
    assert summed(nothing) == 0
    summed(nothing).backward()


def test_images_without_points_are_normal_and_a_thousand_of_them_an_error():
    loss, nothing = MODELS.build({'type': 'PMPLoss', 'pseudo_masks': PLAIN}), inputs(points=(torch.zeros(0, 3),) * 2)
    for _ in range(PATIENCE // 2 - 1):
        value = loss(nothing)
    assert value == 0
    with pytest.raises(ValueError, match=f'PMPLoss learns from points, but none of the first {PATIENCE} .*box-centres'):
        loss(nothing)
    rare = MODELS.build({'type': 'PMPLoss', 'pseudo_masks': PLAIN})
    assert rare(inputs(points=(torch.zeros(0, 3), torch.tensor([[5.2, 5.8, 4]])))) > 0
    for _ in range(PATIENCE // 2):
        assert rare(nothing) == 0


def test_steps_are_maps_of_all_classes():
    batch = inputs()
    loss = MODELS.build({'type': 'PMPLoss', 'pseudo_masks': {**PLAIN, 'blots': 'point_blots'}})
    steps, made = loss.steps(batch), loss.pseudo_masks(batch)
    assert list(steps) == ['blots', 'distance field', 'refined', 'pseudo-mask']
    assert torch.equal(steps['blots'], made.blots)
    assert torch.equal(steps['pseudo-mask'], made.labels)
    for name, maps in {'distance field': made.fields, 'refined': made.refined}.items():
        expected = torch.zeros(2, 5, 16, 16)
        expected[0, 0], expected[0, 3], expected[1, 4] = maps[0, 0], maps[0, 1], maps[1, 0]
        assert torch.equal(steps[name], expected)
    assert 'blots' not in MODELS.build({'type': 'PMPLoss', 'pseudo_masks': PLAIN}).steps(batch)


def test_the_loss_at_the_points_is_the_mean_over_their_classes():
    batch = inputs()
    batch.labels[0, 3, 2:5], batch.labels[0, 9, 15], batch.labels[1, 5, 5] = 0, 3, 4
    loss = MODELS.build({'type': 'PMPLoss', 'pseudo_masks': PLAIN})
    loss(batch)
    scores = batch.full_logits.detach().log_softmax(1)
    expected = -(scores[0, 0, 3, 2:5].mean() + scores[0, 3, 9, 15] + scores[1, 4, 5, 5]) / 3
    torch.testing.assert_close(loss.statistics['point_loss'], expected)
    assert not loss.statistics['point_loss'].requires_grad
    loss(inputs())
    assert loss.statistics['point_loss'].isnan()


def test_a_collapse_to_the_background_improves_the_loss_and_not_that_at_the_points():
    """Points of 0 and 3 in both images; the network comes to predict background everywhere."""
    points = torch.tensor([[2.5, 3.5, 0], [13.0, 9.0, 3]])
    labels = torch.full((2, 16, 16), 255)
    labels[:, 3, 2], labels[:, 9, 13] = 0, 3
    loss = MODELS.build({'type': 'PMPLoss', 'pseudo_masks': PLAIN})
    values = []
    for certainty in (0.0, 2.0, 4.0, 8.0):
        logits = torch.zeros(2, 5, 8, 8)
        logits[:, 0] = certainty
        batch = inputs(logits=logits, labels=labels, valid=torch.ones(2, 1, 16, 16), points=(points, points))
        values.append((float(loss(batch)), float(loss.statistics['point_loss'])))
    (first, at_points), *_, (last, at_points_last) = values
    assert last < 0.2 * first
    assert at_points_last > 2 * at_points
    assert all(after[1] > before[1] for before, after in itertools.pairwise(values[1:]))


def test_what_is_logged():
    batch = inputs()
    loss = MODELS.build({'type': 'PMPLoss', 'pseudo_masks': {**PLAIN, 'blots': 'point_blots', 'threshold': 1.0}})
    blots = batch.maps['point_blots']
    blots[0, 0, 0], blots[0, 0, 1], blots[1, 0, 0] = 0, 3, 4  # 16 + 16 + 12 pixels inside
    loss(batch)
    assert list(loss.statistics) == ['point_loss', 'labelled_share']
    assert loss.statistics['labelled_share'] == pytest.approx(44 / (16 * 16 + 16 * 12))
    truth = torch.zeros(2, 1, 16, 16, dtype=torch.uint8)
    truth[0, 0, 1, :4] = 3
    truth[0, 0, 1, 12:] = 255
    loss(inputs(maps={**batch.maps, 'reference': truth}))
    statistics = {name: value.item() for name, value in loss.statistics.items() if name != 'point_loss'}
    assert statistics == pytest.approx(
        {'labelled_share': 44 / 448, 'precision': 20 / 40, 'object_precision': 4 / 24}  # 255 is not compared
    )
    loss(inputs(points=(torch.zeros(0, 3),) * 2, maps={'point_blots': 0 * blots + 255, 'reference': truth}))
    assert loss.statistics['labelled_share'] == loss.statistics['precision'] == 0


def test_in_a_segmentor():
    losses = {'loss_pmp': {'type': 'PMPLoss'}}
    model = MODELS.build(model_config(losses=losses))
    model.init_weights()
    batch = raw_batch(((32, 32), (20, 25)))
    for number, sample in enumerate(batch['data_samples']):
        size = sample.gt_sem_seg.data.shape[1:]
        sample.set_data({'gt_points': torch.tensor([[3.0, 3.0, 0.0], [14.0, 12.0, 1.0 + number]])})
        blots = torch.full((1, *size), 255, dtype=torch.uint8)
        blots[:, 10:14, 10:14] = 1 + number
        sample.set_data({'gt_maps': PixelData(point_blots=blots)})
    data = model.data_preprocessor(copy.deepcopy(batch), training=True)
    with torch.autocast('cpu', torch.bfloat16):
        total, _ = model.parse_losses(model.loss(**data))
    total.backward()
    assert total > 0
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


def test_unknown_reduction():
    with pytest.raises(ValueError, match="unknown reduction 'none': choose from mean, sum"):
        MODELS.build({'type': 'PMPLoss', 'reduction': 'none'})


def test_what_the_pipeline_lacks_is_named():
    loss = MODELS.build({'type': 'PMPLoss'})
    with pytest.raises(ValueError, match='need the points of every image.*PackWeakSegInputs'):
        loss(inputs(points=()))
    with pytest.raises(ValueError, match=r"no map 'point_blots': put LoadPointBlots right after.*blots=None"):
        loss(inputs(maps={}))


@pytest.mark.parametrize('align_corners', [False, True])
@pytest.mark.parametrize('few', [0.0, 1.0])
def test_few_labelled_pixels_give_the_loss_and_the_gradient_of_all_logits(monkeypatch, align_corners, few):
    monkeypatch.setattr('mmseg_wsss.models.losses.pmp_loss._FEW', few)
    batch = dataclasses.replace(inputs(), align_corners=align_corners)
    set_scores(0.3, 0.3)
    loss = MODELS.build({'type': 'PMPLoss', 'pseudo_masks': PLAIN})
    labels = loss.pseudo_masks(batch).labels
    expected = partial_cross_entropy(batch.full_logits, labels)
    (gradient,) = torch.autograd.grad(expected, batch.logits)
    del batch.__dict__['full_logits']
    value = loss(batch)
    torch.testing.assert_close(value, expected)
    torch.testing.assert_close(torch.autograd.grad(value, batch.logits)[0], gradient)
    assert ('full_logits' in vars(batch)) == (few == 0)
