import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmseg_wsss.datasets.class_sets import VOC_CLASSES
from mmseg_wsss.datasets.formats import FORMATS, READERS, read_labels
from mmseg_wsss.datasets.formats.checks import check_numbers, fit_to_images
from mmseg_wsss.structures import ImageEntry, WeakAnnotations, WeakLabelSet

CLASSES = ('background', 'cat', 'dog')
FULL_IMAGE = {
    'file_name': 'sub/a.png',
    'width': 8,
    'height': 6,
    'points': [{'x': 1, 'y': 2.5, 'class': 1}],
    'scribbles': [{'points': [[0, 0], [3, 4]], 'class': 2}, {'points': [[5, 5]], 'class': 0}],
    'boxes': [{'box': [1, 1, 4, 5], 'class': 2}],
    'tags': [1, 2],
    'mask': 'masks/a.png',
}


def write(path, data):
    path.write_text(data if isinstance(data, str) else json.dumps(data))
    return str(path)


def canonical(tmp_path, *images, name='weak_labels.json', **changes):
    classes = [{'name': name} for name in CLASSES]
    return write(tmp_path / name, {'version': 1, 'classes': classes, 'images': list(images), **changes})


# ---------------------------------------------------------------- canonical


def test_canonical_reads_every_kind_and_survives_a_round_trip(tmp_path):
    labels = read_labels(canonical(tmp_path, FULL_IMAGE, {'file_name': 'b.jpg'}))
    assert labels.classes == CLASSES
    assert labels.palette is None
    entry = labels.images['sub/a']
    assert (entry.file_name, entry.size) == ('sub/a.png', (8, 6))
    labelled = entry.annotations
    assert labelled.points.tolist() == [[1, 2.5]]
    assert labelled.point_labels.tolist() == [1]
    assert [line.tolist() for line in labelled.polylines] == [[[0, 0], [3, 4]], [[5, 5]]]
    assert labelled.polyline_labels.tolist() == [2, 0]
    assert labelled.boxes.tolist() == [[1, 1, 4, 5]]
    assert labelled.box_labels.tolist() == [2]
    assert labelled.tags == (1, 2)
    assert labelled.mask_path == str(tmp_path / 'masks/a.png')
    assert labels.images['b'].annotations.num_labels == 0
    assert labels.images['b'].annotations.tags is None
    again = tmp_path / 'elsewhere' / 'copy.json'
    labels.write(again)
    copied = read_labels(str(again))
    assert copied.to_json(tmp_path) == labels.to_json(tmp_path)


def test_canonical_reads_colours(tmp_path):
    classes = [{'name': 'background', 'color': [0, 0, 0]}, {'name': 'cat', 'color': [255, 1, 2]}]
    assert read_labels(canonical(tmp_path, classes=classes)).palette == ((0, 0, 0), (255, 1, 2))


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'imgaes': []}, r"unknown key 'imgaes'; did you mean 'images'\? Choose from 'version', 'classes', 'images'"),
        ({'version': 2}, 'version must be 1, got 2'),
        ({'classes': []}, 'classes must be a list with at least one'),
        ({'classes': [{'nam': 'a'}]}, r"classes\[0\]: unknown key 'nam'; did you mean 'name'"),
        ({'classes': [{'name': 'a', 'color': [0, 0, 256]}]}, 'color must be three integers in 0..255, got'),
        (
            {'classes': [{'name': 'a', 'color': [0, 0, 0]}, {'name': 'b'}]},
            'give every class a color or none; 1 have no color',
        ),
        ({'images': {}}, 'images must be a list, got {}'),
    ],
)
def test_canonical_names_a_wrong_file_key(tmp_path, changes, message):
    path = canonical(tmp_path, **changes)
    with pytest.raises(ValueError, match=f'{re.escape(path)}.*{message}'):
        read_labels(path)


@pytest.mark.parametrize(
    ('image', 'message'),
    [
        ({}, "the key 'file_name' is missing"),
        ('a.png', 'expected an object with the keys file_name, .*, got str'),
        ({'file_name': 3}, 'file_name must be a path below the image folder, got 3'),
        ({'file_name': ''}, "file_name must be a path below the image folder, got ''"),
        ({'file_name': 'a', 'point': []}, "unknown key 'point'; did you mean 'points'"),
        ({'file_name': 'a', 'width': 3.5}, r"\('a'\): width must be an integer, got 3.5"),
        ({'file_name': 'a', 'points': {}}, 'points must be a list'),
        ({'file_name': 'a', 'points': [{'x': 1, 'Y': 2, 'class': 1}]}, r"points\[0\]: unknown key 'Y'"),
        ({'file_name': 'a', 'points': [{'x': 1, 'y': 2}]}, r"points\[0\]: the key 'class' is missing; expected x, y"),
        ({'file_name': 'a', 'points': [{'x': 1, 'y': 2, 'class': 'cat'}]}, "class must be a class id .*, got 'cat'"),
        (
            {'file_name': 'a', 'boxes': [{'box': [1, 2, 3], 'class': 1}]},
            r'boxes\[0\]: box must be four numbers \[x1, y1, x2, y2\], got \[1, 2, 3\]',
        ),
        (
            {'file_name': 'a', 'scribbles': [{'points': [1, 2], 'class': 1}]},
            r'scribbles\[0\]: points must be a list of places \[x, y\], got 1',
        ),
        ({'file_name': 'a', 'points': [{'x': 'left', 'y': 2, 'class': 1}]}, "x must be a finite number, got 'left'"),
        ({'file_name': 'a', 'tags': ['cat']}, r"tags must be a list of class ids, got \['cat'\]"),
        ({'file_name': 'a', 'mask': 3}, 'mask must be a path relative to the label file, got 3'),
    ],
)
def test_canonical_names_a_wrong_image_key(tmp_path, image, message):
    path = canonical(tmp_path, {'file_name': 'fine.png'}, image)
    with pytest.raises(ValueError, match=rf'{re.escape(path)}: images\[1\].*{message}'):
        read_labels(path)


def test_canonical_refuses_an_image_that_comes_twice(tmp_path):
    with pytest.raises(ValueError, match="image 'a' appears twice"):
        read_labels(canonical(tmp_path, {'file_name': 'a.png'}, {'file_name': 'a.jpg'}))


def test_canonical_refuses_other_classes_than_the_data_set(tmp_path):
    with pytest.raises(ValueError, match=r"has the classes \('background', 'cat', 'dog'\), but the data set has"):
        read_labels(canonical(tmp_path), ('background', 'dog', 'cat'))


def test_missing_and_broken_files_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'nowhere/w.json \(the path exists up to .*\)'):
        read_labels(str(tmp_path / 'nowhere' / 'w.json'))
    with pytest.raises(ValueError, match=r'w.json is not JSON \(Expecting.*line 1'):
        read_labels(write(tmp_path / 'w.json', '{"version": 1,'))
    with pytest.raises(ValueError, match='must be a JSON file, got the folder'):
        read_labels(str(tmp_path))


# ---------------------------------------------------------------- numbers


@pytest.mark.parametrize(
    ('labels', 'message'),
    [
        (
            WeakAnnotations(points=[[0, 0], [1, 1]], point_labels=[0, 3]),
            r"image 'b', points\[1\]: class 3 is not one of the 3 classes \(ids 0..2: background .. dog\)",
        ),
        (WeakAnnotations(polylines=([[0, 0]],), polyline_labels=[-1]), r'scribbles\[0\]: class -1 is not'),
        (WeakAnnotations(boxes=[[0, 0, 1, 1]], box_labels=[9]), r'boxes\[0\]: class 9 is not'),
        (WeakAnnotations(tags=(1, 7)), r'tags\[1\]: class 7 is not'),
        (
            WeakAnnotations(points=[[0, np.nan]], point_labels=[1]),
            r'points\[0\]: coordinates must be finite numbers, got \[0.0, nan\]',
        ),
        (
            WeakAnnotations(polylines=([[0, 0]], [[0, 0], [np.inf, 1]]), polyline_labels=[0, 1]),
            r'scribbles\[1\]: coordinates must be finite',
        ),
        (
            WeakAnnotations(boxes=[[0, 0, 1, 1], [0, 5, 1, 4]], box_labels=[1, 1]),
            r'boxes\[1\]: box \[0.0, 5.0, 1.0, 4.0\] is empty or has swapped corners; expected \[x1, y1, x2, y2\]',
        ),
    ],
)
def test_wrong_numbers_are_named_with_file_image_and_key(labels, message):
    images = {'a': ImageEntry('a', annotations=WeakAnnotations(points=[[0, 0]], point_labels=[1]))}
    images['b'] = ImageEntry('b', annotations=labels)
    with pytest.raises(ValueError, match=f'labels.json: {message if "image" in message else f".*{message}"}'):
        check_numbers(WeakLabelSet(CLASSES, images=images), 'labels.json')


def test_the_message_counts_entries_with_the_same_fault_once_each():
    labels = WeakAnnotations(boxes=[[3, 3, 1, 1], [0, 0, 1, 1], [0, 5, 1, 4]], box_labels=[1, 1, 1])
    with pytest.raises(ValueError, match=r'boxes\[0\].*\(1 more boxes have this fault.\)'):
        check_numbers(WeakLabelSet(CLASSES, images={'a': ImageEntry('a', annotations=labels)}), 'f')


def test_a_one_pixel_box_and_an_empty_set_are_fine():
    labels = WeakAnnotations(boxes=[[2, 2, 2, 2]], box_labels=[1])
    check_numbers(WeakLabelSet(CLASSES, images={'a': ImageEntry('a', annotations=labels)}), 'f')
    check_numbers(WeakLabelSet(CLASSES), 'f')
    assert fit_to_images(WeakLabelSet(CLASSES), {}, 'f').images == {}


def fitted(labels, size=(8, 6)):
    labels = WeakLabelSet(CLASSES, images={'a': ImageEntry('a', annotations=labels), 'b': ImageEntry('b')})
    return fit_to_images(labels, {} if size is None else {'a': size}, 'f').images['a'].annotations


def test_coordinates_up_to_half_a_pixel_beyond_the_edge_move_to_the_border():
    labels = WeakAnnotations(
        points=[[8, 6], [-1, -1], [7.25, 2.5], [7.5, 0], [1, -0.6]], point_labels=[1] * 5,
        polylines=([[0, 0], [8, 3]],), polyline_labels=[1], boxes=[[-1, 0, 8, 6]], box_labels=[1],
    )  # fmt: skip
    moved = fitted(labels)
    assert moved.points.tolist() == [[7, 5], [0, 0], [7, 2.5], [7, 0], [1, 0]]
    assert moved.polylines[0].tolist() == [[0, 0], [7, 3]]
    assert moved.boxes.tolist() == [[0, 0, 7, 5]]


@pytest.mark.parametrize(('xy', 'border'), [((7.5, 2), (7, 2)), ((3, 5.5), (3, 5)), ((-0.6, 2), (0, 2))])
def test_a_single_coordinate_barely_beyond_the_edge_moves_too(xy, border):
    assert fitted(WeakAnnotations(points=[xy], point_labels=[1])).points.tolist() == [list(border)]


def test_coordinates_inside_are_left_exactly_as_they_are():
    labels = WeakAnnotations(points=[[7.25, 5.25], [-0.4, 3.3]], point_labels=[1, 1])
    assert fitted(labels) is labels


@pytest.mark.parametrize('xy', [(8.01, 0), (0, 6.01), (-1.01, 0), (0, -1.01), (3, 7)])
@pytest.mark.parametrize('kind', ['points', 'scribbles', 'boxes'])
def test_coordinates_further_outside_are_refused(xy, kind):
    if kind == 'points':
        labels = WeakAnnotations(points=[xy], point_labels=[1])
    elif kind == 'scribbles':
        labels = WeakAnnotations(polylines=([[0, 0], xy],), polyline_labels=[1])
    else:
        low, high = np.minimum(xy, 0), np.maximum(xy, 0)
        labels = WeakAnnotations(boxes=[[*low, *high]], box_labels=[1])
    with pytest.raises(
        ValueError, match=rf"f: image 'a', {kind}\[0\]: .* lies outside the image, which is 8 x 6 pixels"
    ):
        fitted(labels)
    fitted(labels, size=None)


def test_twelve_thousand_images_are_checked_within_seconds():
    rng = np.random.default_rng(0)
    images = {
        str(i): ImageEntry(
            str(i), 500, 400, WeakAnnotations(points=rng.uniform(0, 399, (3, 2)), point_labels=[0, 1, 2])
        )
        for i in range(12_000)
    }
    labels = WeakLabelSet(CLASSES, images=images)
    check_numbers(labels, 'f')
    fit_to_images(labels, dict.fromkeys(images, (500, 400)), 'f')
    images['11999'] = ImageEntry('x', 500, 400, WeakAnnotations(points=[[500.5, 1]], point_labels=[1]))
    with pytest.raises(ValueError, match="image '11999'"):
        fit_to_images(labels, dict.fromkeys(images, (500, 400)), 'f')


# ---------------------------------------------------------------- What's the Point


def test_whats_the_point_merges_background_after_the_objects(tmp_path):
    clicks = {'a': [{'x': 1.5, 'y': 2, 'cls': 2, 'rank': 1}, {'x': 3, 'y': 3, 'cls': 1, 'rank': 2}], 'b': []}
    write(tmp_path / 'fg.json', clicks)
    write(tmp_path / 'bg.json', {'a': [{'x': 0, 'y': 0, 'cls': 0}], 'c': [{'x': 1, 'y': 1, 'cls': 0}]})
    source = {'format': 'whats_the_point', 'path': 'fg.json', 'background': 'bg.json'}
    labels = read_labels(source, CLASSES, root=str(tmp_path), img_suffix='.png')
    assert list(labels.images) == ['a', 'b', 'c']
    assert labels.images['a'].file_name == 'a.png'
    assert labels.images['a'].annotations.points.tolist() == [[1.5, 2], [3, 3], [0, 0]]
    assert labels.images['a'].annotations.point_labels.tolist() == [2, 1, 0]
    assert labels.images['b'].annotations.num_labels == 0
    one = read_labels({**source, 'max_rank': 1, 'background': ['bg.json', 'bg.json']}, CLASSES, root=str(tmp_path))
    assert one.images['a'].annotations.point_labels.tolist() == [2, 0, 0]
    assert one.images['a'].file_name == 'a.jpg'


@pytest.mark.parametrize(
    ('data', 'message'),
    [
        ([], 'expected {image_id'),
        ({'a': 3}, "image 'a': expected a list of clicks, got 3"),
        ({'a': [{'x': 1, 'y': 1}]}, "image 'a': click 0: the key 'cls' is missing; expected x, y, cls"),
        ({'a': [{'x': 1, 'y': 1, 'cls': 1.5}]}, r"image 'a': click 0: cls must be a class id \(an integer\), got 1.5"),
        ({'a': [{'x': 1, 'y': 1, 'cls': 3}]}, r"image 'a', points\[0\]: class 3 is not one of the 3 classes"),
    ],
)
def test_whats_the_point_names_what_is_wrong(tmp_path, data, message):
    path = write(tmp_path / 'fg.json', data)
    with pytest.raises(ValueError, match=f'{re.escape(path)}.*{message}'):
        read_labels({'format': 'whats_the_point', 'path': path}, CLASSES)


# ---------------------------------------------------------------- ScribbleSup


SCRIBBLES = (
    '<annotation><size>8,6</size><polygon><tag>{}</tag><point><X>1</X><Y>2</Y></point><point><X>3</X><Y>4</Y></point>'
    '</polygon><polygon><tag>background</tag><point><X>0</X><Y>5</Y></point></polygon></annotation>'
)


def test_scribblesup_reads_polylines_and_short_names(tmp_path):
    for name in ('plane', 'bike', 'table', 'plant', 'monitor', 'sofa'):
        write(tmp_path / f'{name}.xml', SCRIBBLES.format(name))
    labels = read_labels({'format': 'scribblesup', 'path': str(tmp_path)}, VOC_CLASSES)
    entry = labels.images['plane']
    assert (entry.file_name, entry.size) == ('plane.jpg', (8, 6))
    assert [line.tolist() for line in entry.annotations.polylines] == [[[1, 2], [3, 4]], [[0, 5]]]
    firsts = {key: entry.annotations.polyline_labels.tolist() for key, entry in labels.images.items()}
    expected = {'plane': 1, 'bike': 2, 'table': 11, 'plant': 16, 'monitor': 20, 'sofa': 18}
    assert firsts == {name: [label, 0] for name, label in expected.items()}


def test_scribblesup_gives_the_ends_of_the_middle_of_background_scribbles(tmp_path):
    lines = {
        'background': [[(0, 0), (8, 0), (8, 8)], [(3, 3)], [(5, 1), (5, 1), (5, 5)]],
        'cat': [[(1, 1), (9, 9)]],
    }
    text = ''.join(
        f'<polygon><tag>{tag}</tag>' + ''.join(f'<point><X>{x}</X><Y>{y}</Y></point>' for x, y in line) + '</polygon>'
        for tag, group in lines.items()
        for line in group
    )
    (tmp_path / 'a.xml').write_text(f'<annotation><size>20,10</size>{text}</annotation>')
    source = {'format': 'scribblesup', 'path': str(tmp_path), 'background_clicks': 0.5}
    annotations = read_labels(source, VOC_CLASSES).images['a'].annotations
    # Of 16 pixels the middle 8; a dot gives one click.
    assert annotations.points.tolist() == [[4, 0], [8, 4], [3, 3], [5, 2], [5, 4]]
    assert annotations.point_labels.tolist() == [0] * 5
    assert annotations.num_labels == 5
    whole = read_labels({**source, 'background_clicks': 1}, VOC_CLASSES).images['a'].annotations
    assert whole.points.tolist()[:2] == [[0, 0], [8, 8]]
    for share in (0, 1.5):
        with pytest.raises(ValueError, match=rf'background_clicks must be a share in \(0, 1\], got {share}'):
            read_labels({**source, 'background_clicks': share}, VOC_CLASSES)


def test_scribblesup_takes_other_names(tmp_path):
    write(tmp_path / 'a.xml', SCRIBBLES.format('kitty'))
    source = {'format': 'scribblesup', 'path': str(tmp_path), 'names': {'kitty': 'cat'}}
    assert read_labels(source, CLASSES).images['a'].annotations.polyline_labels.tolist() == [1, 0]


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        (SCRIBBLES.format('cta'), r"unknown class 'cta'; did you mean 'cat'\?"),
        ('<annotation>', 'is not XML'),
        (SCRIBBLES.format('cat').replace('8,6', '8x6'), '<size> must be "width,height", got \'8x6\''),
        (SCRIBBLES.format('cat').replace('<X>1', '<X>one'), "<point><X> must be a number, got 'one'"),
        (SCRIBBLES.format(' '), '<polygon> must have a <tag>'),
        ('<annotation><polygon><tag>cat</tag></polygon></annotation>', 'polygon 0 has no <point>'),
    ],
)
def test_scribblesup_names_what_is_wrong(tmp_path, text, message):
    path = write(tmp_path / 'a.xml', text)
    with pytest.raises(ValueError, match=f'{re.escape(path)}.*{message}'):
        read_labels({'format': 'scribblesup', 'path': str(tmp_path)}, CLASSES)


# ---------------------------------------------------------------- index PNG


def save_png(path, values, palette=False):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(np.array(values, dtype=np.uint8))
    if palette:
        image = image.convert('P')
        image.putpalette(list(range(256)) * 3)
        image.frombytes(np.array(values, dtype=np.uint8).tobytes())
    image.save(path)


@pytest.mark.parametrize('palette', [False, True])
def test_index_png_makes_a_point_of_every_labelled_pixel(tmp_path, palette):
    save_png(tmp_path / 'png/sub/a.png', [[255, 1, 255], [0, 255, 2]], palette)
    entry = read_labels({'format': 'index_png', 'path': 'png'}, CLASSES, root=str(tmp_path)).images['sub/a']
    assert (entry.file_name, entry.size) == ('sub/a.jpg', (3, 2))
    assert entry.annotations.points.tolist() == [[1, 0], [0, 1], [2, 1]]
    assert entry.annotations.point_labels.tolist() == [1, 0, 2]


@pytest.mark.parametrize(('unlabelled', 'expected'), [(0, [1, 2]), ((0, 2), [1]), (3, [0, 1, 2])])
def test_index_png_takes_any_unlabelled_value(tmp_path, unlabelled, expected):
    save_png(tmp_path / 'a_scribble.png', [[0, 1, 2] if unlabelled != 3 else [0, 1, 2, 3]])
    source = {'format': 'index_png', 'path': str(tmp_path), 'unlabelled': unlabelled, 'suffix': '_scribble.png'}
    assert read_labels(source, CLASSES).images['a'].annotations.point_labels.tolist() == expected


def test_index_png_names_a_value_that_is_no_class(tmp_path):
    save_png(tmp_path / 'a.png', [[3, 1]])
    with pytest.raises(ValueError, match=r'a.png holds the values \[3\], .* unlabelled=3 \(now 255\)'):
        read_labels({'format': 'index_png', 'path': str(tmp_path)}, CLASSES)


def test_index_png_refuses_colours_text_and_empty_folders(tmp_path):
    source = {'format': 'index_png', 'path': str(tmp_path)}
    with pytest.raises(FileNotFoundError, match="contains no file that ends in '.png'"):
        read_labels(source, CLASSES)
    save_png(tmp_path / 'a.png', np.zeros((2, 2, 3)))
    with pytest.raises(ValueError, match=r"a.png must have one channel of class ids, got mode 'RGB'"):
        read_labels(source, CLASSES)
    write(tmp_path / 'a.png', 'text')
    with pytest.raises(ValueError, match=r'a.png is not an image'):
        read_labels(source, CLASSES)
    with pytest.raises(FileNotFoundError, match='must be a folder, got the file'):
        read_labels({**source, 'path': str(tmp_path / 'a.png')}, CLASSES)


# ---------------------------------------------------------------- VOC XML


BOXES = (
    '<annotation><size><width>8</width><height>6</height><depth>3</depth></size>'
    '<object><name>dog</name><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>8</xmax><ymax>6</ymax></bndbox></object>'
    '<object><name>cat</name><bndbox><xmin>3</xmin><ymin>3</ymin><xmax>3</xmax><ymax>4</ymax></bndbox></object>'
    '</annotation>'
)


def test_voc_xml_counts_pixels_from_zero(tmp_path):
    write(tmp_path / 'a.xml', BOXES)
    source = {'format': 'voc_xml', 'path': str(tmp_path)}
    entry = read_labels(source, CLASSES).images['a']
    assert entry.size == (8, 6)
    assert entry.annotations.boxes.tolist() == [[0, 1, 7, 5], [2, 2, 2, 3]]
    assert entry.annotations.box_labels.tolist() == [2, 1]
    assert entry.annotations.tags is None
    tags = read_labels({**source, 'boxes': False, 'tags': True}, CLASSES).images['a'].annotations
    assert tags.tags == (1, 2)
    assert len(tags.boxes) == 0


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        (BOXES.replace('dog', 'dgo'), "unknown class 'dgo'; did you mean 'dog'"),
        (BOXES.replace('bndbox', 'box'), '<object> must have a <bndbox>'),
        (BOXES.replace('<xmin>3</xmin>', ''), '<bndbox> must have a <xmin>'),
        (BOXES.replace('<xmax>8', '<xmax>0'), r"image 'a', boxes\[0\]: box .* is empty or has swapped corners"),
    ],
)
def test_voc_xml_names_what_is_wrong(tmp_path, text, message):
    write(tmp_path / 'a.xml', text)
    with pytest.raises(ValueError, match=message):
        read_labels({'format': 'voc_xml', 'path': str(tmp_path)}, CLASSES)


def test_voc_xml_with_nothing_to_read_is_refused(tmp_path):
    with pytest.raises(ValueError, match='boxes and tags are both off'):
        read_labels({'format': 'voc_xml', 'path': str(tmp_path), 'boxes': False}, CLASSES)


# ---------------------------------------------------------------- COCO


def coco(tmp_path, **changes):
    square, column = [[1, 1, 4, 1, 4, 3, 1, 3]], [[7, 0, 8, 0, 8, 6, 7, 6]]
    annotations = [
        {'id': 1, 'image_id': 5, 'category_id': 18, 'bbox': [1, 1, 3, 2], 'segmentation': square, 'iscrowd': 0},
        {'id': 2, 'image_id': 5, 'category_id': 17, 'bbox': [6.5, 0, 0.5, 6], 'segmentation': column},
        # columns first: 42 pixels outside, 4 inside, 2 outside
        {'id': 3, 'image_id': 5, 'category_id': 18, 'bbox': [7, 0, 1, 4], 'iscrowd': 1,
         'segmentation': {'size': [6, 8], 'counts': [42, 4, 2]}},
        {'id': 4, 'image_id': 5, 'category_id': 90, 'bbox': [0, 0, 8, 6], 'segmentation': [[0, 0, 8, 0, 8, 6, 0, 6]]},
    ]  # fmt: skip
    names = {17: 'cat', 18: 'dog', 90: 'toothbrush'}
    content = {
        'images': [{'id': i, 'file_name': f'{i:03d}.jpg', 'width': 8, 'height': 6} for i in (5, 6)],
        'annotations': annotations,
        'categories': [{'id': key, 'name': name} for key, name in names.items()],
        **changes,
    }
    write(tmp_path / 'coco.json', json.dumps(content))
    return {'format': 'coco', 'path': str(tmp_path / 'coco.json'), 'only_classes': True}


def test_coco_boxes_end_at_their_last_pixel(tmp_path):
    images = read_labels({**coco(tmp_path), 'tags': True}, CLASSES).images
    assert list(images) == ['005', '006']
    assert images['005'].file_name == '005.jpg'
    assert images['005'].size == (8, 6)
    labels = images['005'].annotations
    assert labels.boxes.tolist() == [[1, 1, 3, 2], [6.5, 0, 6.5, 5]]
    assert labels.box_labels.tolist() == [2, 1]
    assert labels.tags == (1, 2)
    assert len(images['006'].annotations.boxes) == 0


def test_coco_masks(tmp_path):
    images = read_labels({**coco(tmp_path), 'boxes': False, 'masks': str(tmp_path / 'masks')}, CLASSES).images
    assert [key for key, entry in images.items() if entry.annotations.mask_path] == ['005']
    mask = np.array(Image.open(tmp_path / 'masks/005.png'))
    expected = np.zeros((6, 8), dtype=int)
    expected[:4, 7] = 255
    expected[1:3, 1:4] = 2
    expected[:, 7] = 1  # an object wins over the crowd
    assert mask.tolist() == expected.tolist()


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'images': None}, 'expected COCO instance annotations, an object with the lists images, annotations'),
        (
            {'annotations': [{'id': 7, 'image_id': 8, 'category_id': 17}]},
            'annotation 7: image_id 8 and category_id 17 must be ids',
        ),
        ({'annotations': [{'id': 7, 'image_id': 5, 'category_id': 17, 'bbox': [0, 0, -1, 2]}]}, 'no negative side'),
        ({'annotations': [{'id': 7, 'image_id': 5, 'category_id': 17}]}, 'annotation 7: bbox must be'),
        ({'annotations': [{'id': 7, 'image_id': 5, 'category_id': 17, 'bbox': [0, 0, None, 2]}]}, 'be four numbers'),
    ],
)
def test_coco_names_what_is_wrong(tmp_path, changes, message):
    with pytest.raises(ValueError, match=message):
        read_labels(coco(tmp_path, **changes), CLASSES)


def test_coco_with_other_classes_or_nothing_to_read_is_refused(tmp_path):
    source = coco(tmp_path)
    with pytest.raises(ValueError, match="unknown class 'toothbrush'.*only_classes=True leaves out"):
        read_labels({**source, 'only_classes': False}, CLASSES)
    with pytest.raises(ValueError, match='boxes and tags are both off'):
        read_labels({**source, 'boxes': False}, CLASSES)


# ---------------------------------------------------------------- sources


def test_a_list_is_merged_in_order(tmp_path):
    one = canonical(tmp_path, {'file_name': 'a.png', 'points': [{'x': 1, 'y': 1, 'class': 1}]})
    write(tmp_path / 'bg.json', {'a': [{'x': 1, 'y': 1, 'cls': 0}]})
    labels = read_labels([one, {'format': 'whats_the_point', 'path': str(tmp_path / 'bg.json')}])
    assert labels.images['a'].annotations.point_labels.tolist() == [1, 0]
    assert labels.images['a'].file_name == 'a.png'


@pytest.mark.parametrize(
    ('source', 'message'),
    [
        (
            {'format': 'voc_xlm', 'path': 'x'},
            r"unknown weak-label format 'voc_xlm'; did you mean 'voc_xml'\? Choose from",
        ),
        ({'format': 'kitti', 'path': 'x'}, "Choose from 'canonical', 'whats_the_point', 'scribblesup', 'index_png'"),
        ({'format': 'index_png', 'path': 'x', 'unlabeled': 4}, r"no argument 'unlabeled'; did you mean 'unlabelled'\?"),
        ({'format': 'index_png'}, 'needs a path='),
        ({'format': 'voc_xml', 'path': '.'}, r"the format 'voc_xml' does not name its classes: give them as metainfo"),
        ([], 'got an empty list'),
        (3, r'must be a path or dict\(format=..., path=...\), got 3'),
        ([3], 'must be a path or dict'),
    ],
)
def test_a_wrong_source_is_explained(source, message):
    with pytest.raises(ValueError, match=message):
        read_labels(source)


def test_the_readers_are_documented():
    docs = (Path(__file__).parents[2] / 'docs' / 'formats.md').read_text()
    assert [name for name in READERS if f'| `{name}` |' not in docs] == []
    assert {*READERS} == {*FORMATS}


def test_the_example_in_the_docs_is_read(tmp_path):
    docs = Path(__file__).parents[2] / 'docs' / 'formats.md'
    example = re.search(r'```json\n(.*?)```', docs.read_text(), re.DOTALL).group(1)
    entry = read_labels(write(tmp_path / 'w.json', example)).images['field/1']
    assert set(entry.annotations.to_dict()) == {'points', 'scribbles', 'boxes', 'tags', 'mask'}
    with pytest.raises(ValueError, match=re.escape("images[0] ('field/1.jpg'): unknown key 'point'; did you mean")):
        read_labels(write(tmp_path / 'w.json', example.replace('"points":   ', '"point":   ')))


def citypersons(folder, objects):
    path = folder / 'ulm/ulm_000001_gtBboxCityPersons.json'
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({'imgHeight': 20, 'imgWidth': 30, 'objects': objects}))
    return {'format': 'citypersons', 'path': str(folder)}


def test_citypersons_boxes_count_from_zero_and_end_with_the_image(tmp_path):
    objects = [
        {'label': 'pedestrian', 'bbox': [2, 3, 4, 5], 'bboxVis': [2, 3, 4, 2], 'instanceId': 24000},
        {'label': 'rider', 'bbox': [-3, 15, 8, 10], 'bboxVis': [0, 15, 5, 5], 'instanceId': 25000},
        {'label': 'ignore', 'bbox': [1, 1, 2, 2], 'bboxVis': [1, 1, 2, 2], 'instanceId': 0},
        {'label': 'person group', 'bbox': [1, 1, 2, 2], 'bboxVis': [1, 1, 2, 2], 'instanceId': 0},
        {'label': 'sitting person', 'bbox': [40, 1, 2, 2], 'bboxVis': [40, 1, 2, 2], 'instanceId': 0},
    ]
    source = citypersons(tmp_path, objects)
    suffix = '_leftImg8bit.png'
    ((key, entry),) = read_labels(source, ('background', 'person'), img_suffix=suffix).images.items()
    assert key == 'ulm/ulm_000001'
    assert entry.file_name == 'ulm/ulm_000001_leftImg8bit.png'
    assert entry.size == (30, 20)
    assert entry.annotations.boxes.tolist() == [[2, 3, 5, 4], [0, 15, 4, 19]]
    assert entry.annotations.box_labels.tolist() == [1, 1]
    (whole,) = read_labels({**source, 'visible': False}, ('background', 'person')).images.values()
    assert whole.annotations.boxes.tolist() == [[2, 3, 5, 7], [0, 15, 4, 19]]


def test_citypersons_of_several_cities(tmp_path):
    source = citypersons(tmp_path, [{'label': 'rider', 'bboxVis': [0, 15, 5, 5]}])
    (tmp_path / 'bonn').mkdir()
    name = 'ulm/ulm_000001_gtBboxCityPersons.json'
    (tmp_path / name.replace('ulm', 'bonn')).write_text((tmp_path / name).read_text())
    images = read_labels(source, ('background', 'person')).images
    assert [len(entry.annotations.boxes) for entry in images.values()] == [1, 1]


@pytest.mark.parametrize(
    ('objects', 'message'),
    [
        ([{'label': 'rider'}], r"objects\[0\]: the key 'bboxVis' is missing; expected label, bboxVis"),
        (
            [{'label': 'rider', 'bboxVis': [1, 2]}],
            r'bboxVis must be four numbers \[x, y, width, height\], got \[1, 2\]',
        ),
        ([{'bboxVis': [1, 2, 3, 4]}], "the key 'label' is missing"),
        (3, 'objects must be a list, got 3'),
    ],
)
def test_citypersons_names_what_is_wrong(tmp_path, objects, message):
    with pytest.raises(
        ValueError, match=f'ulm_000001_gtBboxCityPersons.json: {"" if objects == 3 else "objects"}'
    ) as e:
        read_labels(citypersons(tmp_path, objects), ('background', 'person'))
    assert re.search(message, str(e.value))
    with pytest.raises(ValueError, match='citypersons gives two classes'):
        read_labels(citypersons(tmp_path, []), ('background', 'person', 'rider'))


CRAID = ('background', 'berry')


def paint(folder, name, size, *points):
    values = np.zeros(size, np.uint8)
    for x, y in points:
        values[y, x] = 1
    folder.mkdir(exist_ok=True)
    Image.fromarray(values).save(folder / f'{name}.png')


def test_craid_points_from_a_table_or_from_pictures(tmp_path):
    (tmp_path / 'points.csv').write_text(
        'filename,count,locations\na.png,2,"[(3.9, 5.2), (0, 1)]"\nb.png,0,[]\n', encoding='utf-8'
    )
    paint(tmp_path / 'back_masks', 'a', (8, 9), (7, 6))
    paint(tmp_path / 'masks', 'a', (8, 9), (3, 5), (0, 1))
    table = {'format': 'craid', 'path': 'points.csv', 'background': 'back_masks'}
    for source, ids in ((table, {'a', 'b'}), ({**table, 'path': 'masks'}, {'a'})):
        images = read_labels(source, CRAID, root=str(tmp_path), img_suffix='.png').images
        assert set(images) == ids
        found = images['a'].annotations
        labelled = zip(found.points.tolist(), found.point_labels.tolist(), strict=True)
        assert sorted(labelled) == [([0, 1], 1), ([3, 5], 1), ([7, 6], 0)]
        assert (images['a'].file_name, images['a'].size) == ('a.png', (9, 8))
    paint(tmp_path / 'both', 'a', (8, 9), (3, 5), (0, 1))
    values = np.asarray(Image.open(tmp_path / 'both/a.png')).copy()
    values[6, 7] = 2
    Image.fromarray(values).save(tmp_path / 'both/a.png')
    both = {'format': 'craid', 'path': 'both', 'background_value': 2}
    found = read_labels(both, CRAID, root=str(tmp_path), img_suffix='.png').images['a'].annotations
    labelled = zip(found.points.tolist(), found.point_labels.tolist(), strict=True)
    assert sorted(labelled) == [([0, 1], 1), ([3, 5], 1), ([7, 6], 0)]
    with pytest.raises(ValueError, match=r'points.csv: background_value is for a folder of painted points'):
        read_labels({**table, 'background_value': 2}, CRAID, root=str(tmp_path))
    alone = read_labels({**table, 'background': None}, CRAID, root=str(tmp_path)).images
    assert alone['a'].annotations.point_labels.tolist() == [1, 1]
    assert not len(alone['b'].annotations.points)


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('name,locations\na.png,[]\n', r"expected the columns filename, locations, got \['name', 'locations'\]"),
        ('', 'expected the columns filename, locations, got None'),
        ('filename,locations\na.png,"[(1, 2"\n', r"line 2: locations must be \[\(x, y\), ...\], got '\[\(1, 2'"),
        ('filename,locations\na.png,"[(1, 2, 3), (4, 5, 6)]"\n', 'line 2: locations must be'),
        ('filename,locations\na.png,"[1, 2]"\n', 'line 2: locations must be'),
        ('filename,locations\na.png\n', 'line 2: expected 2 values, as in the first line'),
        ('filename,locations\na.png,[]\na.png,[]\n', "line 3: 'a.png' already has a row"),
    ],
)
def test_craid_names_what_is_wrong(tmp_path, text, message):
    path = write(tmp_path / 'points.csv', text)
    with pytest.raises(ValueError, match=message):
        read_labels({'format': 'craid', 'path': str(path)}, CRAID)
    with pytest.raises(ValueError, match='craid gives two classes, the background and berries'):
        read_labels({'format': 'craid', 'path': str(path)}, (*CRAID, 'leaf'))
