"""Pictures that cannot be opened or decoded, whatever Pillow raises for them."""

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from mmseg_wsss.datasets.formats.index_png import load_index_image
from mmseg_wsss.datasets.formats.picture_files import PICTURE_ERRORS, load_colours, picture_fits
from mmseg_wsss.datasets.formats.registry import recognised_formats
from mmseg_wsss.datasets.own_data.folders import is_mask_folder
from mmseg_wsss.datasets.picture_headers import read_header


@pytest.fixture
def picture(tmp_path):
    Image.fromarray(np.eye(6, 8, dtype=np.uint8)).save(tmp_path / 'a.png')
    return tmp_path / 'a.png'


def test_a_picture_fits_or_not(picture):
    assert picture_fits(picture, lambda image: image.size == (8, 6))
    assert not picture_fits(picture, lambda image: image.mode == 'RGB')
    assert not picture_fits(picture.with_name('b.png'), lambda image: True)


def test_a_picture_that_is_too_large_is_not_decoded(picture, monkeypatch):
    monkeypatch.setattr('mmseg_wsss.datasets.formats.picture_files.MAX_PIXELS', 47)
    assert not picture_fits(picture, lambda image: True)
    monkeypatch.setattr('mmseg_wsss.datasets.formats.picture_files.MAX_PIXELS', 48)
    assert picture_fits(picture, lambda image: True)


@pytest.mark.parametrize('error', [*PICTURE_ERRORS, NotImplementedError, UnicodeDecodeError])
def test_a_picture_that_cannot_be_decoded_does_not_fit(picture, error):
    def fits(image):
        raise error('utf-8', b'', 0, 0, '') if error is UnicodeDecodeError else error

    assert not picture_fits(picture, fits)


def test_a_fault_of_the_program_is_not_hidden(picture):
    with pytest.raises(AttributeError, match='nothing'):
        picture_fits(picture, lambda image: image.nothing)


def test_the_bare_error_of_a_decoder_is_not_that_of_a_reader(tmp_path):
    path, text = tmp_path / 'a.png', PngInfo()
    text.add_text('comment', ' ' * 2**21, zip=True)
    Image.fromarray(np.eye(6, 8, dtype=np.uint8)).save(path, pnginfo=text)
    with pytest.raises(ValueError, match='Decompressed data too large'):
        Image.open(path)
    assert recognised_formats(tmp_path) == []
    assert not is_mask_folder(tmp_path)
    for read in (read_header, load_index_image):
        with pytest.raises(ValueError, match=r'a\.png is not an image'):
            read(path)


def test_colours_of_a_picture(picture):
    colours = load_colours(picture)
    assert colours.shape == (6, 8, 3)
    assert colours[1, 1].tolist() == [1, 1, 1]
    picture.write_bytes(picture.read_bytes()[:40])
    with pytest.raises(ValueError, match=r'a\.png is not an image that can be read: '):
        load_colours(picture)
    with pytest.raises(FileNotFoundError):
        load_colours(picture.with_name('b.png'))
