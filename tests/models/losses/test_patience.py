"""A training on images without labels ends, whatever the loss learns from."""

import pytest
import torch
from mmseg.registry import MODELS

from mmseg_wsss.models.losses import BaseWeakLoss
from mmseg_wsss.models.losses.affinity_loss import AffinityInputs
from mmseg_wsss.models.losses.patience import PATIENCE, Patience
from mmseg_wsss.models.segmentors.label_use import label_use
from mmseg_wsss.structures import LossInputs
from tests.helpers.models import model_config


def inputs(labelled=False, boxes=0, batch=PATIENCE // 2):
    labels = torch.full((batch, 2, 2), 255)
    if labelled:
        labels[0, 0, 0] = 1
    return LossInputs(
        logits=torch.zeros(batch, 3, 1, 1, requires_grad=True),
        image=torch.zeros(batch, 3, 2, 2),
        labels=labels,
        valid=torch.ones(batch, 1, 2, 2),
        boxes=tuple(torch.zeros(boxes, 5) for _ in range(batch)),
    )


def test_cross_entropy_without_a_labelled_pixel():
    loss = MODELS.build({'type': 'PartialCrossEntropyLoss'})
    assert loss(inputs()) == 0
    message = (
        'PartialCrossEntropyLoss learns from labelled pixels, but none of the first 1000 images had any. '
        r'Do the labels reach the pixels \(wsss check CONFIG\)\? Boxes do with .*draw_boxes=True'
    )
    with pytest.raises(ValueError, match=message):
        loss(inputs())
    rare = MODELS.build({'type': 'PartialCrossEntropyLoss'})
    rare(inputs(labelled=True))
    assert [rare(inputs()).item() for _ in range(3)] == [0, 0, 0]


def test_images_count_before_a_loss_begins_and_once_for_all_views():
    late = MODELS.build({'type': 'PartialCrossEntropyLoss', 'start': 1.0})
    views = MODELS.build(
        {'type': 'MultiViewLoss', 'views': ['first'], 'loss': {'type': 'PartialCrossEntropyLoss'}},
    )
    for loss in (late, views):
        loss(inputs())
        with pytest.raises(ValueError, match='none of the first 1000 images'):
            loss(inputs())


def test_affinities_without_seeds():
    loss = MODELS.build({'type': 'AffinityLoss', 'radius': 2})
    batch = AffinityInputs(torch.zeros(PATIENCE, 2, 4, 4), torch.full((PATIENCE, 4, 4), 255))
    with pytest.raises(ValueError, match='AffinityLoss learns from labelled pixels'):
        loss(batch)


def test_a_loss_that_learns_from_no_labels_has_no_limit():
    patience = Patience('GatedCRFLoss', ())
    for _ in range(3):
        patience.check(inputs(), PATIENCE)


def test_boxes_or_labelled_pixels():
    patience = Patience('Mine', ('labels', 'boxes'))
    patience.check(inputs(), PATIENCE - 1)
    with pytest.raises(ValueError, match='Mine learns from labelled pixels or boxes'):
        patience.check(inputs(), 1)
    patience = Patience('Mine', ('labels', 'boxes'))
    patience.check(inputs(boxes=1), 1)
    patience.check(inputs(), PATIENCE)


def test_a_misspelt_field_is_named():
    class Mine(BaseWeakLoss):
        learns_from = ('clicks',)

        def compute(self, inputs):
            return inputs.zero

    with pytest.raises(ValueError, match=r"Mine.learns_from names \['clicks'\]: choose from labels, tags, points"):
        Mine()(inputs())


def test_what_models_learn_from():
    losses = {'loss_ce': {'type': 'PartialCrossEntropyLoss'}, 'loss_crf': {'type': 'GatedCRFLoss'}}
    model = MODELS.build(model_config(losses={**losses, 'loss_tags': {'type': 'ImageTagLoss'}}))
    assert label_use(model) == {'loss_ce': ('labels',), 'loss_crf': (), 'loss_tags': ('tags',)}
    assert label_use(torch.nn.Module()) == {'loss_decode': ('labels',)}
