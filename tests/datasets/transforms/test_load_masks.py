import copy

import numpy as np
import pytest
from mmseg.registry import TRANSFORMS
from PIL import Image

from mmseg_wsss.datasets import ShapesDataset
from mmseg_wsss.datasets.shapes_drawing import draw_scene
from mmseg_wsss.datasets.transforms import LoadShapesImage
from mmseg_wsss.structures import WeakAnnotations
from tests.helpers.pipelines import run, sample

SIZE = (48, 64)
STEPS = [
    {'type': 'LoadReferenceMask'},
    {'type': 'WeakRandomCrop', 'crop_size': (20, 25)},
    {'type': 'WeakRandomFlip', 'prob': 1.0, 'direction': 'diagonal'},
]


@pytest.fixture
def start(tmp_path):
    mask = np.random.default_rng(0).integers(0, 3, (30, 40), dtype=np.uint8)
    Image.fromarray(mask).save(tmp_path / 'a.png')
    labels = WeakAnnotations(points=[[1, 1]], point_labels=[1])
    return {**sample((30, 40), labels), 'seg_map_path': str(tmp_path / 'a.png')}


def test_a_reference_moves_with_the_image_and_labels_nothing(start):
    mask = np.array(Image.open(start['seg_map_path']))
    dense = run({**copy.deepcopy(start), 'gt_seg_map': mask, 'seg_fields': ['gt_seg_map']}, STEPS)
    results = run(start, STEPS)
    assert (results['reference'] != dense['gt_seg_map']).sum() <= 1  # the mask as labels, and a click on it
    assert (results['gt_seg_map'] != 255).sum() <= 1
    assert set(np.unique(results['reference'])) == {0, 1, 2}
    packed = TRANSFORMS.build({'type': 'PackWeakSegInputs', 'maps': ['reference']})(results)
    np.testing.assert_array_equal(packed['data_samples'].gt_maps.reference[0], results['reference'])


def test_classes_of_a_reference_are_those_of_the_data_set(start):
    plain = run(copy.deepcopy(start), STEPS, seed=1)['reference']
    mapped = run({**copy.deepcopy(start), 'label_map': {0: 0, 1: 0, 2: 1}}, STEPS, seed=1)['reference']
    np.testing.assert_array_equal(mapped, plain == 2)


def test_a_wrong_reference_is_named(start):
    path = start.pop('seg_map_path')
    with pytest.raises(KeyError, match='set data_prefix=dict.*seg_map_path'):
        run(copy.deepcopy(start), STEPS)
    Image.fromarray(np.zeros((3, 3), np.uint8)).save(path)
    with pytest.raises(ValueError, match=r'shape \(3, 3\) and its image \(30, 40\)'):
        run({**copy.deepcopy(start), 'seg_map_path': path}, STEPS)
    with pytest.raises(ValueError, match='before the first transform that moves the image'):
        run({**copy.deepcopy(start), 'seg_map_path': path}, STEPS[::-1])


def test_loader_of_drawings_gives_bgr_and_copies():
    info = ShapesDataset(3, SIZE, labels=['points']).get_data_info(2)
    scene = draw_scene(0, 2, SIZE)
    results = LoadShapesImage()(info)
    np.testing.assert_array_equal(results['img'][..., ::-1], scene.image)
    assert results['img_shape'] == results['ori_shape'] == SIZE
    assert results['img'].flags.writeable
    assert 'gt_seg_map' not in results
    assert results['img_path'] == 'shapes_00002.png'


@pytest.mark.parametrize(('labels', 'with_mask'), [(['mask'], False), ([], True)])
def test_loader_of_drawings_gives_the_mask_as_label_or_to_evaluate(labels, with_mask):
    results = LoadShapesImage(with_mask)(ShapesDataset(3, SIZE, labels=labels).get_data_info(1))
    np.testing.assert_array_equal(results['gt_seg_map'], draw_scene(0, 1, SIZE).mask)
    assert results['seg_fields'] == ['gt_seg_map']
    assert results['weak_annotations'].num_labels == 0
    results['gt_seg_map'][:] = 9


def test_loader_of_drawings_refuses_samples_of_other_data_sets():
    with pytest.raises(ValueError, match='for image files use LoadImageFromFile'):
        LoadShapesImage()({'img_path': 'a.png'})


def test_least_confidence_is_checked():
    with pytest.raises(ValueError, match=r'min_confidence must be in \[0, 1\], got 60'):
        TRANSFORMS.build({'type': 'LoadPseudoLabels', 'min_confidence': 60})
