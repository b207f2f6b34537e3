"""Labels without tags: the most probable class, after a refiner if there is one; means of views."""

import pytest
import torch
import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import nn

from mmseg_wsss.models.decisions import ArgmaxDecision, ClassProbs, TagDecision, mean_of_views
from tests.helpers.colour_network import CLASSES, batch_of, build, maps_of, predict
from tests.helpers.models import assert_are_highest

REFINED = {'type': 'ArgmaxDecision', 'refiner': {'type': 'PAMR', 'num_iters': 2, 'dilations': (1, 2)}}


def test_prediction_by_hand():
    batch = batch_of()
    model = build(stride=4, model={'decision': {'type': 'ArgmaxDecision'}})
    (sample,) = predict(model, batch)
    probs = F.interpolate(maps_of(model, batch['inputs'][0])[1], (16, 24), mode='bilinear', align_corners=True)[0]
    torch.testing.assert_close(sample.seg_logits.data.exp(), probs)
    assert_are_highest(sample.pred_sem_seg.data[0], probs)
    assert 'class_scores' not in sample
    assert 'unrefined_sem_seg' not in sample
    assert sample.inference_switches == {'tags': None, 'background_power': 1.0, 'views': 1, 'refiner': None}


def test_logits_are_enlarged_before_the_softmax_or_after_it():
    batch = batch_of()
    model = build(stride=4, model={'decision': {'type': 'ArgmaxDecision', 'enlarged': 'logits'}})
    (sample,) = predict(model, batch)
    maps = maps_of(model, batch['inputs'][0])[:2]
    expected, other = (F.interpolate(x, (16, 24), mode='bilinear', align_corners=True)[0] for x in maps)
    torch.testing.assert_close(sample.seg_logits.data.exp(), expected.softmax(dim=0))
    assert (expected.softmax(dim=0) - other).abs().max() > 0.01
    with pytest.raises(ValueError, match="enlarged must be one of 'probabilities', 'logits', got 'masks'"):
        ArgmaxDecision(enlarged='masks')


def test_a_refiner_without_tags_sees_all_classes_and_the_image():
    batch = batch_of()
    model = build(stride=4, model={'decision': REFINED})
    (sample,) = predict(model, batch)
    probs = F.interpolate(maps_of(model, batch['inputs'][0])[1], (16, 24), mode='bilinear', align_corners=True)
    image = batch['inputs'][0][[2, 1, 0]].float() / 255
    refined = MODELS.build(REFINED['refiner'])(probs, image[None])
    assert_are_highest(sample.pred_sem_seg.data[0], refined[0])
    assert not torch.equal(sample.pred_sem_seg.data, probs.argmax(1))
    torch.testing.assert_close(sample.seg_logits.data.exp(), probs[0])
    assert torch.equal(sample.unrefined_sem_seg.data, probs.argmax(1))
    assert sample.inference_switches['refiner'] == 'PAMR'
    (maps,) = model.class_probs(**model.data_preprocessor(batch_of(), False))
    torch.testing.assert_close(maps.image, image)


def test_it_decides_as_a_tag_decision_with_everything_switched_off():
    torch.manual_seed(0)
    maps = ClassProbs(torch.randn(CLASSES, 9, 7).softmax(0), torch.rand(CLASSES - 1))
    off = TagDecision(score_threshold=0.0, background_power=1.0)
    decision = ArgmaxDecision()
    assert torch.equal(decision(maps), off(maps))
    assert decision.switches(None, 3) == off.switches(None, 3)
    assert decision.present(maps).tolist() == off.present(maps).tolist() == [True] * (CLASSES - 1)


def test_mean_of_views():
    torch.manual_seed(0)
    probs, scores, images = torch.rand(3, CLASSES, 4, 5), torch.rand(3, CLASSES - 1), torch.rand(3, 3, 4, 5)
    resizings = [0.7, 0.1, 0.2]
    views = [ClassProbs(*maps) for maps in zip(probs, scores, images, resizings, strict=True)]
    mean = mean_of_views(views)
    torch.testing.assert_close(mean.probs, probs.mean(0))
    torch.testing.assert_close(mean.scores, scores.amax(0))
    assert mean.image is views[1].image
    alone = mean_of_views([ClassProbs(probs[0])])
    assert torch.equal(alone.probs, probs[0])
    assert alone.scores is None


def test_maps_of_another_model_lack_what_a_decision_reads():
    maps = ClassProbs(torch.rand(CLASSES, 4, 5))
    with pytest.raises(ValueError, match='the refiner of the decision needs the image: use the ClassProbs'):
        MODELS.build(REFINED)(maps)
    with pytest.raises(ValueError, match='TagDecision prunes by scores, which these ClassProbs lack'):
        TagDecision()(maps)
    assert isinstance(TagDecision().pooling, nn.Module)
