"""Decisions by numbers: from a fingerprint to a recipe and its variables."""

from dataclasses import replace

import pytest

from mmseg_wsss.datasets.own_data import Fingerprint, Machine, make_plan
from mmseg_wsss.datasets.own_data.plan import choose_kind

CPU, GPU = Machine(), Machine(gpu_memory=24.0)
CLICKS = Fingerprint(
    classes=('background', 'crop', 'weed'),
    num_train=400,
    size=(640, 480),
    kinds={'clicks': 400},
    alone={'clicks': 400},
    shares=(0.5, 0.3, 0.2),
)


def variables(found, machine=CPU):
    return dict(make_plan(found, machine).variables)


@pytest.mark.parametrize(
    ('kinds', 'alone', 'kind'),
    [
        ({'clicks': 5}, {'clicks': 5}, 'clicks'),
        ({'scribbles': 5, 'masks': 2}, {'scribbles': 3}, 'clicks'),
        ({'clicks': 5, 'tags': 5}, {}, 'mix'),
        ({'boxes': 5}, {'boxes': 5}, 'boxes'),
        ({'boxes': 5, 'tags': 5}, {}, 'boxes'),
        ({'boxes': 5, 'tags': 7}, {'boxes': 1, 'tags': 3}, 'mix'),
        ({'tags': 5}, {'tags': 5}, 'tags'),
        ({'clicks': 5, 'tags': 3}, {'clicks': 5, 'tags': 3}, 'mix'),
        ({'clicks': 5, 'boxes': 5}, {}, 'mix'),
        ({'masks': 5, 'boxes': 5, 'tags': 1}, {'boxes': 5, 'tags': 1}, 'mix'),
    ],
)
def test_kind_of_recipe(kinds, alone, kind):
    assert choose_kind(kinds, alone)[0] == kind


def test_nothing_to_learn_from():
    with pytest.raises(ValueError, match='no image has a label: nothing can be learned'):
        choose_kind({'clicks': 0}, {})


def test_sizes_by_machine():
    assert variables(CLICKS) == {'iterations': 2000, 'batch': 8, 'crop': 160, 'scale': 320}
    assert variables(CLICKS, GPU) == {'iterations': 4000, 'batch': 16, 'crop': 320, 'scale': 640}
    assert make_plan(CLICKS, CPU).recipe == 'clicks_cpu'
    assert make_plan(CLICKS, GPU).recipe == 'clicks_gpu'
    assert variables(CLICKS, Machine(gpu_memory=4.0))['batch'] == 4


@pytest.mark.parametrize(
    ('size', 'object_share', 'scale', 'crop', 'window'),
    [
        ((200, 240), None, 240, 128, None),  # not enlarged
        ((90, 60), None, 90, 96, None),
        ((2048, 1024), 0.2, 320, 160, None),
        ((2048, 1024), 0.025, 480, 192, None),  # 12 pixels of a small object are left
        ((2048, 1024), 0.012, 992, 192, 512),
        ((8000, 6000), 0.002, 1024, 192, 512),
    ],
)
def test_scale_follows_the_objects(size, object_share, scale, crop, window):
    found = variables(replace(CLICKS, size=size, object_share=object_share))
    assert (found['scale'], found['crop'], found.get('window')) == (scale, crop, window)


@pytest.mark.parametrize(('images', 'batch', 'iterations'), [(2, 2, 600), (10, 8, 600), (128, 8, 600), (9000, 8, 3000)])
def test_length_follows_the_number_of_images(images, batch, iterations):
    found = variables(replace(CLICKS, num_train=images))
    assert (found['batch'], found['iterations']) == (batch, iterations)


def test_shares_of_classes_are_said():
    weighted = 'classes weighted by their shares in each batch'
    reasons = make_plan(replace(CLICKS, shares=(0.95, 0.04, 0.01)), CPU).reasons
    assert reasons[-1] == f'{weighted}: background has 0.95 of the labelled pixels, weed 0.01'
    equal = make_plan(replace(CLICKS, shares=(0.5, 0.0, 0.5)), CPU).reasons[-1]
    assert equal == f'{weighted}: background has 0.5 of the labelled pixels, weed 0.5'
    alone = make_plan(replace(CLICKS, shares=(1.0, 0.0, 0.0)), CPU).reasons[-1]
    assert alone == f'all labelled pixels are of the class background; {weighted}'
    assert make_plan(replace(CLICKS, shares=(0.0, 0.0, 0.0)), CPU).reasons[-1] == weighted


def test_every_decision_has_its_reason():
    assert make_plan(replace(CLICKS, object_share=0.03), CPU).reasons == (
        'recipe clicks_cpu: the labels are clicks on 400 images, and no GPU is here',
        'scale 384: photos have 640 pixels on the longer side, small objects 19, of which 12 should be left; between '
        '128 and 1024, and not enlarged',
        'crop 192: half of a photo, within 96 and 192, and not larger than it',
        'batch 8, iterations 2000: 400 training images, each seen some 40 times',
        'classes weighted by their shares in each batch: background has 0.5 of the labelled pixels, weed 0.2',
    )


def test_photos_that_are_shrunk_very_much():
    assert make_plan(replace(CLICKS, size=(1900, 1000)), CPU).reasons[1].endswith('and not enlarged')
    reason = make_plan(replace(CLICKS, size=(5120, 1000)), CPU).reasons[1]
    assert reason.endswith('They are shrunk 16 times: cut them into tiles if that hides the objects')
