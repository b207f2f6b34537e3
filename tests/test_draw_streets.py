"""Street scenes for measurements are the same everywhere."""

import importlib.util
import sys
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from PIL import Image

SPEC = importlib.util.spec_from_file_location('draw_streets', Path(__file__).parents[1] / 'tools/draw_streets.py')
streets = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(streets)


def test_files_and_splits(tmp_path):
    with mock.patch.object(sys, 'argv', ['draw_streets.py', str(tmp_path / 'new'), '--number', '5']):
        streets.main()
        with pytest.raises(FileExistsError):
            streets.main()
    assert (tmp_path / 'new/train.txt').read_text() == '0000\n0001\n0002\n0003\n'
    assert (tmp_path / 'new/val.txt').read_text() == '0004\n'
    assert (tmp_path / 'new/classes.txt').read_text().split() == [*streets.CLASSES]
    image, mask = (np.asarray(Image.open(tmp_path / f'new/{folder}/0003.png')) for folder in ('images', 'masks'))
    assert (image.shape, mask.shape) == ((180, 240, 3), (180, 240))
    again = streets.draw_street(3)
    assert np.array_equal(image, again[0])
    assert np.array_equal(mask, again[1])


def test_every_class_occurs_and_each_picture_has_sky_road_and_pavement():
    masks = [streets.draw_street(index)[1] for index in range(12)]
    assert np.unique(masks).tolist() == list(range(len(streets.CLASSES)))
    assert all({0, 1, 2} <= set(np.unique(mask).tolist()) for mask in masks)
