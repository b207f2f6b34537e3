"""Points to pseudo-masks: the maps and how they become labels."""

import math
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from mmengine.logging import MessageHub
from mmseg.registry import MODELS

from mmseg_wsss.functional import distance_fields, pac_refine
from mmseg_wsss.models.pseudo_masks import CONFIDENCE_KEY
from mmseg_wsss.structures import LossInputs
from tests.helpers.pmp import PLAIN, inputs, set_scores

PRINTED = {'form': 'product', 'threshold_of': 'absolute'}


@pytest.fixture(autouse=True)
def _no_scores():
    MessageHub.get_current_instance().pop_info(CONFIDENCE_KEY, None)
    yield
    MessageHub.get_current_instance().pop_info(CONFIDENCE_KEY, None)


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
        minimum = 0.2 + 0.8 / (max(2, len(grown)) if present else 5)
        limit = {c: max(threshold * max(product[c].values()), minimum) if relative else threshold for c in grown}
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

    # limits: background 0.7 x 0.50 = 0.35; class 1, whose maximum is 0.14, 0.098, but at least the minimum
    assert labels(threshold=0.7) == [0, 255, 255, 255]  # 0.2 + 0.8 / 3 = 0.467 for both
    assert labels(threshold=0.7, min_confidence=0.13) == [0, 255, 0, 255]  # of the last pixel 0 has more, and 0.20
    assert labels(threshold=0.7, min_confidence=0.11) == [0, 1, 0, 255]
    assert labels(threshold=0.7, min_confidence=0.0) == [0, 1, 0, 255]
    assert labels(threshold=0.3, min_confidence=0.0) == [0, 1, 0, 0]
    assert labels(threshold=0.4, threshold_of='absolute') == [0, 255, 255, 255]
    # softmax of the two present: 0.909, 0.455, 0.72, 0.588 and 0.091, 0.545, 0.28, 0.412; minimum 0.6
    assert labels(threshold=0.75, present_softmax=True) == [0, 255, 0, 255]
    assert labels(threshold=0.75, present_softmax=True, min_confidence=0.5) == [0, 1, 0, 255]
    assert labels(threshold=0.6, present_softmax=True, threshold_of='absolute') == [0, 255, 0, 255]
    batch.valid[..., 0] = 0  # the highest confidence of the background is outside
    # limits 0.7 x 0.36 = 0.252 and 0.098; the first pixel is outside
    assert labels(threshold=0.7, min_confidence=0.0) == [255, 1, 0, 255]


@pytest.mark.parametrize('present', [False, True])
@pytest.mark.parametrize('num_classes', [2, 4, 7, 21])
def test_a_network_that_has_learned_nothing_labels_nothing(num_classes, present):
    """Without the minimum it labels a disc around every point, with little in it that is right."""
    torch.manual_seed(0)
    two = torch.tensor([[4.5, 4.5, 0.0], [20.5, 20.5, 1.0]])
    batch = LossInputs(
        logits=0.05 * torch.randn(2, num_classes, 16, 16),
        image=torch.rand(2, 3, 32, 32),
        labels=torch.full((2, 32, 32), 255),
        valid=torch.ones(2, 1, 32, 32),
        # a softmax of one class alone would be 1
        points=(two, two if present else two[1:]),
    )
    assert (make(batch, present_softmax=present).labels == 255).all()
    assert (make(batch, present_softmax=present, min_confidence=0.0).labels != 255).float().mean() > 0.05
    # as soon as it is sure of something, that is labelled
    logits = batch.logits.clone()
    logits[:, 1, 8:, 8:] += 10.0
    labels = make(replace(batch, logits=logits), present_softmax=present).labels
    assert labels[0, 20, 20] == 1
    assert set(labels.unique().tolist()) == {1, 255}


def test_a_class_that_is_nowhere_likely_labels_nothing():
    """Class 2 has 0.1 at most, which is also its maximum; the background, which is everywhere else, has 0.75."""
    probs = torch.full((1, 4, 4, 8), 0.05)
    probs[:, 0] = 0.85
    probs[:, 0, :, 4:], probs[:, 2, :, 4:], probs[:, 3, :, 4:] = 0.02, 0.1, 0.83
    batch = LossInputs(
        logits=probs.log(),
        image=torch.rand(1, 3, 4, 8),
        labels=torch.full((1, 4, 8), 255),
        valid=torch.ones(1, 1, 4, 8),
        points=(torch.tensor([[0.5, 0.5, 0.0], [6.5, 2.5, 2.0]]),),
    )
    assert make(batch, fields=False).labels[0].unique(dim=1).tolist() == [[0, 255]] * 4
    assert make(batch, fields=False, min_confidence=0.0).labels[0].unique(dim=1).tolist() == [[0, 2]] * 4


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
        torch.testing.assert_close(fields[image, : len(expected)], expected, rtol=0, atol=1e-6)


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


def test_other_refiners_fit():
    class Doubled(torch.nn.Module):
        def forward(self, masks, image, mask=None, present=None):
            return 2 * masks

    plain = make(inputs()).refined
    torch.testing.assert_close(make(inputs(), refiner={'type': Doubled}).refined, 2 * plain)


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
        ({'type': 'ExpandingPseudoMasks', 'normalisation': 'x'}, "unknown normalisation 'x'"),
    ],
)
def test_bad_settings(settings, message):
    with pytest.raises(ValueError, match=message):
        MODELS.build(settings)
