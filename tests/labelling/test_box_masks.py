"""Boxes as pseudo-labels: numbers by hand, and the same on every run."""

import json
import logging
from pathlib import Path

import cv2
import numpy as np
import pytest
from mmengine.config import Config
from mmseg.registry import DATASETS, TASK_UTILS
from PIL import Image

from mmseg_wsss.datasets.pseudo_label_files import read_index
from mmseg_wsss.engine.stages import StageContext
from mmseg_wsss.engine.stages.config import listed_stages
from mmseg_wsss.labelling.box_masks import BoxSettings, filled_labels, grabcut_labels, refined_labels, write_box_labels
from mmseg_wsss.labelling.label_folder import unsure_borders
from mmseg_wsss.models.refiners import PAMR
from mmseg_wsss.structures import WeakAnnotations
from tests.helpers.label_sets import CLASSES, read_picture, write_data_set
from tests.helpers.same_files import assert_same_files

ROOT = Path(__file__).parents[2]
SIZE = (30, 40)


def photo():
    """A red disk on green, under noise: cut out without doubt."""
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    disk = (rows - 14) ** 2 + (columns - 18) ** 2 <= 64
    noise = np.random.default_rng(0).normal(0, 8, (*SIZE, 3))
    image = np.where(disk[..., None], (30, 40, 210), (40, 180, 60)) + noise
    return image.clip(0, 255).astype(np.uint8), disk


@pytest.fixture
def dataset(tmp_path):
    """One photo with its box and an overlapping degenerate one, one whose box is the whole image, one without boxes."""
    labels = {
        'a': WeakAnnotations(boxes=[[8, 4, 28, 24], [20, 20, 20, 20]], box_labels=[1, 2]),
        'b': WeakAnnotations(boxes=[[0, 0, 39, 29]], box_labels=[2]),
        'c': WeakAnnotations(),
    }
    return write_data_set(tmp_path, [photo()[0][..., ::-1]] * 3, labels, SIZE)


def test_filled_boxes_by_hand():
    boxes = WeakAnnotations(boxes=[[1, 1, 2, 1], [0, 0, 2, 2], [3.4, 1.6, 4, 2]], box_labels=[7, 5, 3])
    assert filled_labels(boxes, (3, 5)).tolist() == [[5, 5, 5, 0, 0], [5, 7, 7, 0, 0], [5, 5, 5, 3, 3]]
    assert filled_labels(WeakAnnotations(), (2, 2)).tolist() == [[0, 0], [0, 0]]
    equal = WeakAnnotations(boxes=[[0, 0, 1, 0], [1, 0, 2, 0]], box_labels=[1, 2])
    assert filled_labels(equal, (1, 4)).tolist() == [[1, 2, 2, 0]]


def test_grabcut_finds_the_object_and_fills_what_it_cannot_cut():
    image, disk = photo()
    boxes = WeakAnnotations(boxes=[[8, 4, 28, 24]], box_labels=[3])
    labels, filled = grabcut_labels(image, boxes)
    assert filled == 0
    found = labels == 3
    assert (found & disk).sum() / (found | disk).sum() > 0.95
    whole = WeakAnnotations(boxes=[[0, 0, 39, 29], [5, 5, 6, 6]], box_labels=[1, 2])
    labels, filled = grabcut_labels(image, whole)
    assert (filled, (labels == 2).sum(), (labels == 1).sum()) == (2, 4, 1196)
    labels, failed = grabcut_labels(image, whole, unsure=True)
    assert (failed, (labels == 255).all()) == (2, True)
    flat, filled = grabcut_labels(np.full_like(image, 7), boxes)
    assert filled + (flat[4:25, 8:29] == 3).all() >= 1
    assert flat.sum() == flat[4:25, 8:29].sum()


@pytest.mark.parametrize(('limit', 'step'), [(3000, 1), (1100, 2), (400, 3)])
def test_grabcut_of_a_large_image_reads_a_window_around_the_box(monkeypatch, limit, step):
    """The box has 23 x 23 pixels, the window 12 more on each side."""
    rows, columns = np.mgrid[:60, :160]
    disk = (rows - 34) ** 2 + (columns - 118) ** 2 <= 100
    noise = np.random.default_rng(0).normal(0, 8, (60, 160, 3))
    image = (np.where(disk[..., None], (30, 40, 210), (40, 180, 60)) + noise).clip(0, 255).astype(np.uint8)
    boxes = WeakAnnotations(boxes=[[107, 23, 129, 45]], box_labels=[3])
    monkeypatch.setattr('mmseg_wsss.labelling.box_masks.LARGE', limit)
    read = []
    grabcut = cv2.grabCut
    monkeypatch.setattr(cv2, 'grabCut', lambda image, *rest: read.append(image.shape[:2]) or grabcut(image, *rest))
    labels, filled = grabcut_labels(image, boxes)
    assert read == [(47 // step, 47 // step)]
    assert filled == 0
    found = labels == 3
    assert (found & disk).sum() / (found | disk).sum() > (0.95 if step == 1 else 0.8)
    assert not found[:, :107].any()


def test_grabcut_does_not_depend_on_what_was_drawn_before():
    image, _ = photo()
    image = np.random.default_rng(1).integers(0, 255, image.shape, dtype=np.uint8)
    boxes = WeakAnnotations(boxes=[[3, 3, 30, 20], [10, 8, 25, 28]], box_labels=[1, 2])
    first, _ = grabcut_labels(image, boxes, seed=3)
    cv2.setRNGSeed(99)
    cv2.randu(np.zeros((5, 5)), 0, 1)
    second, _ = grabcut_labels(image, boxes, seed=3)
    assert np.array_equal(first, second)
    alone, _ = grabcut_labels(image, WeakAnnotations(boxes=boxes.boxes[1:], box_labels=[2]), seed=3)
    assert np.array_equal(alone == 2, first == 2)


def test_refined_classes_stay_in_their_boxes():
    image, disk = photo()
    boxes = WeakAnnotations(boxes=[[8, 4, 28, 24], [0, 26, 3, 29]], box_labels=[2, 5])
    filled = filled_labels(boxes, SIZE)
    labels, confidence = refined_labels(image, filled, boxes, PAMR(dilations=(1, 2, 4)))
    assert set(np.unique(labels)) <= {0, 2, 5}
    assert not labels[filled == 0].any()
    assert (confidence[filled == 0] == 1).all()
    found = labels == 2
    assert (found & disk).sum() / (found | disk).sum() > 0.9
    assert 0.3 < confidence.min() <= confidence.max() <= 1
    assert not (labels[26:, :4] == 2).any()
    # a refiner that changes nothing gives the filled boxes back; the share of the class with no box there is lost
    labels, confidence = refined_labels(image, filled, boxes, lambda masks, rgb: masks, box_certainty=0.8)
    assert np.array_equal(labels, filled)
    assert confidence[10, 10] == pytest.approx(0.8 / 0.9)
    # where the other class may not be, its share goes to those that may
    assert refined_labels(image, filled, boxes, lambda masks, rgb: masks * 0 + 1)[1][10, 10] == pytest.approx(0.5)
    empty = refined_labels(image, np.zeros(SIZE, np.uint8), WeakAnnotations(), PAMR())
    assert (empty[0].max(), empty[1].min()) == (0, 1)


def test_unsure_borders_by_hand():
    labels = np.array([[0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 3]])
    assert unsure_borders(labels, 1).tolist() == [[0, 0, 0, 0], [0, 0, 255, 255], [0, 0, 255, 255]]
    assert np.array_equal(unsure_borders(labels, 0), labels)
    for width in (-1, 1.5, True):
        with pytest.raises(ValueError, match='a non-negative integer'):
            unsure_borders(labels, width)


@pytest.mark.parametrize('method', ['filled', 'grabcut', 'dense_crf'])
def test_two_workers_write_the_same_files_and_counts(dataset, tmp_path, method):
    refiner = {'refiner': {'type': 'PAMR'}} if method == 'dense_crf' else {}

    def write(folder, workers):
        settings = BoxSettings(method=method, empty_images=True, workers=workers, **refiner)
        return write_box_labels(dataset, folder, settings)

    assert_same_files(write, tmp_path)
    with pytest.raises(ValueError, match='workers must be a non-negative integer, got -1'):
        BoxSettings(workers=-1)


@pytest.mark.parametrize('method', ['filled', 'grabcut', 'dense_crf'])
def test_written_labels(dataset, tmp_path, method):
    # PAMR instead of the dense CRF, whose library is optional
    refiner = {'refiner': {'type': 'PAMR'}} if method == 'dense_crf' else {}
    settings = BoxSettings(method=method, unsure_border=1, empty_images=True, **refiner)
    summary = write_box_labels(dataset, tmp_path / 'out', settings)
    expected = {'images': 3, 'boxes': 3, **({'boxes_filled': 2} if method == 'grabcut' else {})}
    assert {key: summary[key] for key in expected} == expected
    assert ('boxes_filled' in summary) == (method == 'grabcut')
    masks = {key: read_picture(tmp_path / f'out/masks/{key}.png') for key in 'abc'}
    assert summary['unsure'] == pytest.approx(np.mean([mask == 255 for mask in masks.values()]), abs=1e-4)
    assert not masks['c'].any()
    assert masks['a'][14, 18] == 1
    if method == 'filled':
        assert masks['a'][4, 15] == 255
        assert masks['a'][6, 15] == 1
        assert (masks['b'] == 2).all()
    elif method == 'grabcut':
        assert masks['a'][6, 10] == 0
        assert (masks['b'] == 2).all()
    index = read_index(tmp_path / 'out')
    assert index.classes == CLASSES
    assert index.source['method'] == method
    assert index.images['a'] == {'file_name': 'a.png', 'width': 40, 'height': 30}


def test_boxes_that_grabcut_cannot_segment_can_be_left_out(dataset, tmp_path):
    settings = BoxSettings(method='grabcut', unsegmented='unsure', empty_images=True)
    summary = write_box_labels(dataset, tmp_path / 'out', settings)
    assert (summary['boxes'], summary['boxes_unsure'], 'boxes_filled' in summary) == (3, 2, False)
    masks = {key: read_picture(tmp_path / f'out/masks/{key}.png') for key in 'abc'}
    assert (masks['b'] == 255).all()  # its box is the whole image
    assert masks['a'][14, 18] == 1
    assert not masks['c'].any()
    assert read_index(tmp_path / 'out').source['unsegmented'] == 'unsure'
    with pytest.raises(ValueError, match="unsegmented must be one of filled, unsure, got 'empty'"):
        BoxSettings(unsegmented='empty')


def test_images_without_a_box_can_be_left_out(dataset, tmp_path):
    summary = write_box_labels(dataset, tmp_path / 'out', BoxSettings(empty_images='skip'))
    assert (summary['images'], summary['boxes']) == (2, 3)
    assert list(read_index(tmp_path / 'out').images) == ['a', 'b']
    assert sorted(path.name for path in (tmp_path / 'out/masks').iterdir()) == ['a.png', 'b.png']
    assert (read_picture(tmp_path / 'out/masks/b.png') == 2).all()  # of the right image
    half = write_box_labels(dataset, tmp_path / 'half', BoxSettings(empty_images='skip', share=0.5))
    assert (half['images'], half['boxes']) == (1, 2)
    assert list(read_index(tmp_path / 'half').images) == ['a']
    with_empty = write_box_labels(dataset, tmp_path / 'two', BoxSettings(empty_images=True, share=0.6))
    assert with_empty['images'] == 2
    assert list(read_index(tmp_path / 'two').images) == ['a', 'c']


def test_images_of_coco_without_an_auxiliary_class_are_not_background(tmp_path):
    """As published: images with nothing but classes of VOC, or with nothing at all, train no segmentor."""
    (tmp_path / 'train2017').mkdir()
    images = [{'id': i, 'file_name': f'{i}.png', 'width': 40, 'height': 30} for i in range(4)]
    for image in images:
        Image.fromarray(photo()[0]).save(tmp_path / 'train2017' / image['file_name'])
    of = {0: [24], 1: [1], 3: [1, 24]}  # zebra; person; image 2 has nothing; both
    boxes = [{'image_id': i, 'category_id': c, 'bbox': [4, 5, 10, 6]} for i, ids in of.items() for c in ids]
    annotations = [{'id': i, 'area': 60, 'iscrowd': 0, **box} for i, box in enumerate(boxes)]
    categories = [{'id': 1, 'name': 'person'}, {'id': 24, 'name': 'zebra'}]
    content = {'images': images, 'annotations': annotations, 'categories': categories}
    (tmp_path / 'annotations').mkdir()
    (tmp_path / 'annotations/instances_train2017.json').write_text(json.dumps(content))
    cfg = Config.fromfile(ROOT / 'configs/lpg/generator_hourglass_coco60.py')
    cfg.merge_from_dict({'stages.auxiliary.dataset.data_root': str(tmp_path)})
    cfg.merge_from_dict({'stages.auxiliary.dataset.img_suffix': '.png', 'stages.first_reads_segmentor': True})
    task = TASK_UTILS.build(listed_stages(cfg)['auxiliary_boxes']['task'])
    task.run(StageContext('boxes', tmp_path / 'out', None, logging.getLogger('test')))
    trained = DATASETS.build(
        {'type': 'PseudoLabelDataset', 'label_root': str(tmp_path / 'out'), 'img_path': str(tmp_path / 'train2017')}
    )
    assert [trained.get_data_info(index)['sample_id'] for index in range(len(trained))] == ['0', '3']
    zebra = trained.metainfo['classes'].index('zebra')
    for key in ('0', '3'):
        assert set(np.unique(read_picture(tmp_path / f'out/masks/{key}.png'))) == {0, zebra}


def test_as_a_stage(dataset, tmp_path):
    class Context:
        name, work_dir, resumed = 'boxes', tmp_path / 'stage', False
        logger = __import__('logging').getLogger('test')

    task = TASK_UTILS.build({'type': 'WriteBoxLabels', 'dataset': dataset, 'method': 'filled', 'empty_images': True})
    assert task.run(Context) == {'images': 3, 'unsure': 0.0, 'boxes': 3}
    assert json.loads((tmp_path / 'stage/pseudo_labels.json').read_text())['source']['from'] == 'boxes'


@pytest.mark.parametrize('method', ['filled', 'grabcut', 'dense_crf'])
def test_a_cut_stage_goes_on(dataset, tmp_path, monkeypatch, method):
    refiner = {'refiner': {'type': 'PAMR'}} if method == 'dense_crf' else {}
    settings = {'dataset': dataset, 'method': method, 'unsure_border': 1, 'empty_images': True, **refiner, 'workers': 1}
    task = TASK_UTILS.build({'type': 'WriteBoxLabels', **settings})
    contexts = [
        StageContext('boxes', tmp_path / 'out', None, logging.getLogger('test'), resumed) for resumed in (False, True)
    ]
    expected = task.run(contexts[0])
    assert expected['boxes'] == 3
    whole = {path: path.read_bytes() for path in (tmp_path / 'out').rglob('*.*')}
    (tmp_path / 'out/confidence/b.png').unlink()
    labelled = []
    monkeypatch.setattr(
        'mmseg_wsss.labelling.box_masks.unsure_borders',
        lambda labels, width: labelled.append(labels) or unsure_borders(labels, width),
    )
    assert task.run(contexts[1]) == expected
    assert len(labelled) == (3 if method == 'grabcut' else 1)  # no file says which boxes GrabCut could not cut
    assert {path: path.read_bytes() for path in (tmp_path / 'out').rglob('*.*')} == whole


def test_bad_settings(dataset, tmp_path):
    for settings, message in [
        ({'method': 'guess'}, "method must be one of filled, grabcut, dense_crf, got 'guess'"),
        ({'box_certainty': 0.5}, 'box_certainty must be between 0.5 and 1, got 0.5'),
        ({'grabcut_iters': 0}, 'grabcut_iters must be at least 1, got 0'),
        ({'empty_images': 'leave'}, "empty_images must be False, True or 'skip', got 'leave'"),
        ({'share': 0}, 'share must be a finite number above 0, got 0'),
        ({'unsure_border': -1}, 'unsure borders must be a non-negative integer'),
    ]:
        with pytest.raises(ValueError, match=message):
            BoxSettings(**settings)
    (tmp_path / 'none.txt').write_text('c\n')
    with pytest.raises(ValueError, match='none of the 1 images of the WeakSegDataset has boxes: labels from'):
        write_box_labels({**dataset, 'ann_file': str(tmp_path / 'none.txt')}, tmp_path / 'out')
    with pytest.raises(ValueError, match=r'c.png has no boxes \(1 of 3 images\): label them, leave them out of --'):
        write_box_labels(dataset, tmp_path / 'out')
