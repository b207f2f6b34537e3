"""Headers of pictures, against what was written."""

import struct
import zlib

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image

from mmseg_wsss.datasets.picture_headers import JPEG_2000_CODE, PNG_START, TIFF_ERRORS, opened, read_header


def exif(orientation):
    made = Image.Exif()
    made[274] = orientation
    return made


def chunk(name, content):
    return struct.pack('>I', len(content)) + name + content + struct.pack('>I', zlib.crc32(name + content))


@pytest.mark.parametrize('suffix', ['.jpg', '.png', '.tif', '.webp', '.avif'])
@pytest.mark.parametrize('orientation', [1, 3, 6])
def test_orientation_in_every_format(tmp_path, suffix, orientation):
    Image.new('RGB', (24, 16)).save(tmp_path / f'a{suffix}', exif=exif(orientation))
    header = read_header(tmp_path / f'a{suffix}')
    assert (header.width, header.height, header.orientation, header.bits, header.deep) == (
        24,
        16,
        orientation,
        8,
        False,
    )


def test_exif_behind_the_pixels_of_a_png(tmp_path):
    path = tmp_path / 'a.png'
    Image.new('RGB', (24, 16)).save(path)
    content, end = path.read_bytes()[:-12], path.read_bytes()[-12:]
    path.write_bytes(content + chunk(b'eXIf', exif(8).tobytes()[6:]) + end)
    assert read_header(path).orientation == 8
    path.write_bytes(content + chunk(b'eXIf', b'damaged') + end)
    assert read_header(path).orientation == 1


@pytest.mark.parametrize(
    ('dtype', 'shape', 'settings', 'expected'),
    [
        (np.uint16, (6, 8), {}, (16, 1, 'uint')),
        (np.float32, (6, 8), {}, (32, 1, 'float')),
        (np.int32, (6, 8), {}, (32, 1, 'int')),
        (np.uint8, (6, 8, 5), {'photometric': 'minisblack', 'planarconfig': 'contig'}, (8, 5, 'uint')),
        (np.uint16, (2, 6, 8), {'photometric': 'minisblack', 'planarconfig': 'separate'}, (16, 2, 'uint')),
    ],
)
def test_tiff(tmp_path, dtype, shape, settings, expected):
    tifffile.imwrite(tmp_path / 'a.tif', np.zeros(shape, dtype), **settings)
    header = read_header(tmp_path / 'a.tif')
    assert (header.bits, header.bands, header.kind) == expected
    assert (header.width, header.height) == (8, 6)


@pytest.mark.parametrize(
    ('mode', 'expected', 'deep'),
    [
        ('L', (8, 1, 'uint'), False),
        ('I;16', (16, 1, 'uint'), True),
        ('1', (1, 1, 'uint'), False),
        ('P', (1, 1, 'palette'), False),
        ('RGBA', (8, 4, 'uint'), False),
        ('LA', (8, 2, 'uint'), False),
    ],
)
def test_png(tmp_path, mode, expected, deep):
    Image.new(mode, (8, 6)).save(tmp_path / 'a.png')
    header = read_header(tmp_path / 'a.png')
    assert (header.bits, header.bands, header.kind) == expected
    assert header.deep is deep


def test_sizes_need_no_limit(tmp_path):
    """The header of a picture of 3.6 billion pixels."""
    head = chunk(b'IHDR', struct.pack('>IIBBBBB', 60000, 60000, 8, 0, 0, 0, 0))
    (tmp_path / 'a.png').write_bytes(PNG_START + head + chunk(b'IDAT', b'') + chunk(b'IEND', b''))
    limit = Image.MAX_IMAGE_PIXELS
    assert read_header(tmp_path / 'a.png').width == 60000
    with opened(tmp_path / 'a.png') as image:
        assert image.size == (60000, 60000)
    assert limit == Image.MAX_IMAGE_PIXELS


@pytest.mark.parametrize(
    'content',
    [
        b'text',
        b'II*\0',
        b'MM\0*\0\0\0\x08\xff\xff',
        b'\x89PNG\r\n\x1a\n',
        b'\xff\xd8\xff\xe0\0\x10JFIF',
        b'\xff\xd8\xff\xe0\0',
    ],
)
def test_what_is_not_an_image_is_named(tmp_path, content):
    (tmp_path / 'a.tif').write_bytes(content)
    with pytest.raises(ValueError, match='a.tif is not an image, or is damaged'):
        read_header(tmp_path / 'a.tif')


@pytest.mark.parametrize(
    ('start', 'bits'),
    [(b'P6\n# made by hand\n2 1\n255\n', 8), (b'P6 2 1 4095 ', 12), (b'P6\n2 1\n65535\n', 16)],
)
def test_ppm(tmp_path, start, bits):
    (tmp_path / 'a.ppm').write_bytes(start + bytes(12))
    assert read_header(tmp_path / 'a.ppm').bits == bits


@pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
def test_jpeg_2000(tmp_path, dtype):
    path = tmp_path / 'a.jp2'
    cv2.imwrite(str(path), np.zeros((48, 64, 3), dtype=dtype))
    header = read_header(path)
    assert (header.width, header.height, header.bands, header.bits) == (64, 48, 3, np.dtype(dtype).itemsize * 8)
    content = path.read_bytes()
    (tmp_path / 'a.j2k').write_bytes(content[content.index(JPEG_2000_CODE) :])
    assert read_header(tmp_path / 'a.j2k').bits == header.bits


@pytest.mark.parametrize(
    ('content', 'message'),
    [(b'', 'a.png is not an image: it is empty'), (b'version https://git-lfs.github.com/spec/v1\n', 'of Git LFS')],
)
def test_files_that_were_never_there(tmp_path, content, message):
    (tmp_path / 'a.png').write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_header(tmp_path / 'a.png')


def test_the_error_of_every_release_of_tifffile_is_known():
    """That of the last release for Python 3.10 is not a ValueError."""
    assert tifffile.TiffFileError in TIFF_ERRORS
