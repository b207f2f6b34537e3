"""Points to pseudo-masks: the refiner, the maps and the loss."""

import copy
import itertools
import math

import pytest
import torch
import torch.nn.functional as F
from mmengine.logging import MessageHub
from mmengine.structures import PixelData
from mmseg.registry import MODELS

from mmseg_wsss.functional import distance_fields, pac_refine, partial_cross_entropy
from mmseg_wsss.models.losses.patience import PATIENCE
from mmseg_wsss.models.pseudo_masks import CONFIDENCE_KEY
from mmseg_wsss.structures import LossInputs
from tests.helpers.models import model_config, raw_batch

PLAIN = {'type': 'ExpandingPseudoMasks', 'refiner': None, 'blots': None, 'refiner_stride': 1}
PRINTED = {'form': 'product', 'threshold_of': 'absolute'}


@pytest.fixture(autouse=True)
def _no_scores():
    MessageHub.get_current_instance().pop_info(CONFIDENCE_KEY, None)
    yield
    MessageHub.get_current_instance().pop_info(CONFIDENCE_KEY, None)


def set_scores(background, objects):
    state = {'background_score': background, 'object_score': objects}
    MessageHub.get_current_instance().update_info(CONFIDENCE_KEY, state)


def inputs(**changes):
    """Two images of 5 classes: points of 0 and 3 in the first, of 4 alone in the second, which ends at column 12."""
    generator = torch.Generator().manual_seed(0)
    valid = torch.ones(2, 1, 16, 16)
    valid[1, :, :, 12:] = 0
    logits = torch.randn(2, 5, 8, 8, generator=generator)
    logits[0, 0, :, :4] += 6
    logits[0, 3, :, 4:] += 6
    logits[1, 4] += 6
    values = {
        'logits': logits.requires_grad_(),
        'image': torch.rand(2, 3, 16, 16, generator=generator),
        'labels': torch.full((2, 16, 16), 255),
        'valid': valid,
        'points': (torch.tensor([[2.5, 3.5, 0], [20.0, 9.0, 3]]), torch.tensor([[5.2, 5.8, 4]])),
        'maps': {'point_blots': torch.full((2, 1, 16, 16), 255, dtype=torch.uint8)},
    }
    return LossInputs(**{**values, **changes})


def make(batch, **settings):
    return MODELS.build({**PLAIN, **settings})(batch)


def expected_labels(batch, background=0.0, objects=0.0, threshold=0.75, relative=True, form='anchored', present=False):
    """One pixel at a time, without a refiner."""
    labels = torch.full((2, 16, 16), 255)
    for b, points in enumerate(batch.points):
        fields, classes = distance_fields(points[:, :2], points[:, 2].long(), (16, 16), form=form)
        probs = batch.logits.detach()[b : b + 1].softmax(1)
        if present:
            probs = torch.zeros_like(probs)
            probs[:, classes] = batch.logits.detach()[b : b + 1, classes].softmax(1)
        probs = F.interpolate(probs, (16, 16), mode='bilinear')[0]
        grown = {
            label: [[min(max(float(d) + (objects if label else background), 0), 1) for d in row] for row in field]
            for field, label in zip(fields, classes.tolist(), strict=True)
        }
        places = [(y, x) for y in range(16) for x in range(16) if batch.valid[b, 0, y, x]]
        product = {c: {(y, x): float(probs[c, y, x]) * grown[c][y][x] for y, x in places} for c in grown}
        limit = {c: threshold * max(0.2, *product[c].values()) if relative else threshold for c in grown}
        for place in places:
            best = max(grown, key=lambda c, place=place: product[c][place])
            if product[best][place] > limit[best]:
                labels[b, place[0], place[1]] = best
    return labels


@pytest.mark.parametrize(
    ('scores', 'threshold', 'found'),
    [
        ((0.0, 0.0), 0.75, [{0}, {4}]),
        ((0.2, 0.4), 0.75, [{0, 3}, {4}]),
        ((0.0, 0.0), 0.4, [{0, 3}, {4}]),
        ((-0.3, -0.6), 0.5, [{0}, set()]),
    ],
)
def test_labels_are_probability_times_expanded_field(scores, threshold, found):
    batch = inputs(valid=torch.ones(2, 1, 16, 16))
    set_scores(*scores)
    labels = make(batch, threshold=threshold, **PRINTED).labels
    assert torch.equal(labels, expected_labels(batch, *scores, threshold, relative=False, form='product'))
    assert [set(image.unique().tolist()) - {255} for image in labels] == found


@pytest.mark.parametrize('present', [False, True])
@pytest.mark.parametrize('form', ['anchored', 'ratio', 'product'])
@pytest.mark.parametrize('scores', [(0.0, 0.0), (0.1, 0.2)])
def test_labels_by_the_share_of_the_highest_confidence(scores, form, present):
    batch = inputs()
    set_scores(*scores)
    labels = make(batch, form=form, present_softmax=present).labels
    # an image ends at column 12, and the probabilities there are interpolated from the cells inside
    expected = expected_labels(inputs(valid=torch.ones(2, 1, 16, 16)), *scores, form=form, present=present)
    assert torch.equal(labels[0], expected[0])
    assert [set(image.unique().tolist()) - {255} for image in labels] == [{0, 3}, {4}]


def test_the_relative_threshold_by_hand():
    """Confidences of two classes in a row of four pixels; fields are 1 for both."""
    probs = torch.tensor([[0.50, 0.10, 0.36, 0.20], [0.05, 0.12, 0.14, 0.14], [0.45, 0.78, 0.50, 0.66]])
    batch = LossInputs(
        logits=probs.log()[None, :, None],
        image=torch.rand(1, 3, 1, 4),
        labels=torch.full((1, 1, 4), 255),
        valid=torch.ones(1, 1, 1, 4),
        points=(torch.tensor([[0.5, 0.5, 0.0], [1.5, 0.5, 1.0]]),),
    )

    def labels(**settings):
        return make(batch, fields=False, **settings).labels.flatten().tolist()

    # limits: background 0.7 x 0.50 = 0.35, class 1, whose maximum 0.14 is below 0.2, 0.7 x 0.2 = 0.14
    assert labels(threshold=0.7) == [0, 255, 0, 255]
    assert labels(threshold=0.7, min_confidence=0.0) == [0, 1, 0, 255]  # 0.098; of the last pixel 0 has more, and 0.20
    assert labels(threshold=0.3) == [0, 1, 0, 0]
    assert labels(threshold=0.4, threshold_of='absolute') == [0, 255, 255, 255]
    # softmax of the two present: 0.909, 0.455, 0.72, 0.588 and 0.091, 0.545, 0.28, 0.412
    assert labels(threshold=0.75, present_softmax=True) == [0, 1, 0, 255]
    assert labels(threshold=0.6, present_softmax=True, threshold_of='absolute') == [0, 255, 0, 255]
    batch.valid[..., 0] = 0  # the highest confidence of the background is outside
    # limits 0.7 x 0.36 = 0.252 and 0.14; the first pixel is outside
    assert labels(threshold=0.7) == [255, 255, 0, 255]


def test_a_point_passes_wherever_its_class_is_as_probable_as_anywhere():
    """The fields as printed label no object here at any probability: they are 0.5 at its point."""
    flat = torch.zeros(1, 5, 8, 8)
    flat[:, [0, 3]] = 20.0
    batch = inputs(
        logits=flat.expand(2, 5, 8, 8),
        valid=torch.ones(2, 1, 16, 16),
        points=(torch.tensor([[1.5, 8.5, 3.0], [9.5, 8.5, 0.0]]),) * 2,
    )
    labels = make(batch).labels
    assert labels[0, 8, 1] == 3
    assert labels[0, 8, 9] == 0
    assert (make(batch, **PRINTED).labels != 3).all()


def test_with_a_threshold_of_1_no_prediction_becomes_a_label():
    logits = torch.zeros(2, 5, 8, 8)
    logits[:, 4] = 200  # a softmax of exactly 1
    batch = inputs(logits=logits)
    assert make(batch, fields=False).refined[1, 0].max() == 1
    for threshold_of in ('maximum', 'absolute'):
        labels = make(batch, fields=False, threshold=1.0, threshold_of=threshold_of, min_confidence=0.0).labels
        assert (labels == 255).all()


def test_fields_and_classes_of_those_present():
    maps = make(inputs())
    assert maps.classes.tolist() == [[0, 3], [4, -1]]
    assert not maps.fields[1, 1].any()
    set_scores(0.5, 0.5)
    grown = make(inputs())
    assert not grown.fields[1, 1].any()
    assert torch.equal(grown.fields[0], (maps.fields[0] + 0.5).clamp(0, 1))
    assert maps.blots is None
    flat = make(inputs(), fields=False).fields
    assert flat[0].min() == flat[1, 0].min() == 1
    assert not flat[1, 1].any()


@pytest.mark.parametrize('form', ['anchored', 'ratio', 'product'])
@pytest.mark.parametrize('normalisation', ['maximum', 'diagonal'])
def test_settings_of_the_fields_are_passed_on_and_padding_is_outside(form, normalisation):
    batch, chosen = inputs(), {'form': form, 'normalisation': normalisation}
    fields = make(batch, **chosen).fields
    for image, points in enumerate(batch.points):
        mask = batch.valid[image, 0]
        expected, _ = distance_fields(points[:, :2], points[:, 2].long(), (16, 16), mask=mask, **chosen)
        assert torch.equal(fields[image, : len(expected)], expected)


def test_the_refiner_sees_the_classes_present_on_its_grid():
    batch = inputs(valid=torch.ones(2, 1, 16, 16))
    refined = make(batch, refiner={'type': 'PACRefiner', 'sharpness': 5.0}, refiner_stride=4).refined
    small = F.interpolate(batch.probs.detach(), (4, 4), mode='bilinear')
    image = F.avg_pool2d(batch.image, 4)
    for b, k, label in ((0, 0, 0), (0, 1, 3), (1, 0, 4)):
        expected = pac_refine(small[b : b + 1, label : label + 1], image[b : b + 1], sharpness=5.0)
        expected = F.interpolate(expected, (16, 16), mode='bilinear')
        torch.testing.assert_close(refined[b, k], expected[0, 0])
    assert not refined[1, 1].any()


def test_outside_of_the_image_nothing_is_labelled_and_nothing_leaks():
    batch = inputs()
    settings = {'refiner': {'type': 'PACRefiner'}, 'refiner_stride': 2, 'threshold': 0.3, 'blots': 'point_blots'}
    batch.maps['point_blots'][:] = 0  # as the padding of the batch is
    first = make(batch, **settings)
    assert (first.labels[1, :, 12:] == 255).all()
    assert (first.blots[1, :, 12:] == 255).all()
    image, logits = batch.image.clone(), batch.logits.detach().clone()
    image[1, :, :, 12:] = math.nan
    logits[1, :, :, 7:] = math.nan
    second = make(inputs(image=image, logits=logits, maps=batch.maps), **settings)
    assert torch.equal(second.labels, first.labels)
    # logits coarser than the grid of the refiner
    maps = []
    for outside in (0.0, math.nan):
        coarse = batch.logits.detach()[:, :, ::2, ::2].clone()
        coarse[1, :, :, 3:] = outside
        maps.append(make(inputs(logits=coarse, image=image, maps=batch.maps), **settings))
    assert torch.equal(maps[0].refined, maps[1].refined)
    assert maps[0].refined[1, 0, :, :12].min() > 0.1
    # the last column inside bleeds over the border when cells are enlarged, and is cut there
    bleeding = make(inputs(), refiner_stride=4, threshold=0.1, fields=False)
    assert (bleeding.refined[1, 0, :, 12] > 0.1).any()
    assert (bleeding.labels[1, :, 12:] == 255).all()


def test_blots_come_over_predictions_and_labels_over_blots():
    batch = inputs()
    batch.maps['point_blots'][0, 0, :8] = 2
    batch.labels[0, :2] = 1
    batch.labels[1, 0, 15] = 4  # outside of the image: a click of the border
    labels = make(batch, blots='point_blots').labels
    assert (labels[0, :2] == 1).all()
    assert (labels[0, 2:8] == 2).all()
    assert labels[1, 0, 15] == 4
    assert torch.equal(labels[0, 8:], make(batch).labels[0, 8:])


@pytest.mark.parametrize(
    'points',
    [
        torch.zeros(0, 3),  # no point at all
        torch.tensor([[3.0, 3.0, 2.0]]),  # no background
        torch.tensor([[3.5, 3.5, 0.0], [3.5, 3.5, 2.0], [3.5, 3.5, 4.0]]),  # three classes on one pixel
        torch.tensor([[-300.0, 900.0, 1.0], [70.0, 3.0, 0.0]]),  # all outside
    ],
)
def test_odd_points(points):
    batch = inputs(points=(points, points))
    maps = make(batch, refiner={'type': 'PACRefiner'}, refiner_stride=4, threshold=0.3)
    assert all(m.isfinite().all() for m in (maps.fields, maps.refined))
    assert set(maps.labels.unique().tolist()) <= {*points[:, 2].tolist(), 255}
    if not len(points):
        assert (maps.labels == 255).all()
    loss = MODELS.build({'type': 'PMPLoss', 'pseudo_masks': PLAIN})(batch)
    loss.backward()
    assert loss.isfinite()


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


def test_150_classes_and_one_pixel_cells():
    batch = inputs(
        logits=torch.randn(1, 150, 1, 1),
        image=torch.rand(1, 3, 5, 7),
        labels=torch.full((1, 5, 7), 255),
        valid=torch.ones(1, 1, 5, 7),
        points=(torch.tensor([[1.0, 1.0, 149.0], [2.0, 2.0, 0.0]]),),
        maps={},
    )
    maps = make(batch, refiner={'type': 'PACRefiner'}, refiner_stride=4)
    assert maps.classes.tolist() == [[0, 149]]
    assert maps.refined.shape == (1, 2, 5, 7)


@pytest.mark.parametrize('strides', [(1, 1), (2, 1)])
def test_refiner_equals_the_function(strides):
    settings = {'kernel_sizes': (5, 3), 'dilations': (1, 2), 'strides': strides, 'sharpness': 7.0}
    refiner = MODELS.build({'type': 'PACRefiner', **settings})
    masks, image = torch.rand(2, 3, 6, 6), torch.rand(2, 3, 12, 12)
    small = F.avg_pool2d(image, 2)
    torch.testing.assert_close(refiner(masks, image), pac_refine(masks, small, **settings))
    mask = torch.ones(2, 1, 12, 12)
    mask[0, 0, 11, 11] = 0
    cells = torch.ones(2, 1, 6, 6)
    cells[0, 0, 5, 5] = 0
    expected = pac_refine(masks, small, mask=cells, **settings)
    torch.testing.assert_close(refiner(masks, image, mask), expected)
    present = torch.tensor([[0, 1, 0], [1, 0, 1]])
    result = refiner(masks, image, mask, present)
    torch.testing.assert_close(result, expected * present[:, :, None, None])
    assert not refiner(masks, image, present=0 * present).any()


def test_other_refiners_fit():
    class Doubled(torch.nn.Module):
        def forward(self, masks, image, mask=None, present=None):
            return 2 * masks

    plain = make(inputs()).refined
    torch.testing.assert_close(make(inputs(), refiner={'type': Doubled}).refined, 2 * plain)


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


@pytest.mark.parametrize(
    ('settings', 'message'),
    [
        ({'type': 'ExpandingPseudoMasks', 'threshold': 1.5}, r'threshold must be in \[0, 1\], got 1.5'),
        ({'type': 'ExpandingPseudoMasks', 'refiner_stride': 0}, 'refiner_stride must be a positive integer, got 0'),
        (
            {'type': 'ExpandingPseudoMasks', 'threshold_of': 'x'},
            "unknown threshold_of 'x': choose from maximum, absolute",
        ),
        ({'type': 'ExpandingPseudoMasks', 'min_confidence': -1}, r'min_confidence must be in \[0, 1\], got -1'),
        ({'type': 'ExpandingPseudoMasks', 'form': 'x'}, "unknown form 'x': choose from anchored, ratio, product"),
        ({'type': 'PMPLoss', 'reduction': 'none'}, "unknown reduction 'none': choose from mean, sum"),
        ({'type': 'ExpandingPseudoMasks', 'normalisation': 'x'}, "unknown normalisation 'x'"),
        ({'type': 'PACRefiner', 'strides': (1,)}, 'got 12 kernel_sizes, 12 dilations, 1 strides'),
        ({'type': 'PACRefiner', 'sharpness': -1}, 'sharpness must be a finite number above 0'),
    ],
)
def test_bad_settings(settings, message):
    with pytest.raises(ValueError, match=message):
        MODELS.build(settings)


def test_what_the_pipeline_lacks_is_named():
    loss = MODELS.build({'type': 'PMPLoss'})
    with pytest.raises(ValueError, match='need the points of every image.*PackWeakSegInputs'):
        loss(inputs(points=()))
    with pytest.raises(ValueError, match=r"no map 'point_blots': put LoadPointBlots right after.*blots=None"):
        loss(inputs(maps={}))
