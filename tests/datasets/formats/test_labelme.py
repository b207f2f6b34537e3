"""LabelMe files as the tool writes them (examples/primitives and examples/classification of its repository)."""

import base64
import io
import json

import numpy as np
import pytest
from PIL import Image

from mmseg_wsss.datasets.formats import ReadReport, read_labels, recognise_format

CLASSES = ('background', 'cat', 'dog')


def shape(label, kind, *points, **more):
    return {
        'label': label,
        'points': [list(p) for p in points],
        'group_id': None,
        'shape_type': kind,
        'flags': {},
        **more,
    }


def write(folder, *shapes, name='a.json', **changes):
    content = {
        'version': '5.4.1', 'flags': {}, 'shapes': list(shapes), 'imagePath': 'a.jpg', 'imageData': None,
        'imageHeight': 20, 'imageWidth': 30, **changes,
    }  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(json.dumps({key: value for key, value in content.items() if value is not ...}))
    return folder


def read(folder, **settings):
    return read_labels({'format': 'labelme', 'path': str(folder), **settings}, CLASSES)


def test_shapes_of_every_type(tmp_path):
    square = [(2, 3), (6, 3), (6, 8), (2, 8)]
    folder = write(
        tmp_path / 'json',
        shape('cat', 'point', (3.5, 4.25)),
        shape('_background_', 'point', (0, 0)),
        shape('dog', 'line', (1, 1), (5, 5)),
        shape('cat', 'linestrip', (1, 1), (5, 5), (5, 9)),
        shape('dog', 'rectangle', (20, 10), (12, 4)),
        shape('cat', 'polygon', *square),
        shape('dog', 'circle', (20, 10), (23, 10)),
    )
    report = ReadReport()
    assert recognise_format(folder).name == 'labelme'
    labels = read_labels({'format': 'labelme', 'path': str(folder)}, CLASSES, report=report)
    entry = labels.images['a']
    assert (entry.file_name, entry.size) == ('a.jpg', (30, 20))
    found = entry.annotations
    assert found.points.tolist() == [[3, 3.75], [0, 0]]
    assert found.point_labels.tolist() == [1, 0]
    assert [line.tolist() for line in found.polylines] == [[[1, 1], [5, 5]], [[1, 1], [5, 5], [5, 9]]]
    assert found.polyline_labels.tolist() == [2, 1]
    assert found.boxes.tolist() == [[12, 4, 19, 9]]
    assert (found.tags, found.mask_path) == (None, None)
    assert report.left_out == {
        'outlines and painted areas (--masks DIR writes them)': [
            f'{folder / "a.json"}: shapes[5]', f'{folder / "a.json"}: shapes[6]',
        ]
    }  # fmt: skip
    found = read(folder, masks=str(tmp_path / 'm'), boxes=False, tags=True).images['a'].annotations
    mask = np.asarray(Image.open(found.mask_path))
    expected = np.zeros((20, 30), int)
    expected[3:8, 2:6] = 1
    rows, columns = np.mgrid[:20, :30] + 0.5
    expected[(columns - 20) ** 2 + (rows - 10) ** 2 <= 9] = 2
    assert np.array_equal(mask, expected)
    assert len(found.boxes) == 0
    assert found.tags == (1, 2)
    found = read(folder, masks=str(tmp_path / 'm2'), rest='unlabelled').images['a'].annotations
    assert np.unique(np.asarray(Image.open(found.mask_path))).tolist() == [1, 2, 255]
    report = ReadReport()
    source = {'format': 'labelme', 'path': str(folder), 'masks': str(tmp_path / 'm3'), 'rest': 'auto'}
    found = read_labels(source, CLASSES, report=report).images['a'].annotations
    assert np.unique(np.asarray(Image.open(found.mask_path))).tolist() == [1, 2, 255]
    (what,) = (what for what in report.changed if 'masks' in what)
    assert what.startswith('masks of images that also have clicks, scribbles or boxes, unlabelled outside')


def test_outlines_alone_are_whole_masks(tmp_path):
    folder = write(tmp_path / 'json', shape('cat', 'polygon', [2, 3], [6, 3], [6, 8], [2, 8]))
    found = read(folder, masks=str(tmp_path / 'm'), rest='auto').images['a'].annotations
    assert np.bincount(np.asarray(Image.open(found.mask_path)).ravel()).tolist() == [580, 20]


def test_flags_of_an_image_are_its_tags(tmp_path):
    flags = {'__ignore__': False, 'cat': True, 'dog': False}
    folder = write(tmp_path / 'json', flags=flags, imageHeight=..., imageWidth=..., version=...)
    write(folder, name='b.json', imagePath='b.jpg', flags={'cat': False, 'dog': False})
    write(folder, name='c.json', imagePath='c.jpg', flags={'reviewed': False})
    images = read(folder).images
    assert images['c'].annotations.tags is None  # which are unknown, not none
    assert images['a'].annotations.tags == (1,)
    assert images['a'].size is None
    assert images['b'].annotations.tags == ()


def test_names_of_images_and_folders(tmp_path):
    folder = write(tmp_path / 'json', shape('cat', 'point', (1, 1)), imagePath='..\\images\\a b.JPG')
    write(folder / 'sub', name='c.json', imagePath='../../images/c.png')
    images = read(folder).images
    assert {key: entry.file_name for key, entry in images.items()} == {'a b': 'a b.JPG', 'sub/c': 'sub/c.png'}
    assert list(read(folder / 'sub/c.json').images) == ['c']
    write(folder, name='z.json', imagePath='a b.png')
    with pytest.raises(ValueError, match="z.json: image 'a b' appears twice"):
        read(folder)


def png(values):
    file = io.BytesIO()
    Image.fromarray((np.array(values) * 255).astype(np.uint8)).save(file, format='PNG')
    return base64.b64encode(file.getvalue()).decode()


def test_masks_of_labelme_and_what_is_to_be_ignored(tmp_path):
    inside = [[1, 0, 1], [0, 1, 1]]
    folder = write(
        tmp_path / 'json',
        shape('dog', 'mask', (4, 5), (6, 6), mask=png(inside)),
        shape('cat', 'mask', (28, 18), (30, 19), mask=png(inside)),  # a column beyond the edge
        shape('__ignore__', 'polygon', (10, 10), (14, 10), (14, 12), (10, 12)),
    )
    mask = np.asarray(Image.open(read(folder, masks=str(tmp_path / 'm')).images['a'].annotations.mask_path))
    expected = np.zeros((20, 30), int)
    expected[5:7, 4:7] = np.array(inside) * 2
    expected[18:20, 28:30] = np.array(inside)[:, :2]
    expected[10:12, 10:14] = 255
    assert np.array_equal(mask, expected)


def test_what_is_left_out_is_counted(tmp_path):
    folder = write(
        tmp_path / 'json',
        shape('cat', 'polygon', (1, 1), (2, 2)),
        shape('cat', 'cuboid', (1, 1)),
        shape('__ignore__', 'point', (1, 1)),
        shape('sky', 'point', (1, 1)),
    )
    report = ReadReport()
    source = {'format': 'labelme', 'path': str(folder), 'only_classes': True}
    assert read_labels(source, CLASSES, report=report).images['a'].annotations.num_labels == 0
    assert [(what, len(names)) for what, names in report.left_out.items()] == [
        ('outlines of fewer than three points', 1),
        ("shapes of the type 'cuboid'", 1),
        ('shapes named __ignore__ that are not areas', 1),
        ("of the class 'sky', which is not in the list", 1),
    ]


@pytest.mark.parametrize(
    ('item', 'message'),
    [
        ({'label': 'cat'}, r"shapes\[0\]: the key 'points' is missing; expected label, points"),
        (shape('cta', 'point', (1, 1)), "shapes.0.: unknown class 'cta'; did you mean 'cat'"),
        (shape(None, 'point', (1, 1)), 'expected the name of a class, got None'),
        (shape('cat', 'rectangle', (1, 1)), 'a rectangle must have at least 2 points, got 1'),
        (shape('cat', 'circle', (1, 1)), 'a circle must have at least 2 points, got 1'),
        (shape('cat', 'point', (1, 'a')), r"points must be a list of places \[x, y\], got \[1, 'a'\]"),
        (shape('cat', 'point', (1,)), 'points must be a list of places'),
        (shape('cat', 'polygon', (1, 1), (2, 2), (1e9, 3)), 'a polygon lies far outside the image, which is 30 x 20'),
        (shape('cat', 'mask', (1, 1), (2, 2), mask='???'), r"mask must be a PNG in base 64, got '\?\?\?'"),
        (shape('cat', 'mask', (1, 1), (2, 2)), 'mask must be a PNG in base 64, got None'),
        (shape('cat', 'mask', (90, 1), (2, 2), mask=png([[1]])), r'the mask begins at \(90, 1\), outside of 30 x 20'),
        ('cat', "expected an object with the keys label, points, got 'cat'"),
    ],
)
def test_wrong_shapes_are_named(tmp_path, item, message):
    with pytest.raises(ValueError, match=f'a.json: .*{message}'):
        read(write(tmp_path / 'json', item), masks=str(tmp_path / 'm'))


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'shapes': None}, 'shapes must be a list, got None'),
        ({'imagePath': None}, "imagePath must be a path below the image folder, got ''"),
        ({'imagePath': '..'}, "imagePath: '..' cannot be the name of a file"),
        ({'imagePath': ...}, "the key 'imagePath' is missing; expected shapes, imagePath"),
        ({'imageWidth': 'wide'}, "imageWidth must be a positive integer of at most 1000000, got 'wide'"),
        ({'flags': {'cat': 'yes'}}, "flags must be an object of true and false, got 'cat': 'yes'"),
        ({'flags': ['cat']}, r"flags must be an object of true and false, got \['cat'\]"),
    ],
)
def test_wrong_files_are_named(tmp_path, changes, message):
    with pytest.raises(ValueError, match=f'a.json: {message}'):
        read(write(tmp_path / 'json', **changes))


def test_masks_need_sizes(tmp_path):
    folder = write(tmp_path / 'json', shape('cat', 'polygon', (1, 1), (2, 2), (1, 3)), imageHeight=None)
    with pytest.raises(ValueError, match=r'shapes\[0\]: width and height are missing, and masks need them'):
        read(folder, masks=str(tmp_path / 'm'))
    with pytest.raises(ValueError, match="rest must be 'background' or 'unlabelled' or 'auto', got 'black'"):
        read(folder, rest='black')


def test_other_files_name_the_tool(tmp_path):
    folder = write(tmp_path / 'json', shape('cat', 'point', (1, 1)))
    with pytest.raises(
        ValueError, match="unknown key 'flags'.*a.json looks like LabelMe JSON: the format 'labelme' reads"
    ):
        read_labels(str(folder / 'a.json'))


@pytest.mark.parametrize('places', [[(20, 15), (4, 3)], [(4, 3), (20, 3), (20, 15), (4, 15)], [(4, 15), (20, 3)]])
def test_two_or_four_corners_of_a_rectangle(tmp_path, places):
    """X-AnyLabeling writes all four corners."""
    (entry,) = read(write(tmp_path, shape('cat', 'rectangle', *places))).images.values()
    assert entry.annotations.boxes.tolist() == [[4, 3, 19, 14]]


def test_turned_rectangles_of_x_anylabeling_are_areas(tmp_path):
    turned = shape('cat', 'rotation', (4, 3), (20, 3), (20, 15), (4, 15), direction=0.0)
    (entry,) = read(write(tmp_path / 'in', turned), masks=str(tmp_path / 'm')).images.values()
    assert (np.asarray(Image.open(entry.annotations.mask_path)) == 1).sum() == 16 * 12


def test_the_class_of_a_shape_that_is_left_out_is_a_tag(tmp_path):
    square = [(2, 3), (6, 3), (6, 8), (2, 8)]
    picture = io.BytesIO()
    Image.new('L', (3, 3), 255).save(picture, 'PNG')
    mask = shape('dog', 'mask', (1, 1), (3, 3), mask=base64.b64encode(picture.getvalue()).decode())
    found = read(write(tmp_path / 'json', mask, shape('cat', 'cuboid', *square, *square)), tags=True)
    assert found.images['a'].annotations.tags == (1, 2)


def test_four_sided_shapes_of_x_anylabeling_are_areas(tmp_path):
    folder = write(tmp_path / 'json', shape('cat', 'quadrilateral', (2, 3), (6, 3), (6, 8), (2, 8)))
    found = read(folder, masks=str(tmp_path / 'm')).images['a'].annotations
    assert int((np.asarray(Image.open(found.mask_path)) == 1).sum()) == 20
