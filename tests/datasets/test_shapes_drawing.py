"""Drawn pictures: the same everywhere, and exact."""

import hashlib
import subprocess
import sys

import numpy as np
import pytest

from mmseg_wsss.datasets import shapes_drawing
from mmseg_wsss.datasets.shapes_drawing import CLASSES, PALETTE, draw_scene

SIZE = (48, 64)


def digest(seed, index):
    scene = draw_scene(seed, index, SIZE)
    arrays = (scene.image, scene.mask, scene.instances)
    return hashlib.sha256(b''.join(array.tobytes() for array in arrays)).hexdigest()


def test_another_process_draws_the_same_whatever_came_before():
    script = f"""
import hashlib, importlib.util, sys
spec = importlib.util.spec_from_file_location('drawing', {shapes_drawing.__file__!r})
module = sys.modules['drawing'] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
for index in (5, 4):
    scene = module.draw_scene(3, index, {SIZE})
    arrays = (scene.image, scene.mask, scene.instances)
    print(hashlib.sha256(b''.join(array.tobytes() for array in arrays)).hexdigest())
"""
    printed = subprocess.run([sys.executable, '-c', script], capture_output=True, text=True, check=True).stdout
    np.random.seed(1)
    assert printed.split() == [digest(3, 5), digest(3, 4)]


def test_pictures_of_a_stream_and_of_streams_differ():
    assert len({digest(seed, index) for seed in (0, 1) for index in range(6)}) == 12


@pytest.mark.parametrize('index', range(8))
def test_scene_is_well_formed(index):
    scene = draw_scene(0, index, SIZE)
    assert scene.image.shape == (*SIZE, 3)
    assert scene.image.dtype == np.uint8
    assert scene.mask.shape == scene.instances.shape == SIZE
    assert scene.mask.max() < len(CLASSES) == len(PALETTE)
    np.testing.assert_array_equal(scene.mask > 0, scene.instances > 0)
    for number in np.unique(scene.instances)[1:]:
        assert len(np.unique(scene.mask[scene.instances == number])) == 1
    assert 1 <= len(np.unique(scene.instances)) - 1 <= 4
    with pytest.raises(ValueError, match='read-only'):
        scene.image[0, 0] = 0


def test_all_classes_appear_and_background_is_the_largest():
    masks = np.stack([draw_scene(0, index, SIZE).mask for index in range(60)])
    shares = np.bincount(masks.ravel(), minlength=len(CLASSES)) / masks.size
    assert (shares[1:] > 0.01).all()
    assert 0.7 < shares[0] < 0.9


def test_mask_edge_is_where_the_picture_changes():
    """Colours step more across the border of an object than one pixel beside it: image and mask are aligned."""
    across, beside = [], []
    for index in range(40):
        scene = draw_scene(0, index, SIZE)
        steps = np.abs(np.diff(scene.image.astype(float), axis=1)).sum(axis=2)
        edges = np.diff(scene.instances, axis=1) != 0
        across.append(steps[:, 3:-3][edges[:, 3:-3]])
        for shift in (-3, 3):
            beside.append(np.roll(steps, shift, axis=1)[:, 3:-3][edges[:, 3:-3]])
    assert np.concatenate(across).mean() > 2 * np.concatenate(beside).mean()
