"""Pictures by a stated range, against values by hand."""

import numpy as np
import pytest
import tifffile
from mmseg.registry import TRANSFORMS
from PIL import Image

from mmseg_wsss.datasets.transforms import LoadDeepImage


def load(path, **settings):
    return TRANSFORMS.build({'type': 'LoadDeepImage', **settings})({'img_path': str(path)})


def test_values_of_the_range_become_0_to_255(tmp_path):
    values = np.array([[0, 1000, 1500, 2000, 65535]], dtype=np.uint16)
    Image.fromarray(values).save(tmp_path / 'a.png')
    results = load(tmp_path / 'a.png', range=(1000, 2000), color_type='grayscale')
    assert results['img'].tolist() == [[0, 0, 128, 255, 255]]
    assert results['img'].dtype == np.uint8
    assert results['img_shape'] == results['ori_shape'] == (1, 5)
    assert load(tmp_path / 'a.png', range=(1000, 2000))['img'].tolist() == [[[x] * 3 for x in (0, 0, 128, 255, 255)]]


def test_floats_and_nan(tmp_path):
    tifffile.imwrite(tmp_path / 'a.tif', np.array([[-1.0, 0.0, 0.5, np.nan, np.inf]], dtype=np.float32))
    results = load(tmp_path / 'a.tif', range=(0, 1), color_type='grayscale')
    assert results['img'].tolist() == [[0, 0, 128, 0, 255]]


@pytest.mark.parametrize('planar', ['contig', 'separate'])
def test_bands(tmp_path, planar):
    bands = np.arange(1, 6, dtype=np.uint8) * 10
    array = np.tile(bands, (4, 7, 1))
    if planar == 'separate':
        array = np.moveaxis(array, -1, 0)
    tifffile.imwrite(tmp_path / 'a.tif', array, photometric='minisblack', planarconfig=planar)
    path = tmp_path / 'a.tif'
    assert load(path, range=(0, 255), bands=(4, 2, 0))['img'][3, 6].tolist() == [10, 30, 50]  # BGR
    assert load(path, range=(0, 255), bands=(1,), color_type='grayscale')['img'][3, 6] == 20
    with pytest.raises(
        ValueError, match=r'a.tif has 5 bands: say which are red, green and blue, such as bands=\(0, 1, 2'
    ):
        load(path, range=(0, 255))
    with pytest.raises(ValueError, match=r'a.tif has 5 bands, counted from 0, and bands=\(5,\) asks for others'):
        load(path, range=(0, 255), bands=(5,))


@pytest.mark.parametrize('suffix', ['.png', '.tif', '.bmp'])
def test_colours_are_in_the_order_of_mmcv(tmp_path, suffix):
    Image.new('RGB', (8, 6), (10, 20, 30)).save(tmp_path / f'a{suffix}')
    image = load(tmp_path / f'a{suffix}', range=(0, 255))['img']
    plain = TRANSFORMS.build({'type': 'LoadImageFromFile'})({'img_path': str(tmp_path / f'a{suffix}')})['img']
    assert image[0, 0].tolist() == plain[0, 0].tolist() == [30, 20, 10]
    assert load(tmp_path / f'a{suffix}', range=(0, 255), color_type='grayscale')['img'].shape == (6, 8)


def test_compressed_files_that_only_opencv_reads(tmp_path):
    Image.new('RGB', (8, 6), (10, 20, 30)).save(tmp_path / 'a.tif', compression='tiff_lzw')
    assert load(tmp_path / 'a.tif', range=(0, 255))['img'][0, 0].tolist() == [30, 20, 10]


@pytest.mark.parametrize(
    ('settings', 'message'),
    [
        ({'range': (5, 5)}, r'range must be \(low, high\) with low < high, got \(5, 5\)'),
        ({'range': (0, 1), 'bands': (0, 1)}, 'bands must be one or three numbers of bands'),
        ({'range': (0, 1), 'bands': (-1,)}, 'bands must be one or three numbers of bands'),
        ({'range': (0, 1), 'color_type': 'grey'}, "color_type must be one of color, grayscale, got 'grey'"),
    ],
)
def test_wrong_settings(settings, message):
    with pytest.raises(ValueError, match=message):
        LoadDeepImage(**settings)


@pytest.mark.parametrize('content', [b'', b'text', b'II*\0broken'])
def test_what_cannot_be_read_is_named(tmp_path, content):
    (tmp_path / 'a.tif').write_bytes(content)
    with pytest.raises(ValueError, match='a.tif cannot be read as a picture: is it damaged?'):
        load(tmp_path / 'a.tif', range=(0, 1))


def test_it_says_what_it_does():
    assert repr(LoadDeepImage((0, 4095))) == "LoadDeepImage(range=(0.0, 4095.0), bands=None, color_type='color')"
