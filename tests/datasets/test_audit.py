"""Labels by kind, pipelines and losses: what is said of each."""

import numpy as np
import pytest

from mmseg_wsss.datasets.audit import LabelAudit
from mmseg_wsss.datasets.crop_draws import CropDraws
from mmseg_wsss.datasets.findings import ERROR, NOTE, WARNING, check_classes, raise_errors
from mmseg_wsss.datasets.label_counts import contradictions, count_labels, mask_contradictions
from mmseg_wsss.datasets.mask_values import MaskValues
from mmseg_wsss.datasets.transforms import LoadWeakAnnotations, RasterizeWeakAnnotations
from mmseg_wsss.datasets.transforms.label_routes import label_routes
from mmseg_wsss.structures import WeakAnnotations

CLASSES = ('background', 'crop', 'weed')
CLICKS = {'points': [[1, 1], [2, 2], [3, 3]], 'point_labels': [0, 1, 2]}
SCRIBBLES = {'polylines': ([[0, 0], [3, 4]],) * 3, 'polyline_labels': [0, 1, 2]}
BOXES = {'boxes': [[0, 0, 3, 3], [4, 4, 6, 6]], 'box_labels': [1, 2]}
TAGS = {'tags': [1, 2]}
MASK = {'mask_path': 'a.png'}
FULL = MaskValues(1, 1, np.bincount([0, 1, 2], minlength=256))
CE, TAG_LOSS, CRF = {'loss_ce': ('labels',)}, {'loss_tags': ('tags',)}, {'loss_crf': ()}
PMP = {'loss_pmp': ('points',)}


def audit(*images, use=None, kinds=None, tags_from=None, draw_boxes=False, masks=None, **settings):
    steps = [LoadWeakAnnotations(**({} if kinds is None else {'kinds': kinds, 'tags_from': tags_from}))]
    routes = label_routes([*steps, RasterizeWeakAnnotations(draw_boxes=draw_boxes)])
    counts = count_labels([WeakAnnotations(**image) for image in images], CLASSES, masks)
    return LabelAudit('w.json', counts, routes, use=use, **settings)


def levels(found):
    return [finding.level for finding in found.findings()]


@pytest.mark.parametrize(
    ('image', 'use', 'settings'),
    [
        (CLICKS, CE, {}),
        (CLICKS, {**CE, **CRF}, {}),
        (SCRIBBLES, CE, {}),
        (MASK, CE, {'masks': FULL}),
        (BOXES | CLICKS, CE, {'draw_boxes': True}),
        (TAGS, TAG_LOSS, {}),
        (TAGS, TAG_LOSS, {'kinds': ['tags']}),
        (BOXES, TAG_LOSS, {}),
        (BOXES, TAG_LOSS, {'kinds': ['tags'], 'tags_from': ['boxes']}),
        (CLICKS, TAG_LOSS, {}),
        (MASK, TAG_LOSS, {'masks': FULL}),
        (CLICKS, PMP, {'kinds': ['points']}),
        (BOXES, {'mine': None}, {}),
        (BOXES, {'mine': ('boxes',)}, {}),
        (TAGS | CLICKS, {**CE, **TAG_LOSS}, {}),
        (TAGS | BOXES | CLICKS, {**CE, **TAG_LOSS}, {'draw_boxes': True}),
    ],
)
def test_labels_that_a_loss_uses(image, use, settings):
    assert levels(audit(image, use=use, **settings)) == []


@pytest.mark.parametrize(
    ('image', 'use', 'settings', 'text'),
    [
        (BOXES, CE, {}, '2 boxes (1 crop, 1 weed) in 1 of 1 images, and no loss uses them: the pipeline makes boxes '
         'and tags of them and draws none (draw_boxes=False), the losses (loss_ce) learn from pixels: nothing would be '
         'learned: fill them with their class (RasterizeWeakAnnotations(draw_boxes=True))'),
        (TAGS, CE, {}, '2 tags (1 crop, 1 weed) in 1 of 1 images, and no loss uses them: the pipeline makes tags of '
         'them, the losses (loss_ce) learn from pixels: nothing would be learned: take a recipe for tags'),
        (TAGS, CE, {'kinds': ['points', 'tags']}, 'no loss uses them'),
        (CLICKS, CRF, {}, 'the losses (loss_crf) learn from no labels: nothing would be learned'),
        (SCRIBBLES, PMP, {}, '3 scribbles (1 background, 1 crop, 1 weed)'),
        (TAGS | SCRIBBLES, TAG_LOSS, {}, '3 scribbles (1 background, 1 crop, 1 weed) in 1 of 1 images, and no'),
        (CLICKS | BOXES, CE, {}, "to do without them, say LoadWeakAnnotations(kinds=['points', 'scribbles', 'tags', "
         "'mask']) or unused_labels='warn'"),
        (CLICKS | TAGS, CE, {}, '2 tags (1 crop, 1 weed)'),
        (BOXES | TAGS, CE, {'draw_boxes': True}, '2 tags (1 crop, 1 weed)'),
        (BOXES | TAGS, TAG_LOSS, {}, 'learn from tags: make masks of them (configs/lpg), or take a loss'),
        (MASK | TAGS, TAG_LOSS, {'masks': FULL}, '1 masks (1 background, 1 crop, 1 weed) in 1 of 1 images'),
        (BOXES, CE, {'kinds': ['tags'], 'tags_from': ['boxes']}, 'the pipeline makes tags of them'),
    ],
)  # fmt: skip
def test_labels_that_no_loss_uses_stop_a_training(image, use, settings, text):
    found = [finding for finding in audit(image, use=use, **settings).findings() if finding.level == ERROR]
    assert len(found) == 1
    assert text in str(found[0])
    with pytest.raises(ValueError, match='w.json: .* and no loss uses them'):
        raise_errors(found)


def test_unused_labels_on_purpose():
    assert levels(audit(CLICKS | BOXES, use=CE, unused='warn')) == [WARNING]
    assert ERROR in levels(audit(BOXES, use=CE, unused='warn'))
    left_out = audit(CLICKS | BOXES, use=CE, kinds=['points'])
    assert [str(finding) for finding in left_out.findings() if finding.level == NOTE] == [
        'w.json: 2 boxes (1 crop, 1 weed) in 1 of 1 images are left out by kinds of the pipeline'
    ]


def test_without_a_model_no_loss_is_missed():
    assert levels(audit(BOXES)) == []
    assert levels(audit(TAGS)) == []


def test_classes_without_labels():
    only_crop = {'points': [[0, 0]], 'point_labels': [1]}
    found = [str(finding) for finding in audit(only_crop, use=CE).findings()]
    assert found[0].startswith('w.json: no image is labelled with weed')
    assert found[1].startswith('w.json: nothing is labelled background (class 0)')
    # boxes that are drawn label objects alone
    assert 'nothing is labelled background' in str(audit(BOXES, use=CE, draw_boxes=True).findings()[0])
    # a class that only an unused kind names is not learned
    mixed = audit(only_crop | {'boxes': [[0, 0, 1, 1]], 'box_labels': [2]}, use=CE, unused='warn')
    assert any('no image is labelled with weed' in str(finding) for finding in mixed.findings())
    part = MaskValues(60, 50, np.bincount([0, 1], minlength=256))
    assert levels(audit(MASK, use=CE, masks=part)) == [NOTE]
    text = str(audit(MASK, use=CE, masks=part).findings()[0])
    assert text == 'w.json: the 50 masks that were read, of 60, hold no pixel of weed'


@pytest.mark.parametrize(
    ('classes', 'index'),
    [
        (('weed', 'background'), 1),
        (('crop', 'weed', 'Background '), 2),
        (CLASSES, None),
        (('background (empty)', 'weed', 'background'), None),
        (('sky', 'road'), None),
    ],
)
def test_the_background_is_class_0(classes, index):
    labels = WeakAnnotations(points=[[1, 1]] * len(classes), point_labels=range(len(classes)))
    found = LabelAudit(
        'w.json', count_labels([labels], classes, None), label_routes([LoadWeakAnnotations()])
    ).findings()
    message = (
        f"w.json: class {index} is '{classes[index or 0]}', and losses, tags and metrics take class 0, '{classes[0]}'"
    )
    assert [finding.text.startswith(message) for finding in found] == [True] * (index is not None)


def test_crops_without_labels():
    draws = CropDraws(100, 23, crop_size=(48, 48))
    (found,) = audit(CLICKS, use=CE, draws=draws).findings()
    assert str(found) == (
        '23% of the training crops hold no labelled pixel: give WeakRandomCrop min_labels=1, which draws again'
    )
    assert levels(audit(CLICKS, use=CE, draws=CropDraws(100, 9))) == []
    assert levels(audit(TAGS, use=TAG_LOSS, draws=CropDraws(100, 100))) == []
    (found,) = audit(CLICKS, {}, use=CE, draws=CropDraws(100, 50)).findings()
    assert '50% of the training crops hold no labelled pixel (1 of 2 images have no label at all)' in str(found)
    (found,) = audit(CLICKS, use=CE, draws=CropDraws(100, 0, 95, (512, 512))).findings()
    assert str(found).startswith('95% of the training crops are smaller than crop_size=(512, 512)')
    boxes = audit(BOXES | CLICKS, use=CE, draw_boxes=True, draws=CropDraws(10, 5, 0, (8, 8), 1))
    assert 'min_labels counts clicks, scribbles and masks, not boxes' in str(boxes.findings()[0])


def test_the_table():
    found = audit(CLICKS | BOXES, {'boxes': [[0, 0, 1, 1]], 'box_labels': [1]}, {}, use={**CE, **CRF})
    assert found.table() == [
        'class                     clicks        boxes',
        'background                     1            0',
        'crop                           1            2',
        'weed                           1            1',
        '(images)                       1            2',
        'pipeline    pixels, points, tags  boxes, tags',
        'losses                   loss_ce         none',
        '1 of 3 images have no label',
    ]
    assert audit({}).table() == ['1 images without any label']
    drawn = audit(MASK, use=CE, masks=FULL, draws=CropDraws(10, 1)).table()
    assert drawn[-2:] == ['masks per class: of the 1 masks', '1 of 10 training crops drawn hold no labelled pixel']


def test_contradictions():
    mask = np.array([[0, 0, 2], [255, 1, 2]])
    labels = WeakAnnotations(
        points=[[2, 0], [1, 1], [0, 1]], point_labels=[1, 1, 2], polylines=([[0, 0], [2, 1]],), polyline_labels=[0]
    )
    assert list(mask_contradictions('a', labels, CLASSES, mask)) == [
        "image 'a': the click (2, 0) of crop lies on weed in its mask",
        "image 'a': the vertex of a scribble (2, 1) of background lies on weed in its mask",
    ]
    tagged = WeakAnnotations(**BOXES, tags=[1], points=[[0, 0]], point_labels=[0])
    assert list(contradictions('a', tagged, CLASSES)) == ["image 'a': a box of weed, and its tags are crop"]
    nothing = WeakAnnotations(points=[[0, 0]], point_labels=[2], tags=[])
    assert list(contradictions('a', nothing, CLASSES)) == ["image 'a': a click of weed, and its tags are none"]
    (tag,) = mask_contradictions('a', WeakAnnotations(tags=[2]), CLASSES, mask)
    assert tag == "image 'a': crop is in its mask, and its tags are weed"
    many = audit(CLICKS, contradictions=tuple(map(str, range(9))))
    assert 'contradict each other (9): 0; 1; 2; 3; 4; and 4 more: correct' in str(many.findings()[0])


@pytest.mark.parametrize(
    ('classes', 'advice'),
    [(('weed',), "classes=\\('background', 'weed'\\), num_classes=2"), (('background',), "'background', 'object'")],
)
def test_one_class(classes, advice):
    with pytest.raises(ValueError, match=f'there is one class .*{advice}'):
        check_classes(classes)
    check_classes(CLASSES)


@pytest.mark.parametrize(
    ('classes', 'palette', 'message'),
    [
        ('background,crop', None, r"metainfo.classes must be a list of names, .*, got 'background,crop'"),
        ((CLASSES,), None, 'metainfo.classes must be a list of names'),
        (
            CLASSES,
            ['#000000', '#ff0000', '#00ff00'],
            "metainfo.palette must be a list of .* from 0 to 255, got '#000000'",
        ),
        (CLASSES, [[0, 0, 0], [0.5, 0, 0], [0, 1, 0]], r'metainfo.palette must .*, got \[0.5, 0, 0\]'),
    ],
)
def test_forms_of_classes_and_palettes(classes, palette, message):
    with pytest.raises(ValueError, match=message):
        check_classes(classes, palette)
    check_classes(CLASSES, [(0, 0, 0), [255, 0, 0]])
