"""Files as users report them in public: what is read, what is refused and how, and what is counted."""

import json
import re
import zlib

import numpy as np
import pytest
from PIL import Image

from mmseg_wsss.cli.main import main
from mmseg_wsss.datasets.formats import ReadReport, read_labels

CLASSES = ('background', 'weed')
SQUARE = [[10, 10, 30, 10, 30, 30, 10, 30]]
OBJECT = '<object><name>weed</name><bndbox><xmin>3</xmin><ymin>4</ymin><xmax>20</xmax><ymax>30</ymax></bndbox></object>'
SIZE = '<size><width>64</width><height>48</height><depth>3</depth></size>'


def coco(tmp_path, *annotations, images=None, categories=({'id': 1, 'name': 'weed'},), **top):
    """A COCO file of one image of 64 x 48 pixels."""
    content = {
        'images': images or [{'id': 1, 'file_name': 'a.jpg', 'width': 64, 'height': 48}],
        'categories': categories,
        'annotations': [{'id': i + 1, 'image_id': 1, 'category_id': 1, **item} for i, item in enumerate(annotations)],
        **top,
    }
    path = tmp_path / 'in.json'
    path.write_text(json.dumps({key: value for key, value in content.items() if value is not None}))
    return path


def voc(tmp_path, text, name='a.xml', encoding='utf-8'):
    (tmp_path / 'xml').mkdir(exist_ok=True)
    (tmp_path / 'xml' / name).write_bytes(text.encode(encoding) if isinstance(text, str) else text)
    return tmp_path / 'xml'


def convert(tmp_path, capsys, *arguments, classes='background,weed'):
    """Exit status, what it printed, what it said in error, and the images of what it wrote."""
    out = tmp_path / 'o.json'
    out.unlink(missing_ok=True)
    status = main(['convert', *map(str, arguments), '--classes', str(classes), '-o', str(out)])
    printed, error = capsys.readouterr()
    error = '\n'.join(line for line in error.splitlines() if 'OneDL' not in line)
    images = read_labels(str(out)).images if status == 0 else None
    return status, printed, error, images


def refused(tmp_path, capsys, message, *arguments, **settings):
    """It ends with status 2 and one line, which holds the message."""
    status, _, error, _ = convert(tmp_path, capsys, *arguments, **settings)
    assert status == 2
    assert len(error.splitlines()) == 1
    assert message in error, error


# ---------------------------------------------------------------- two images, one id (1, 2)


def test_two_images_of_one_stem_are_refused(tmp_path, capsys):
    images = [{'id': i, 'file_name': name, 'width': 64, 'height': 48} for i, name in ((1, 'a.jpg'), (2, 'a.png'))]
    path = coco(tmp_path, {'bbox': [2, 2, 10, 10]}, images=images)
    refused(tmp_path, capsys, "image 'a' appears twice ('a.jpg', 'a.png')", 'coco', path)


def test_one_file_under_two_ids_is_merged_or_refused(tmp_path, capsys):
    images = [{'id': i, 'file_name': 'a.jpg', 'width': 64, 'height': 48} for i in (1, 2)]
    boxes = ({'bbox': [2, 2, 10, 10]}, {'bbox': [20, 20, 10, 10], 'image_id': 2})
    status, printed, _, found = convert(tmp_path, capsys, 'coco', coco(tmp_path, *boxes, images=images))
    assert status == 0
    assert found['a'].annotations.boxes.tolist() == [[2, 2, 11, 11], [20, 20, 29, 29]]
    assert 'changed: 1 images that are listed under several ids, merged (a.jpg)' in printed
    images[1]['width'] = 32
    path = coco(tmp_path, *boxes, images=images)
    refused(tmp_path, capsys, "'a.jpg' is (32, 48) here and (64, 48) before", 'coco', path)
    images[1]['id'] = 1
    refused(tmp_path, capsys, 'images[1]: the id 1 appears twice', 'coco', coco(tmp_path, *boxes, images=images))


# ---------------------------------------------------------------- masks of 0 and 255 (5)


@pytest.fixture
def two_values(tmp_path):
    for folder, values in (('masks', np.eye(48, 64) * 255), ('images', np.zeros((48, 64, 3)))):
        (tmp_path / folder).mkdir()
        Image.fromarray(values.astype(np.uint8)).save(tmp_path / folder / 'a.png')
    return tmp_path


def test_masks_of_0_and_255_are_refused(two_values, capsys):
    message = 'the masks hold only 0 and 255. 255 is unlabelled here, so all labels are of class 0'
    refused(two_values, capsys, message, 'index_png', two_values / 'masks')
    arguments = ['--images', str(two_values / 'images'), '--img-suffix', '.png', '-o', str(two_values / 'o.json')]
    assert main(['simulate', '--masks', str(two_values / 'masks'), *arguments, '--classes', 'background,weed']) == 2
    assert message in capsys.readouterr().err


def test_small_masks_of_0_and_255_are_refused_and_clicks_on_the_background_are_read(tmp_path, capsys):
    (tmp_path / 'masks').mkdir()
    Image.fromarray((np.eye(20) * 255).astype(np.uint8)).save(tmp_path / 'masks/a.png')
    refused(tmp_path, capsys, 'the masks hold only 0 and 255', 'index_png', tmp_path / 'masks')
    Image.fromarray((255 - np.eye(20) * 255).astype(np.uint8)).save(tmp_path / 'masks/a.png')
    assert len(convert(tmp_path, capsys, 'index_png', tmp_path / 'masks')[3]['a'].annotations.points) == 20


def test_the_cure_of_the_message_works(two_values, capsys):
    status, _, _, images = convert(
        two_values, capsys, 'index_png', two_values / 'masks',
        '--remap', '255=1', '--unlabelled', '254', '--masks', two_values / 'ids',
    )  # fmt: skip
    assert status == 0
    mask = np.asarray(Image.open(images['a'].annotations.mask_path))
    assert np.array_equal(mask, np.eye(48, 64))


# ---------------------------------------------------------------- crowds (13)


CROWD = {'bbox': [2, 2, 10, 10], 'segmentation': {'size': [48, 64], 'counts': [100, 50, 2922]}, 'iscrowd': 1}


def test_crowds_are_counted_and_may_be_kept(tmp_path, capsys):
    path = coco(tmp_path, CROWD, {'bbox': [30, 5, 10, 10], 'segmentation': SQUARE, 'iscrowd': 0})
    status, printed, _, images = convert(tmp_path, capsys, 'coco', path, '--masks', tmp_path / 'm1')
    assert status == 0
    assert (
        f"left out: 1 annotations with iscrowd, which --crowd (crowd=True) keeps ({path}: 'a.jpg', annotation 1)"
        in printed
    )
    assert np.unique(np.asarray(Image.open(tmp_path / 'm1/a.png'))).tolist() == [0, 1, 255]
    status, printed, _, images = convert(tmp_path, capsys, 'coco', path, '--masks', tmp_path / 'm2', '--crowd')
    mask = np.asarray(Image.open(images['a'].annotations.mask_path))
    assert (mask == 1).sum() == 50 + 400
    assert len(images['a'].annotations.boxes) == 2
    assert 'left out' not in printed


# ---------------------------------------------------------------- outlines and run lengths (14, 23, 24, 25)


@pytest.mark.parametrize(
    ('segmentation', 'message'),
    [
        ({'size': [48, 64], 'counts': [0, 100]}, 'counts must add up to 3072 (48 x 64 pixels), got 100'),
        ({'size': [48, 64], 'counts': [0, 100, 5000]}, 'counts must add up to 3072 (48 x 64 pixels), got 5100'),
        ({'size': [48, 64], 'counts': [-1, 3073]}, 'counts must be a list of integers from 0, or their text'),
        ({'size': [48, 64], 'counts': [10**30, 1]}, 'counts must add up to 3072'),
        ({'size': [48, 64], 'counts': 'zzz'}, 'counts is not the text of run lengths'),
        ({'size': [48, 64], 'counts': '\u00e9'}, 'counts is not the text of run lengths'),
        ({'size': [48, 64], 'counts': '01'}, 'counts must add up to 3072'),
        ({'size': [48, 64]}, 'counts must be a list of integers from 0, or their text, got None'),
        ({'size': [64, 48], 'counts': [0, 100, 2972]}, 'must be [height, width], that of the image, [48, 64], got [64'),
        ({'counts': [0, 100, 2972]}, 'size of the segmentation must be [height, width], that of the image, [48, 64]'),
        ({'size': [1e9, 1e9], 'counts': []}, 'size of the segmentation must be [height, width]'),
        ([[10, 10]], 'a polygon must be a list [x, y, x, y, x, y, ..], got [10, 10]'),
        ([[]], 'a polygon must be a list [x, y, x, y, x, y, ..], got []'),
        ([SQUARE], 'a polygon must be a list [x, y, x, y, x, y, ..], got [[10, 10'),
        ([[10, 10, 30, 20]], 'a polygon must be a list [x, y, x, y, x, y, ..], got [10, 10, 30, 20]'),
        ([[10, 10, 30, 10, 30]], 'a polygon must be a list'),
        ([[10, 10, 30, 10, float('nan'), 30]], 'a polygon must be a list'),
        ([[10, 10, 30, 10, 1e9, 30]], 'a polygon lies far outside the image, which is 64 x 48 pixels'),
        ([[10, 10, 30, 10, '30', 30]], 'a polygon must be a list'),
        ([{'x': 1}], 'segmentation must be a list of polygons'),
        (7, 'segmentation must be a list of polygons or an RLE, got 7'),
    ],
)
def test_odd_segmentations_are_refused_by_file_and_annotation(tmp_path, capsys, segmentation, message):
    path = coco(tmp_path, {'bbox': [2, 2, 10, 10], 'segmentation': segmentation})
    refused(tmp_path, capsys, f"{path}: 'a.jpg', annotation 1", 'coco', path, '--masks', tmp_path / 'm')
    refused(tmp_path, capsys, message, 'coco', path, '--masks', tmp_path / 'm')


@pytest.mark.parametrize(
    ('segmentation', 'area'),
    [
        (SQUARE, 400),
        (SQUARE[0], 400),  # a flat list of one outline
        ([*SQUARE, [40, 10, 50, 12]], 400),  # a piece of two points
        ({'size': [48, 64], 'counts': [0, 100, 2972]}, 100),
        ({'size': [48, 64], 'counts': [0.0, 100.0, 2972.0]}, 100),
        ({'size': [48, 64], 'counts': 'e7:V100000000000000000[Y2'}, 100),
    ],
)
def test_segmentations_are_painted(tmp_path, capsys, segmentation, area):
    path = coco(tmp_path, {'bbox': [2, 2, 10, 10], 'segmentation': segmentation})
    status, printed, _, images = convert(tmp_path, capsys, 'coco', path, '--masks', tmp_path / 'm')
    assert status == 0
    assert np.asarray(Image.open(images['a'].annotations.mask_path)).sum() == area
    assert ('1 pieces of polygons with fewer than three points' in printed) == (len(segmentation) == 2 and area == 400)


def test_boxes_without_a_segmentation_are_unlabelled_in_masks(tmp_path, capsys):
    """Roboflow and CVAT write boxes and outlines into one file."""
    alone = {'bbox': [40.5, 5, 10, 10], 'segmentation': []}
    outlined = {'bbox': [10, 10, 20, 20], 'segmentation': SQUARE}
    path = coco(tmp_path, outlined, alone)
    status, printed, _, images = convert(tmp_path, capsys, 'coco', path, '--masks', tmp_path / 'm')
    assert status == 0
    assert 'left out: 1 objects without a segmentation in masks' in printed
    expected = np.zeros((48, 64), int)
    expected[5:15, 40:51] = 255
    expected[10:30, 10:30] = 1
    assert np.array_equal(np.asarray(Image.open(images['a'].annotations.mask_path)), expected)
    assert images['a'].annotations.boxes.tolist() == [[10, 10, 29, 29], [40.5, 5, 49.5, 14]]
    whole = coco(tmp_path, outlined, {'bbox': [40, 5, 10, 10]})
    mask = convert(tmp_path, capsys, 'coco', whole, '--masks', tmp_path / 'm1')[3]['a'].annotations.mask_path
    assert (np.asarray(Image.open(mask)) == 255).sum() == 100
    arguments = 'coco', coco(tmp_path, {'bbox': None}, outlined), '--no-boxes', '--masks', tmp_path / 'm2'
    mask = np.asarray(Image.open(convert(tmp_path, capsys, *arguments)[3]['a'].annotations.mask_path))
    assert (mask == 1).sum() * 255 + (mask == 255).sum() == 400 * 255 + 48 * 64 - 400


def test_a_file_of_boxes_alone_has_no_masks(tmp_path, capsys):
    path = coco(tmp_path, {'bbox': [10, 10, 20, 20], 'segmentation': None})
    status, printed, _, images = convert(tmp_path, capsys, 'coco', path, '--masks', tmp_path / 'm')
    assert (status, images['a'].annotations.mask_path) == (0, None)
    assert 'm: 0 masks' in printed


def test_compressed_runs_are_those_of_pycocotools(tmp_path):
    from pycocotools import mask as coco_mask

    from mmseg_wsss.datasets.formats.masks import area_of_counts

    rng = np.random.default_rng(0)
    for shape in ((7, 5), (1, 300), (90, 40)):
        area = rng.random(shape) < rng.random()
        text = coco_mask.encode(np.asfortranarray(area))['counts'].decode()
        assert np.array_equal(area_of_counts(text, shape, 'a'), area)


# ---------------------------------------------------------------- text files (15, 16, 17, 30)


@pytest.mark.parametrize('encoding', ['utf-8', 'utf-8-sig', 'utf-16'])
def test_splits_and_classes_are_read_by_their_byte_order_mark(tmp_path, capsys, encoding):
    for name in 'ab':
        folder = voc(tmp_path, f'<annotation>{SIZE}{OBJECT}</annotation>', f'{name}.xml')
    (tmp_path / 'split.txt').write_text('a\r\n\nb\n', encoding=encoding)
    (tmp_path / 'classes.txt').write_text('background\nweed\n', encoding=encoding)
    status, printed, _, images = convert(
        tmp_path, capsys, 'voc_xml', folder, '--split', tmp_path / 'split.txt', classes=tmp_path / 'classes.txt'
    )
    assert status == 0
    assert list(images) == ['a', 'b']
    assert read_labels(str(tmp_path / 'o.json')).classes == CLASSES
    assert 'left out' not in printed


def test_other_encodings_are_refused_by_file_and_line(tmp_path, capsys):
    folder = voc(tmp_path, f'<annotation>{SIZE}{OBJECT}</annotation>')
    (tmp_path / 'split.txt').write_bytes('a\nb\u00e9\n'.encode('latin-1'))
    message = 'split.txt, line 2: byte 0xe9 is not text in UTF-8. Save the split file (one image id per line) in UTF-8'
    refused(tmp_path, capsys, message, 'voc_xml', folder, '--split', tmp_path / 'split.txt')


def test_ids_without_labels_are_counted_and_named(tmp_path, capsys):
    for name in 'ab':
        folder = voc(tmp_path, f'<annotation>{SIZE}{OBJECT}</annotation>', f'{name}.xml')
    split = tmp_path / 'split.txt'
    split.write_text('a\nb.jpg\n')
    report = tmp_path / 'report.json'
    status, printed, _, images = convert(tmp_path, capsys, 'voc_xml', folder, '--split', split, '--report', report)
    assert (status, list(images)) == (0, ['a'])
    assert f'left out: 1 of 2 ids of the split {split} that are not in the labels (b.jpg)' in printed
    assert [found['names'] for found in json.loads(report.read_text())['left_out'].values()] == [['b.jpg']]
    split.write_text('a.jpg\nb.jpg\n')
    message = "have no image ids in common. An id is the name of an image without its suffix, such as 'a'; got 'a.jpg'"
    refused(tmp_path, capsys, message, 'voc_xml', folder, '--split', split)


# ---------------------------------------------------------------- roots, suffixes, sizes, keys (18 to 22)


CVAT = '<annotations><version>1.1</version><image id="0" name="a.jpg" width="64" height="48"/></annotations>'


@pytest.mark.parametrize('name', ['voc_xml', 'scribblesup'])
def test_xml_of_another_root_is_refused(tmp_path, capsys, name):
    folder = voc(tmp_path, CVAT)
    refused(tmp_path, capsys, 'a.xml: the root is <annotations>, expected <annotation>', name, folder)


def test_suffixes_in_upper_case_are_read(tmp_path, capsys):
    (tmp_path / 'masks').mkdir()
    for name in ('a.png', 'b.PNG'):
        Image.fromarray(np.array([[255, 1], [0, 255]], np.uint8)).save(tmp_path / 'masks' / name, format='PNG')
    assert list(convert(tmp_path, capsys, 'index_png', tmp_path / 'masks')[3]) == ['a', 'b']
    voc(tmp_path, f'<annotation>{OBJECT}</annotation>')
    folder = voc(tmp_path, f'<annotation>{OBJECT}</annotation>', 'b.XML')
    assert list(convert(tmp_path, capsys, 'voc_xml', folder)[3]) == ['a', 'b']
    voc(tmp_path, f'<annotation>{OBJECT}</annotation>', 'b.xml')
    refused(tmp_path, capsys, "b.xml: image 'b' appears twice", 'voc_xml', folder)


@pytest.mark.parametrize(
    ('size', 'expected'),
    [
        (SIZE, (64, 48)),
        (SIZE.replace('64', '0').replace('48', '0'), None),
        (SIZE.replace('<height>48</height>', ''), None),
        (SIZE.replace('64', ' 64.0 '), (64, 48)),
        ('', None),
        ('<size/>', None),
    ],
)
def test_sizes_of_voc(tmp_path, capsys, size, expected):
    folder = voc(tmp_path, f'<annotation>{size}{OBJECT}</annotation>')
    status, _, _, images = convert(tmp_path, capsys, 'voc_xml', folder)
    assert (status, images['a'].size) == (0, expected)


@pytest.mark.parametrize('width', ['-64', '64.5', 'wide', 'nan', 'inf', '1e9'])
def test_sizes_that_are_not_numbers_of_pixels_are_refused(tmp_path, capsys, width):
    folder = voc(tmp_path, f'<annotation>{SIZE.replace("64", width)}{OBJECT}</annotation>')
    message = f"a.xml: <size><width> must be a positive integer of at most 1000000, got '{width}'"
    refused(tmp_path, capsys, message, 'voc_xml', folder)


@pytest.mark.parametrize(
    ('width', 'expected'), [('64', 64), (64.0, 64), (' 64 ', 64), (0, None), ('0', None), (None, None), ('', None)]
)
def test_sizes_of_coco(tmp_path, capsys, width, expected):
    images = [{'id': 1, 'file_name': 'a.jpg', 'width': width, 'height': 48}]
    status, _, _, images = convert(tmp_path, capsys, 'coco', coco(tmp_path, {'bbox': [2, 2, 10, 10]}, images=images))
    assert (status, images['a'].size) == (0, None if expected is None else (expected, 48))


@pytest.mark.parametrize('width', [-1, 64.5, 'wide', True, [64], 10**30, float('inf'), float('nan')])
def test_wrong_sizes_of_coco_are_refused(tmp_path, capsys, width):
    images = [{'id': 1, 'file_name': 'a.jpg', 'width': width, 'height': 48}]
    path = coco(tmp_path, {'bbox': [2, 2, 10, 10]}, images=images)
    refused(tmp_path, capsys, 'in.json: images[0]: width must be a positive integer of at most 1000000', 'coco', path)


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'images': [{'id': 1}]}, "images[0]: the key 'file_name' is missing; expected id, file_name"),
        ({'images': [{'file_name': 'a.jpg'}]}, "images[0]: the key 'id' is missing"),
        ({'images': [{'id': [1], 'file_name': 'a.jpg'}]}, 'images[0]: id must be an integer or a text, got [1]'),
        ({'images': [{'id': 1, 'file_name': 7}]}, 'images[0]: file_name must be a path below the image folder, got 7'),
        ({'images': [{'id': 1, 'file_name': '../a.jpg'}]}, "file_name: '../a.jpg' cannot be the name of a file"),
        ({'images': [{'id': 1, 'file_name': 'a' * 300}]}, 'a part of it is longer than 255 bytes'),
        ({'images': [{'id': 1, 'file_name': 'a\ud800.jpg'}]}, 'cannot be the name of a file'),
        ({'images': ['a.jpg']}, "images[0]: expected an object with the keys id, file_name, got 'a.jpg'"),
        ({'categories': [{'id': 1}]}, "categories[0]: the key 'name' is missing; expected id, name"),
        ({'categories': [{'id': 1, 'name': None}]}, 'annotation 1: expected the name of a class, got None'),
        ({'categories': None}, 'expected COCO instance annotations, an object with the lists images, annotations, cat'),
    ],
)
def test_keys_of_coco_are_checked(tmp_path, capsys, changes, message):
    refused(tmp_path, capsys, message, 'coco', coco(tmp_path, {'bbox': [2, 2, 10, 10]}, **changes))


@pytest.mark.parametrize(
    ('annotation', 'message'),
    [
        ({'category_id': None}, 'annotation 1: category_id must be an integer or a text, got None'),
        ({'image_id': '1'}, "annotation 1: image_id '1' and category_id 1 must be ids of the lists"),
        ({'bbox': []}, "'a.jpg', annotation 1: bbox must be four numbers [x, y, width, height]"),
        ({'bbox': [1, 2, True, 4]}, 'bbox must be four numbers [x, y, width, height]'),
        ({'bbox': [1, 2, float('inf'), 4]}, 'bbox must be four numbers [x, y, width, height]'),
        ({'iscrowd': 'no'}, "iscrowd must be 0 or 1, got 'no'"),
    ],
)
def test_annotations_of_coco_are_checked(tmp_path, capsys, annotation, message):
    refused(tmp_path, capsys, message, 'coco', coco(tmp_path, {'bbox': [2, 2, 10, 10], **annotation}))


def test_an_annotation_without_a_key_is_named(tmp_path, capsys):
    path = tmp_path / 'in.json'
    path.write_text('{"images": [], "categories": [], "annotations": [{"id": 5, "image_id": 1}, 3]}')
    refused(tmp_path, capsys, "annotation 5: the key 'category_id' is missing", 'coco', path)


# ---------------------------------------------------------------- pictures that state more pixels than fit (26)


def test_a_picture_of_billions_of_pixels_is_refused(tmp_path, capsys):
    (tmp_path / 'masks').mkdir()
    header = bytearray(b'\x89PNG\r\n\x1a\n\0\0\0\rIHDR' + (60000).to_bytes(4, 'big') * 2 + b'\x08\0\0\0\0')
    header += zlib.crc32(header[12:]).to_bytes(4, 'big')
    (tmp_path / 'masks/a.png').write_bytes(header + b'\0\0\0\0IEND\xaeB`\x82')
    message = 'a.png is too large for a mask'
    refused(tmp_path, capsys, message, 'index_png', tmp_path / 'masks')
    arguments = ['--images', str(tmp_path), '-o', str(tmp_path / 'o.json'), '--classes', 'background,weed']
    assert main(['simulate', '--masks', str(tmp_path / 'masks'), *arguments]) == 2
    assert message in capsys.readouterr().err


# ---------------------------------------------------------------- tags without boxes (28)


def test_tags_need_no_boxes(tmp_path, capsys):
    path = coco(tmp_path, {}, {'category_id': 2}, categories=({'id': 1, 'name': 'weed'}, {'id': 2, 'name': 'crop'}))
    status, _, _, images = convert(
        tmp_path, capsys, 'coco', path, '--no-boxes', '--tags', classes='background,crop,weed'
    )
    assert (status, images['a'].annotations.tags) == (0, (1, 2))
    folder = voc(tmp_path, '<annotation><object><name>weed</name></object></annotation>')
    assert convert(tmp_path, capsys, 'voc_xml', folder, '--no-boxes', '--tags')[3]['a'].annotations.tags == (1,)
    refused(tmp_path, capsys, 'a.xml: object 0: <object> must have a <bndbox>', 'voc_xml', folder)


# ---------------------------------------------------------------- encodings of XML (29)


@pytest.mark.parametrize('encoding', ['gb2312', 'gbk', 'utf-16', 'utf-8-sig', 'iso-8859-15', 'big5'])
def test_xml_is_read_in_the_encoding_that_it_declares(tmp_path, capsys, encoding):
    name = 'herbe\u20ac' if encoding.startswith('iso') else '\u8349'
    declared = encoding.removesuffix('-sig')
    text = f'<?xml version="1.0" encoding="{declared}"?>\n<annotation>{OBJECT.replace("weed", name)}</annotation>'
    status, _, error, images = convert(
        tmp_path, capsys, 'voc_xml', voc(tmp_path, text, encoding=encoding), classes=f'background,{name}'
    )
    assert (status, error) == (0, '')
    assert images['a'].annotations.box_labels.tolist() == [1]


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('<annotation><path>\u8349</path></annotation>'.encode('gbk'), 'a.xml, line 1: byte 0xb2 is not text in UTF-8'),
        (b'<?xml version="1.0" encoding="klingon"?><annotation/>', "declares the encoding 'klingon', which is not"),
        (b'<?xml version="1.0" encoding="hex"?><annotation/>', "declares the encoding 'hex', which is not known"),
        (b'<?xml version="1.0" encoding="undefined"?><annotation/>', 'a.xml, line 1: byte 0x3c is not text in'),
        (b'\0\0', 'a.xml is not XML'),
        (b'', 'a.xml is not XML: no element found'),
    ],
)
def test_xml_that_cannot_be_decoded_is_named(tmp_path, capsys, text, message):
    refused(tmp_path, capsys, message, 'voc_xml', voc(tmp_path, text))


# ---------------------------------------------------------------- boxes over the edge (33)


def test_boxes_over_the_edge_are_refused_or_cut(tmp_path, capsys):
    boxes = ({'bbox': [60, 2, 10, 10]}, {'bbox': [-5, -5, 10, 10]}, {'bbox': [70, 70, 5, 5]}, {'bbox': [1, 1, 2, 2]})
    path = coco(tmp_path, *boxes)
    message = '(69, 11) lies outside the image, which is 64 x 48 pixels'
    refused(tmp_path, capsys, message, 'coco', path)
    refused(tmp_path, capsys, 'wsss convert --clip cuts boxes off at the edge', 'coco', path)
    status, printed, _, images = convert(tmp_path, capsys, 'coco', path, '--clip')
    assert status == 0
    assert images['a'].annotations.boxes.tolist() == [[60, 2, 63, 11], [0, 0, 4, 4], [1, 1, 2, 2]]
    assert 'changed: 2 boxes cut off at the edge of their image (box 0 of a.jpg, box 1 of a.jpg)' in printed
    assert 'left out: 1 boxes outside of their image (box 2 of a.jpg)' in printed


# ---------------------------------------------------------------- small objects and dense masks (38, 39)


def test_small_objects_are_counted(tmp_path, capsys):
    mask = np.zeros((48, 64), np.uint8)
    mask[5:9, 5:9] = mask[20:40, 20:40] = mask[1, 1] = 1
    for folder, values in (('masks', mask), ('images', np.zeros((48, 64, 3), np.uint8))):
        (tmp_path / folder).mkdir()
        Image.fromarray(values).save(tmp_path / folder / 'a.png')
    arguments = ['--masks', tmp_path / 'masks', '--images', tmp_path / 'images', '--img-suffix', '.png']
    arguments += ['--classes', 'background,weed', '--kinds', 'boxes', '-o', tmp_path / 'o.json']
    assert main(['simulate', *map(str, arguments)]) == 0
    printed = capsys.readouterr().out
    assert 'left out: 2 objects of fewer than 64 pixels (--min-area) (class 1 of a, class 1 of a)' in printed
    for option in (('--num-per-object', '0'), ('--min-area', '-3')):
        assert main(['simulate', *map(str, arguments), '--force', *option]) == 2
        assert '--num-per-object must be at least 1 and --min-area not below 0, got' in capsys.readouterr().err


def test_dense_masks_are_masks_and_few_pixels_are_points(tmp_path, capsys):
    dense = np.zeros((1000, 1000), np.uint8)
    dense[200:, 300:] = 1
    sparse = np.full((1000, 1000), 255, np.uint8)
    sparse[:5, :400] = 1
    (tmp_path / 'masks').mkdir()
    for name, values in (('dense', dense), ('sparse', sparse)):
        Image.fromarray(values).save(tmp_path / f'masks/{name}.png')
    status, _, _, images = convert(tmp_path, capsys, 'index_png', tmp_path / 'masks')
    assert status == 0
    assert (tmp_path / 'o.json').stat().st_size < 200_000
    assert images['dense'].annotations.mask_path == str(tmp_path / 'masks/dense.png')
    assert images['dense'].size == (1000, 1000)
    assert len(images['dense'].annotations.points) == 0
    assert len(images['sparse'].annotations.points) == 2000
    assert images['sparse'].annotations.mask_path is None


def test_dense_masks_of_other_values_are_written_anew(tmp_path, capsys):
    values = np.full((50, 60), 11, np.uint8)
    values[10:31, 10:] = 7
    (tmp_path / 'masks').mkdir()
    Image.fromarray(values).save(tmp_path / 'masks/a.png')
    arguments = ('index_png', tmp_path / 'masks', '--unlabelled', '11', '--remap', '7=1')
    _, printed, _, images = convert(tmp_path, capsys, *arguments)
    assert 'changed: 1 dense masks written as points (--masks DIR writes masks)' in printed
    assert len(images['a'].annotations.points) == 1050
    _, _, _, images = convert(tmp_path, capsys, *arguments, '--masks', tmp_path / 'ids')
    mask = np.asarray(Image.open(images['a'].annotations.mask_path))
    assert np.array_equal(mask, np.where(values == 7, 1, 255))
    refused(tmp_path, capsys, 'remap gives 7 the id 9', *arguments[:-1], '7=9')


# ---------------------------------------------------------------- hidden files (40)


def test_hidden_files_are_skipped_and_counted(tmp_path, capsys):
    folder = voc(tmp_path, f'<annotation>{OBJECT}</annotation>')
    voc(tmp_path, b'\0\5\x16\7', '._a.xml')
    (folder / '.ipynb_checkpoints').mkdir()
    (folder / '.ipynb_checkpoints/a-checkpoint.xml').write_text('x')
    status, printed, _, images = convert(tmp_path, capsys, 'voc_xml', folder)
    assert (status, list(images)) == (0, ['a'])
    assert 'left out: 2 hidden files (._a.xml, .ipynb_checkpoints/a-checkpoint.xml)' in printed
    (folder / 'a.xml').unlink()
    refused(tmp_path, capsys, "contains no file that is not hidden (2 are) that ends in '.xml'", 'voc_xml', folder)


# ---------------------------------------------------------------- JSON (36 of the inputs)


CANONICAL = '{"version": 1, "classes": [{"name": "background"}, {"name": "weed"}], "images": [%s]}'


@pytest.mark.parametrize(
    ('image', 'message'),
    [
        ('{"file_name": "a", "points": [{"x": 5, "x": 60, "y": 5, "class": 1}]}', "the key 'x' appears twice in one"),
        ('[' * 200_000, 'is nested too deep'),
        ('{"file_name": "a", "points": [{"x": 5, "y": 5, "class": true}]}', 'class must be a class id (an integer)'),
        ('{"file_name": "a", "points": [{"x": 5, "y": 5, "class": 1e30}]}', 'class must be a class id (an integer)'),
        (
            '{"file_name": "a", "points": [{"x": 5, "y": 5, "class": 1%s}]}' % ('0' * 30),
            'class must be a class id (an integer), got 100000000000',
        ),
        ('{"file_name": "a", "points": [{"x": 1%s, "y": 5, "class": 1}]}' % ('0' * 5000), 'is not JSON (Exceeds the'),
        ('{"file_name": "a", "points": [{"x": true, "y": 5, "class": 1}]}', 'x must be a finite number, got True'),
        ('{"file_name": "a", "points": [{"x": "5", "y": 5, "class": 1}]}', "x must be a finite number, got '5'"),
        ('{"file_name": "a", "points": [{"x": NaN, "y": 5, "class": 1}]}', 'x must be a finite number, got nan'),
        ('{"file_name": "a", "points": [{"x": -Infinity, "y": 5, "class": 1}]}', 'x must be a finite number, got -inf'),
        ('{"file_name": "a", "points": [[5, 5, 1]]}', 'expected an object with the keys x, y, class'),
        ('{"file_name": "a", "boxes": [{"box": [1, 2, "3", 4], "class": 1}]}', 'box must be four numbers'),
        ('{"file_name": "a", "scribbles": [{"points": [[1, 2], [3]], "class": 1}]}', 'must be a list of places [x, y]'),
        ('{"file_name": "a", "width": "64"}', "width must be an integer, got '64'"),
        ('{"file_name": "a", "width": true}', 'width must be an integer, got True'),
        ('{"file_name": "a\\ud800"}', 'cannot be the name of a file'),
        ('{"file_name": "a\\u0000"}', 'cannot be the name of a file'),
        ('{"file_name": "a", "mask": ""}', "mask must be a path relative to the label file, got ''"),
        ('{"file_name": "a", "tags": [true]}', 'tags must be a list of class ids'),
        ('{"file_name": "a", "tags": [1%s]}' % ('0' * 30), 'tags must be a class id'),
    ],
)
def test_values_of_json_are_checked(tmp_path, image, message):
    path = tmp_path / 'w.json'
    path.write_text(CANONICAL % image)
    with pytest.raises(ValueError, match=f'^{re.escape(str(path))}.*{re.escape(message)}') as error:
        read_labels(str(path))
    assert len(str(error.value)) < 600


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        (CANONICAL.replace('1,', 'true,', 1) % '', 'version must be 1, got True'),
        (CANONICAL.replace('1,', '"1",', 1) % '', "version must be 1, got '1'"),
        (CANONICAL.replace('"weed"', 'null') % '', 'name must be a text that is not empty, got None'),
        (CANONICAL.replace('"weed"', '"background"') % '', 'class names must differ'),
        ('[]', 'expected an object with the keys version, classes, images, got list'),
        ('\ufeff', 'is not JSON (Expecting value'),
    ],
)
def test_what_stands_around_the_images_is_checked(tmp_path, text, message):
    path = tmp_path / 'w.json'
    path.write_text(text)
    with pytest.raises(ValueError, match=f'^{re.escape(str(path))}.*{re.escape(message)}'):
        read_labels(str(path))


@pytest.mark.parametrize('encoding', ['utf-8-sig', 'utf-16'])
def test_json_is_read_by_its_byte_order_mark(tmp_path, encoding):
    path = tmp_path / 'w.json'
    path.write_text(CANONICAL % '{"file_name": "field\\\\1.jpg", "width": 64.0, "height": 0}', encoding=encoding)
    entry = read_labels(str(path)).images['field/1']
    assert (entry.file_name, entry.width, entry.size) == ('field/1.jpg', 64, None)


# ---------------------------------------------------------------- names of classes


def test_names_are_mapped_and_others_left_out(tmp_path):
    text = f'<annotation>{OBJECT}{OBJECT.replace("weed", "Weed")}{OBJECT.replace("weed", "sky")}</annotation>'
    source = {'format': 'voc_xml', 'path': str(voc(tmp_path, text))}
    with pytest.raises(ValueError, match="object 1: unknown class 'Weed'; did you mean 'weed'.*names maps them"):
        read_labels(source, CLASSES)
    report = ReadReport()
    labels = read_labels({**source, 'names': {'Weed': 'weed'}, 'only_classes': True}, CLASSES, report=report)
    assert labels.images['a'].annotations.box_labels.tolist() == [1, 1]
    assert [(what, len(names)) for what, names in report.left_out.items()] == [
        ("of the class 'sky', which is not in the list", 1)
    ]
    assert list(report.changed) == ["names 'Weed' read as 'weed'"]
    with pytest.raises(ValueError, match="names: 'wede' is not a class; did you mean 'weed'"):
        read_labels({**source, 'names': {'Weed': 'wede'}}, CLASSES)


def test_the_background_is_the_first_class(tmp_path, capsys):
    folder = voc(tmp_path, f'<annotation>{OBJECT}</annotation>')
    (tmp_path / 'classes.txt').write_text('weed\nbackground\n')
    message = "class 0 is the background, but 'background' is class 1"
    refused(tmp_path, capsys, message, 'voc_xml', folder, classes=tmp_path / 'classes.txt')
    refused(tmp_path, capsys, 'names the background and at least one class', 'voc_xml', folder, classes='weed,')


def test_a_mask_beyond_the_limit_of_pillow_is_read(two_values, capsys, monkeypatch):
    monkeypatch.setattr(Image, 'MAX_IMAGE_PIXELS', 1_000)
    status, *_ = convert(two_values, capsys, 'index_png', two_values / 'masks', '--unlabelled', '0', '--remap', '255=1')
    assert status == 0
    assert Image.MAX_IMAGE_PIXELS == 1_000


# ---------------------------------------------------------------- boxes that CVAT turned (cvat-ai/cvat#5881)


def test_turned_boxes_of_voc_are_left_out(tmp_path, capsys):
    """An attribute of the annotator that is called rotation as well is not an angle."""
    turned = '<attributes><attribute><name>rotation</name><value>{}</value></attribute></attributes></object>'
    texts = [OBJECT.replace('</object>', turned.format(angle)) for angle in ('30.5', '0.0', 'left')]
    folder = voc(tmp_path, f'<annotation>{SIZE}{"".join(texts)}</annotation>')
    status, printed, _, found = convert(tmp_path, capsys, 'voc_xml', folder, '--tags')
    assert (status, found['a'].annotations.boxes.tolist()) == (0, [[2, 3, 19, 29]] * 2)
    assert f'left out: 1 boxes that are turned ({folder}/a.xml: object 0)' in printed


# ---------------------------------------------------------------- folders whose first files, or images, differ


def test_voc_files_are_recognised_after_those_without_objects(tmp_path, capsys):
    for index in range(9):
        voc(tmp_path, f'<annotation>{SIZE}</annotation>', f'A{index}.xml')
    folder = voc(tmp_path, f'<annotation>{SIZE}{OBJECT}</annotation>')
    status, printed, _, found = convert(tmp_path, capsys, 'auto', folder)
    assert (status, len(found)) == (0, 10)
    assert '(voc_xml)' in printed


def test_an_image_with_another_suffix_is_named(tmp_path, capsys):
    folder = voc(tmp_path, f'<annotation>{SIZE}{OBJECT}</annotation>')
    (tmp_path / 'images').mkdir()
    for name in ('a.png', 'b.jpg', 'c.jpg'):
        Image.new('RGB', (64, 48)).save(tmp_path / 'images' / name)
    message = 'images/a.jpg. A file there has another suffix: a.png. Check --images'
    refused(tmp_path, capsys, message, 'voc_xml', folder, '--images', tmp_path / 'images')
