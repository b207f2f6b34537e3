"""What the checks of pictures say is what the loader of the pipeline does."""

import struct
import unicodedata
import zlib

import cv2
import numpy as np
import pytest
import tifffile
from mmcv.transforms import LoadImageFromFile
from PIL import Image

from mmseg_wsss.datasets.findings import ERROR, NOTE, WARNING
from mmseg_wsss.datasets.image_checks import check_forms, check_mask_sizes, image_size, look_at_images, spread
from mmseg_wsss.datasets.picture_headers import PNG_START, PictureHeader
from mmseg_wsss.datasets.picture_loading import check_loading, decode
from mmseg_wsss.datasets.transforms import LoadDeepImage

PILLOW = {'imdecode_backend': 'pillow'}


def save_image(path, size, **settings):
    Image.fromarray(np.zeros((size[1], size[0], 3), dtype=np.uint8)).save(path, **settings)


def turned(orientation):
    exif = Image.Exif()
    exif[274] = orientation
    return exif


def look(path, stated=None, **settings):
    loader = LoadImageFromFile(**settings)
    return look_at_images({'a': str(path)}, {} if stated is None else {'a': stated}, 'w.json', loader)


def save(path, array):
    if path.suffix == '.tif':
        many = array.ndim == 3 and array.shape[2] != 3
        tifffile.imwrite(path, array, **({'photometric': 'minisblack', 'planarconfig': 'contig'} if many else {}))
    else:
        Image.fromarray(array).save(path)
    return path


GREY16 = np.linspace(236, 1688, 48 * 64).astype(np.uint16).reshape(48, 64)
FULL16 = np.linspace(0, 65535, 48 * 64).astype(np.uint16).reshape(48, 64)


@pytest.mark.parametrize('suffix', ['.jpg', '.png', '.tif', '.webp', '.avif'])
@pytest.mark.parametrize(
    'settings', [{}, PILLOW, {'color_type': 'unchanged'}, {'color_type': 'color_ignore_orientation'}]
)
@pytest.mark.parametrize('orientation', [1, 3, 6])
def test_the_size_is_that_of_the_loaded_image(tmp_path, suffix, settings, orientation):
    path = tmp_path / f'a{suffix}'
    save_image(path, (24, 16), exif=turned(orientation))
    loader = LoadImageFromFile(**settings)
    loaded = loader({'img_path': str(path)})['img']
    size = loaded.shape[1::-1]
    assert image_size(path, loader) == size
    sizes, found = look(path, **settings)
    assert sizes == {'a': size}
    kept = settings.get('color_type') == 'color_ignore_orientation'
    assert [finding.level for finding in found] == [] if orientation == 1 else [NOTE if kept else WARNING]


def test_labels_in_pixels_of_the_file_where_the_loader_turns_it(tmp_path):
    save_image(tmp_path / 'a.png', (24, 16), exif=turned(6))
    message = (
        r"w.json: image 'a': width and height are 24 x 16 in the label file, but .*a.png is 16 x 24. The file holds "
        r'24 x 16 pixels and an EXIF orientation of 6, by which the loader turns it. Labels must be in pixels of the '
        "picture as it is shown, after turning; if yours are in pixels of the file, color_type='color_ignore_orient"
    )
    with pytest.raises(ValueError, match=message):
        look(tmp_path / 'a.png', (24, 16))
    assert look(tmp_path / 'a.png', (16, 24)) == ({'a': (16, 24)}, [])
    assert look(tmp_path / 'a.png', (24, 16), color_type='color_ignore_orientation')[0] == {'a': (24, 16)}


@pytest.mark.parametrize('suffix', ['.jpg', '.png'])
def test_a_half_turn_that_sizes_do_not_show(tmp_path, suffix):
    save_image(tmp_path / f'a{suffix}', (24, 16), exif=turned(3))
    (finding,) = look(tmp_path / f'a{suffix}', (24, 16))[1]
    assert finding.level == WARNING
    assert '1 images have an EXIF orientation' in finding.text
    assert 'orientation 3), by which LoadImageFromFile turns them' in finding.text
    assert 'in pixels of the picture as it is shown' in finding.cure


@pytest.mark.parametrize(
    ('array', 'suffix', 'settings', 'level', 'text'),
    [
        (GREY16, '.png', {**PILLOW, 'color_type': 'grayscale'}, ERROR, '236 to 1688: LoadImageFromFile leaves 20 grey'),
        (GREY16, '.png', {}, ERROR, 'LoadImageFromFile leaves 7 grey levels, 0 to 6 of 255'),
        (GREY16, '.tif', {}, ERROR, 'LoadImageFromFile leaves 7 grey levels, 0 to 6 of 255'),
        (FULL16, '.png', {}, NOTE, 'LoadImageFromFile leaves 256 grey levels, 0 to 255 of 255'),
        (FULL16, '.png', PILLOW, ERROR, 'of the values became white (255)'),
        (FULL16 // 4, '.png', {}, NOTE, 'LoadImageFromFile leaves 64 grey levels, 0 to 63 of 255'),
        (FULL16 // 8, '.png', {}, ERROR, 'LoadImageFromFile leaves 32 grey levels, 0 to 31 of 255'),
        (FULL16 // 6, '.png', {}, WARNING, 'LoadImageFromFile leaves 43 grey levels'),
        (np.stack([GREY16] * 3, axis=2), '.tif', {}, ERROR, 'TIFF of 3 bands of 16 bits (uint), values 236 to 1688'),
        (GREY16, '.png', {'color_type': 'unchanged'}, WARNING, 'gives uint16, and losses that look at colours expect'),
        (GREY16, '.png', {'to_float32': True}, ERROR, 'LoadImageFromFile leaves 7 grey levels, 0 to 6 of 255'),
        (GREY16.astype(np.float32), '.tif', {}, ERROR, 'LoadImageFromFile cannot load it'),
        (GREY16.astype(np.int32), '.tif', {}, ERROR, 'LoadImageFromFile'),
        (np.zeros((48, 64, 5), np.uint8), '.tif', {}, ERROR, '5 bands: only 1, 3 or 4 can be loaded; LoadDeepImage'),
        (np.zeros((48, 64, 2), np.uint16), '.tif', PILLOW, ERROR, '2 bands: only 1, 3 or 4 can be loaded'),
    ],
)
def test_what_a_loader_makes_of_deep_pictures(tmp_path, array, suffix, settings, level, text):
    path = save(tmp_path / f'a{suffix}', array)
    (finding,) = look(path, **settings)[1]
    assert finding.level == level
    assert text in str(finding)
    if level == ERROR:
        assert 'LoadDeepImage' in finding.cure


def test_a_dark_background_is_not_clipped(tmp_path):
    picture = np.where(np.arange(64) < 48, 0, FULL16)
    (finding,) = look(save(tmp_path / 'a.png', picture.astype(np.uint16)))[1]
    assert finding.level == NOTE


def test_a_black_picture_does_not_hide_the_others(tmp_path):
    paths = {'a': str(save(tmp_path / 'a.png', np.zeros((48, 64), np.uint16)))}
    paths |= {key: str(save(tmp_path / f'{key}.png', GREY16)) for key in 'bcd'}
    (finding,) = look_at_images(paths, {}, 'w')[1]
    assert finding.level == ERROR
    assert 'b.png), PNG of 1 band of 16 bits (uint), values 236 to 1688' in finding.text


def test_deep_pictures_by_a_stated_range(tmp_path):
    path = save(tmp_path / 'a.png', GREY16)
    assert [x.level for x in look_at_images({'a': str(path)}, {}, 'w', LoadDeepImage((236, 1688)))[1]] == [NOTE]
    (finding,) = look_at_images({'a': str(path)}, {}, 'w', LoadDeepImage((0, 65535)))[1]
    assert finding.level == ERROR
    assert str(finding).endswith("dict(type='LoadDeepImage', range=(236, 1688)), with the range of the whole data set")


@pytest.mark.parametrize('mode', ['L', 'RGBA', 'LA', 'P', '1', 'CMYK'])
def test_pictures_of_8_bits_need_no_word(tmp_path, mode):
    suffix = '.jpg' if mode == 'CMYK' else '.png'
    Image.new(mode, (24, 16)).save(tmp_path / f'a{suffix}')
    assert look(tmp_path / f'a{suffix}') == ({'a': (24, 16)}, [])


def test_pictures_of_different_channels(tmp_path):
    Image.new('L', (8, 6)).save(tmp_path / 'a.png')
    Image.new('RGB', (8, 6)).save(tmp_path / 'b.png')
    paths = {key: str(tmp_path / f'{key}.png') for key in 'ab'}
    loader = LoadImageFromFile(color_type='unchanged')
    (finding,) = look_at_images(paths, {}, 'w', loader)[1]
    assert finding.level == ERROR
    assert 'different numbers of channels: 1 (' in finding.text
    assert look_at_images(paths, {}, 'w')[1] == []


@pytest.mark.parametrize(
    ('size', 'settings', 'level', 'text'),
    [
        ((14000, 14000), {}, WARNING, 'each is loaded whole for every crop: cut images and labels into tiles'),
        ((14000, 14000), PILLOW, ERROR, 'the loader refuses such pictures'),
        ((40000, 40000), {}, ERROR, 'the loader refuses such pictures'),
    ],
)
def test_very_large_pictures(size, settings, level, text):
    header = PictureHeader(*size, 'PNG')
    (finding,) = check_loading({'a': 'a.png'}, {'a': header}, LoadImageFromFile(**settings))
    assert finding.level == level
    assert text in str(finding)


def test_very_large_masks(tmp_path):
    head = struct.pack('>IIBBBBB', 14000, 14000, 8, 0, 0, 0, 0)
    chunks = b''.join(
        struct.pack('>I', len(text)) + name + text + struct.pack('>I', zlib.crc32(name + text))
        for name, text in ((b'IHDR', head), (b'IDAT', b''), (b'IEND', b''))
    )
    (tmp_path / 'a.png').write_bytes(PNG_START + chunks)
    with pytest.raises(
        ValueError, match='a.png has 14000 x 14000 pixels, which the loader of masks does not take: cut'
    ):
        check_mask_sizes({'a': str(tmp_path / 'a.png')}, {'a': (14000, 14000)})


def test_damaged_pictures(tmp_path):
    paths = {}
    noise = np.random.default_rng(0).integers(0, 255, (48, 64, 3), dtype=np.uint8)
    for name in ('fine.png', 'cut.png', 'cut.jpg', 'cut.tif', 'pointer.jpg'):
        path = save(tmp_path / name, noise)
        if name.startswith('cut'):
            content = path.read_bytes()
            path.write_bytes(content[: len(content) // 2])
        paths[name] = str(path)
    (tmp_path / 'pointer.jpg').write_text('version https://git-lfs.github.com/spec/v1')
    found = {name: decode(name, path, LoadImageFromFile()) for name, path in paths.items()}
    assert found['fine.png'] is None
    for name in ('cut.png', 'cut.jpg', 'cut.tif', 'pointer.jpg'):
        assert name in str(found[name])
        assert found[name].level in (ERROR, WARNING)
    assert 'cannot be loaded' in found['pointer.jpg'].text


def test_a_picture_that_the_loader_completes_is_damaged(tmp_path):
    class Lenient(LoadImageFromFile):
        def transform(self, results):
            return {**results, 'img': np.zeros((48, 64, 3), np.uint8)}

    path = save(tmp_path / 'cut.jpg', np.random.default_rng(0).integers(0, 255, (48, 64, 3), dtype=np.uint8))
    assert decode('cut', str(path), Lenient()) is None
    path.write_bytes(path.read_bytes()[:1000])
    found = decode('cut', str(path), Lenient())
    assert found.level == WARNING
    assert "image 'cut': " in found.text
    assert 'cut.jpg is damaged (image file is truncated' in found.text


def test_names_in_another_unicode_form(tmp_path):
    name = 'größe_é.jpg'
    save_image(tmp_path / unicodedata.normalize('NFD', name), (8, 6))
    path = tmp_path / unicodedata.normalize('NFC', name)
    message = (
        r'A file there has the same name in another Unicode form: NFD on disk \(.*u0308.*\), NFC in the labels '
        r"\('gr\\xf6\\xdfe_\\xe9.jpg'\). Rename the files \(convmv -f nfd -t nfc\)"
    )
    with pytest.raises(FileNotFoundError, match=message):
        look(path)
    save_image(tmp_path / 'B.JPG', (8, 6))
    with pytest.raises(
        FileNotFoundError, match=r'A file there differs in upper and lower case alone: B.JPG\. Check --images'
    ):
        look(tmp_path / 'b.jpg')
    with pytest.raises(FileNotFoundError, match=r'c.jpg\. Check --images \(in a config data_root'):
        look(tmp_path / 'none/c.jpg')


def test_split_files_in_another_unicode_form():
    known = [unicodedata.normalize('NFD', key) for key in ('größe', 'a')]
    check_forms(known, known, 'split.txt')
    check_forms(['a', 'b', 'ö'], known, 'split.txt')
    message = r"split.txt: the image id 'gr\\xf6\\xdfe' has the same name in another Unicode form in the labels"
    with pytest.raises(ValueError, match=message):
        check_forms(['a', 'größe'], known, 'split.txt')


def test_keys_are_spread_from_the_first_to_the_last():
    assert spread('abcdefg', 3) == ['a', 'd', 'g']
    assert spread('abc', 3) == ['a', 'b', 'c']


def test_bands_and_pages_that_are_not_loaded(tmp_path):
    two = np.zeros((2, 48, 64), dtype=np.uint8)
    tifffile.imwrite(tmp_path / 'two.tif', two, photometric='minisblack', planarconfig='separate')
    [finding] = look(tmp_path / 'two.tif')[1]
    assert finding.level == WARNING
    assert 'LoadImageFromFile loads the first band alone: LoadDeepImage(range=(low, high), bands=' in str(finding)
    tifffile.imwrite(tmp_path / 'pages.tif', np.zeros((4, 48, 64, 3), dtype=np.uint8))
    Image.new('L', (8, 6)).save(tmp_path / 'a.gif', save_all=True, append_images=[Image.new('L', (8, 6), 9)])
    for name, number in (('pages.tif', 4), ('a.gif', 2)):
        [finding] = look(tmp_path / name)[1]
        assert finding.level == NOTE
        assert f'it has {number} pages or frames, and only the first is loaded' in str(finding)


def test_deep_jpeg_2000(tmp_path):
    path = str(tmp_path / 'a.jp2')
    cv2.imwrite(path, np.stack([GREY16] * 3, axis=-1))
    [finding] = look(path)[1]
    assert finding.level == ERROR
    assert '16-bit images' in str(finding)
    assert "dict(type='LoadDeepImage', range=(" in str(finding)
