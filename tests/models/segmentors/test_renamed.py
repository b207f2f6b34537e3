"""Old names of segmentors build the new ones, and mean the same."""

import pytest
from mmseg.registry import MODELS

from mmseg_wsss.models.decisions import TagDecision
from mmseg_wsss.models.segmentors import AffinityNetwork, WeakEncoderDecoder
from mmseg_wsss.models.views import MultiScaleViews, SiameseViews
from mmseg_wsss.renamed import in_new_names
from tests.helpers.models import model_config

CORRELATION = {'in_index': [1], 'in_channels': [16], 'channels': [4]}
TAGS = {'score_pooling': {'type': 'MaxPooling'}, 'score_threshold': 0.3, 'background_power': 2.0}
DECISION = {'type': 'TagDecision', 'pooling': {'type': 'MaxPooling'}, 'score_threshold': 0.3, 'background_power': 2.0}
SIAMESE = {'type': 'SiameseViews', 'pixel_correlation': CORRELATION, 'scale': 0.5}
REST = {'losses': {'loss_ce': {'type': 'PartialCrossEntropyLoss'}}, 'backbone': {'type': 'ResNet'}}
WEAK = {'type': 'WeakEncoderDecoder', **REST}


@pytest.mark.parametrize(
    ('old', 'new'),
    [
        ({'type': 'TagEncoderDecoder', **REST, **TAGS}, {**WEAK, 'decision': DECISION}),
        ({'type': 'TagEncoderDecoder', **REST}, {**WEAK, 'decision': {'type': 'TagDecision'}}),
        (
            {'type': 'TagEncoderDecoder', **REST, 'known_tags': True, 'refiner': {'type': 'PAMR'}},
            {**WEAK, 'decision': {'type': 'TagDecision', 'known_tags': True, 'refiner': {'type': 'PAMR'}}},
        ),
        (
            {'type': 'SiameseEncoderDecoder', **REST, **TAGS, 'pixel_correlation': CORRELATION, 'scale': 0.5},
            {**WEAK, 'decision': DECISION, 'views': SIAMESE},
        ),
        (
            {'type': 'MultiScaleEncoderDecoder', **REST, 'scales': [0.5]},
            {**WEAK, 'views': {'type': 'MultiScaleViews', 'scales': [0.5]}},
        ),
        (
            {'type': 'AffinityEncoderDecoder', **REST, 'train_cfg': {}, 'test_cfg': {'mode': 'whole'}},
            {'type': 'AffinityNetwork', **REST},
        ),
        # an old name on a base that has the new ones
        (
            {
                'type': 'SiameseEncoderDecoder',
                'pixel_correlation': CORRELATION,
                'decision': DECISION,
                'known_tags': True,
            },
            {
                'type': 'WeakEncoderDecoder',
                'decision': {**DECISION, 'known_tags': True},
                'views': {'type': 'SiameseViews', 'pixel_correlation': CORRELATION},
            },
        ),
    ],
)
def test_settings_in_new_names(old, new):
    before = repr(old)
    assert in_new_names({'stages': [{'model': old}]}) == {'stages': [{'model': new}]}
    assert in_new_names(new) == new
    assert repr(old) == before


@pytest.mark.parametrize('refiner', [{}, {'refiner': {'type': 'DenseCRF'}}])
def test_a_decision_with_everything_switched_off_is_equal_to_that_without_tags(refiner):
    off = {'score_threshold': 0.0, 'background_power': 1.0, **refiner}
    old = {'type': 'TagEncoderDecoder', **REST, **off, 'score_pooling': {'type': 'MaxPooling'}}
    assert in_new_names(old) == {**WEAK, 'decision': {'type': 'ArgmaxDecision', **refiner}}
    for changes in ({'score_threshold': 0.1}, {'background_power': 3.0}, {'known_tags': True}):
        assert in_new_names({**old, **changes})['decision']['type'] == 'TagDecision'


def old_model(name, **settings):
    with pytest.warns(FutureWarning, match=f'{name} is called .*will be removed in version') as caught:
        model = MODELS.build(model_config(type=name, **settings))
    return model, str(caught[0].message)


def test_old_names_build_and_say_what_to_write():
    model, message = old_model('TagEncoderDecoder', **TAGS)
    assert type(model) is WeakEncoderDecoder
    assert isinstance(model.decision, TagDecision)
    assert (model.decision.score_threshold, model.decision.background_power) == (0.3, 2.0)
    assert type(model.decision.pooling).__name__ == 'MaxPooling'
    assert "write dict(type='WeakEncoderDecoder', decision={'type': 'TagDecision', 'pooling'" in message
    assert 'backbone' not in message

    model, message = old_model('SiameseEncoderDecoder', pixel_correlation=CORRELATION, scale=0.5)
    assert isinstance(model.decision, TagDecision)
    assert isinstance(model.views, SiameseViews)
    assert model.views.scale == 0.5
    assert "views={'type': 'SiameseViews'" in message

    model, _ = old_model('MultiScaleEncoderDecoder', scales=(0.25,))
    assert isinstance(model.views, MultiScaleViews)
    assert (model.views.scales, model.decision) == ((0.25,), None)

    head = {'type': 'AffinityHead', 'in_channels': (16,), 'in_index': (1,), 'widths': (3,), 'num_classes': 3}
    losses = {'loss_affinity': {'type': 'AffinityLoss'}}
    with pytest.warns(FutureWarning, match="write dict.type='AffinityNetwork'"):
        model = MODELS.build(model_config(head, losses, type='AffinityEncoderDecoder'))
    assert type(model) is AffinityNetwork
