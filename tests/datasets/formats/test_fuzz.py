"""Files of every format with random damage: a reader takes them, or says in one line which file is wrong."""

import json
import random
import re
import shutil
import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from PIL import Image
from pycocotools import mask as coco_mask

from mmseg_wsss.datasets.formats import FORMATS, read_labels, read_named_labels
from mmseg_wsss.datasets.formats.registry import recognised_formats

from .test_label_studio import brush

CLASSES = ('background', 'cat')
PAIR = {'citypersons', 'craid'}
FEW, MANY = 13, 1_300
"""Inputs of each format in the short and in the long test."""

BOX = '<bndbox><xmin>1</xmin><ymin>2</ymin><xmax>8</xmax><ymax>6</ymax></bndbox>'
RING = [[1, 1], [9, 1], [9, 9], [1, 9]]
LABELME_SHAPES = [
    {'label': 'cat', 'points': RING[:count], 'shape_type': kind, 'flags': {}}
    for kind, count in (('point', 1), ('line', 2), ('rectangle', 2), ('circle', 2), ('polygon', 4))
]
LS_SIZE = {'original_width': 40, 'original_height': 20, 'image_rotation': 0}
LS_VALUES = {
    'keypointlabels': {'x': 1, 'y': 2},
    'rectanglelabels': {'x': 1, 'y': 2, 'width': 9, 'height': 9},
    'polygonlabels': {'points': RING},
    'ellipselabels': {'x': 9, 'y': 9, 'radiusX': 2, 'radiusY': 3},
    'brushlabels': {'rle': brush(np.eye(20, 40))},
    'vectorlabels': {'vertices': [{'x': 1, 'y': 2, 'isBezier': False}, {'x': 9, 'y': 9}], 'closed': False},
    'choices': {},
}
LS_RESULTS = [{'type': kind, **LS_SIZE, 'value': {**value, kind: ['cat']}} for kind, value in LS_VALUES.items()]
RUNS = coco_mask.encode(np.asfortranarray(np.eye(6, 8, dtype=np.uint8)))['counts'].decode()
COCO = {
    'images': [{'id': 1, 'file_name': 'a.jpg', 'width': 8, 'height': 6}],
    'categories': [{'id': 1, 'name': 'cat'}],
    'annotations': [
        {'id': 1, 'image_id': 1, 'category_id': 1, 'bbox': [1, 1, 3, 2], 'iscrowd': 0, 'segmentation': shape}
        for shape in (
            [[1, 1, 4, 1, 4, 3, 1, 3]],
            {'size': [6, 8], 'counts': [42, 4, 2]},
            {'size': [6, 8], 'counts': RUNS},
        )
    ],
}
VIA = [
    {'shape_attributes': shape, 'region_attributes': {'class': 'cat'}}
    for shape in (
        {'name': 'point', 'cx': 1, 'cy': 2},
        {'name': 'rect', 'x': 1, 'y': 2, 'width': 3, 'height': 2},
        {'name': 'polygon', 'all_points_x': [1, 5, 5], 'all_points_y': [1, 1, 5]},
        {'name': 'circle', 'cx': 4, 'cy': 3, 'r': 2},
    )
]
CVAT = (
    '<?xml version="1.0" encoding="utf-8"?><annotations><version>1.1</version>'
    '<image id="0" name="a.jpg" width="30" height="20"><box label="cat" xtl="1" ytl="2" xbr="9" ybr="8" z_order="0"/>'
    '<points label="cat" points="1,2;3,4"/><polyline label="cat" points="1,2;3,4"/><tag label="cat"/>'
    '<polygon label="cat" points="1,2;3,4;9,9"/><ellipse label="cat" cx="9" cy="9" rx="2" ry="3"/>'
    '<mask label="cat" rle="1, 3, 2" left="4" top="5" width="3" height="2"/></image>'
    '<track id="0" label="cat"><box frame="3" outside="0" xtl="1" ytl="2" xbr="9" ybr="8"/></track></annotations>'
)
CANONICAL = {
    'version': 1,
    'classes': [{'name': 'background', 'color': [0, 0, 0]}, {'name': 'cat', 'color': [9, 9, 9]}],
    'images': [
        {
            'file_name': 'a.jpg', 'width': 30, 'height': 20, 'points': [{'x': 1, 'y': 2, 'class': 1}],
            'scribbles': [{'points': RING, 'class': 0}], 'boxes': [{'box': [1, 2, 3, 4], 'class': 1}], 'tags': [1],
            'mask': 'm.png',
        },
    ],
}  # fmt: skip
PANOPTIC = {
    **COCO,
    'annotations': [
        {'image_id': 1, 'file_name': 'a.png', 'segments_info': [{'id': 1, 'category_id': 1, 'bbox': [0, 0, 2, 2]}]}
    ],
}
GEO = [
    {
        'type': 'Feature',
        'geometry': {'type': kind, 'coordinates': at},
        'properties': {'classification': {'name': 'cat'}},
    }
    for kind, at in (('Point', [1, 2]), ('LineString', RING), ('Polygon', [RING, RING]), ('MultiPolygon', [[RING]]))
]
# For each format: the file that is damaged, its content, and what else of the source differs from the file itself.
ON_THE_GROUND = [
    {'type': 'Feature', 'properties': {'class': 'cat'}, 'geometry': {'type': kind, 'coordinates': places}}
    for kind, places in (('Point', [8.5, 47.5]), ('Polygon', [[[8.2, 47.2], [8.8, 47.2], [8.5, 47.8], [8.2, 47.2]]]))
]
SOURCES = {
    'canonical': ('w.json', CANONICAL, None),
    'whats_the_point': ('w.json', {'a': [{'x': 1.5, 'y': 2, 'cls': 1, 'rank': 1}], 'b': []}, None),
    'scribblesup': (
        'x/a.xml',
        '<annotation><size>8,6</size><polygon><tag>cat</tag><point><X>1</X><Y>2</Y></point></polygon></annotation>',
        'x',
    ),
    'pseudo_labels': (
        'x/pseudo_labels.json',
        {
            'version': 1,
            'classes': [{'name': 'background', 'color': [0, 0, 0]}, {'name': 'cat', 'color': [9, 0, 0]}],
            'source': {},
            'images': [{'id': 'a', 'file_name': 'a.jpg', 'width': 9, 'height': 9}],
        },
        'x',
    ),
    'index_png': ('x/a.png', np.eye(9, dtype=np.uint8), 'x'),
    'voc_xml': (
        'x/a.xml',
        '<?xml version="1.0" encoding="utf-8"?><annotation><size><width>8</width><height>6</height></size>'
        f'<object><name>cat</name>{BOX}</object></annotation>',
        'x',
    ),
    'citypersons': (
        'x/ulm_gtBboxCityPersons.json',
        {'imgWidth': 30, 'imgHeight': 20, 'objects': [{'label': 'rider', 'bboxVis': [1, 2, 3, 4]}]},
        'x',
    ),
    'craid': ('t.csv', 'filename,locations\na.png,"[(3.9, 5.2), (0, 1)]"\nb.png,[]\n', None),
    'coco': ('w.json', COCO, None),
    'labelme': (
        'x/a.json',
        {'flags': {'cat': True}, 'shapes': LABELME_SHAPES, 'imagePath': 'a.jpg', 'imageHeight': 20, 'imageWidth': 30},
        'x',
    ),
    'cvat': ('w.xml', CVAT, None),
    'label_studio': ('w.json', [{'data': {'image': '/a.jpg'}, 'annotations': [{'result': LS_RESULTS}]}], None),
    'yolo': ('x/labels/a.txt', '0 0.5 0.5 0.2 0.1\n0 0.1 0.1 0.5 0.1 0.5 0.5\n', 'x/labels'),
    'coco_panoptic': ('w.json', PANOPTIC, None),
    'via': ('w.json', {'a.jpg12': {'filename': 'a.jpg', 'size': 12, 'regions': VIA, 'file_attributes': {}}}, None),
    'table_csv': ('t.csv', 'image,class,xmin,ymin,xmax,ymax,width,height\na.jpg,cat,1,2,3,4,30,20\n', None),
    'tags_txt': ('t.txt', 'a.jpg cat\nb.jpg,1\nc.jpg\tcat\n', None),
    'tags_npy': ('t.npy', np.eye(2, 1, dtype=np.uint8), None),
    'qupath': ('x/a.geojson', {'type': 'FeatureCollection', 'features': GEO}, 'x'),
    'points_per_image': ('x/a.csv', 'index,axis-0,axis-1,Class\n0.0,4.5,3.0,cat\n', 'x'),
    'geo': ('g.geojson', {'type': 'FeatureCollection', 'features': ON_THE_GROUND}, None),
    'colour_png': ('x/a.png', np.stack([np.eye(9, dtype=np.uint8)] * 3, axis=2), 'x'),
}
NASTY = (
    None, True, False, 0, -1, 1, 2, 255, 256, 1e9, -1e9, 1e300, 10**30, 10**400, 0.5, float('nan'), float('inf'), '',
    ' ', 'cat', 'background', 'a\0b', '\ud800', '../../a', '/etc/passwd', 'C:\\a.jpg', '1', '1e400', 'nan', [], [[]],
    [1], [1, 2], [[1, 2]], [[[1, 2]]], {}, {'a': 1}, [{}], [None], 'x' * 5000, [0] * 500,
)  # fmt: skip
WORDS = (
    '', '-1', '0', '1', 'nan', 'inf', '-inf', '1e400', '1e30', '9' * 500, 'cat', 'dog', '<', '>', '"', '&x;', '&#0;',
    ',', ';', '\n', '\t', '\0', '\ufeff', '\u8349', '<a>', '</a>', '[', ']', '(', ')', '{', 'true', 'null', '../', '/',
    '<!DOCTYPE a [<!ENTITY x "y">]>', '<?xml version="1.0" encoding="gbk"?>', '\ud800', 'x' * 3000, '[' * 300,
)  # fmt: skip


def places(value, path=()):
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in list(items):
        yield from places(child, (*path, key))


def change_value(content, rng):
    """Replace, remove or double a part of a JSON document."""
    content = json.loads(json.dumps(content))
    path = rng.choice([path for path in places(content) if path] or [()])
    if not path:
        return rng.choice(NASTY)
    parent = content
    for key in path[:-1]:
        parent = parent[key]
    action = rng.randrange(4)
    if action == 0:
        del parent[path[-1]]
    elif action == 1 and isinstance(parent, list):
        parent.append(parent[path[-1]])
    elif action == 2 and isinstance(parent, dict):
        parent[rng.choice([key for key in map(str, NASTY[:30]) if key not in parent])] = rng.choice(NASTY)
    else:
        parent[path[-1]] = rng.choice(NASTY)
    return content


def change_text(text, rng):
    """Replace a word or a number."""
    words = list(re.finditer(r'-?\d+(?:\.\d+)?|\w+|[^\w\s]', text))
    if not words:
        return rng.choice(WORDS)
    word = rng.choice(words)
    return text[: word.start()] + rng.choice(WORDS) + text[word.end() :]


def change_bytes(data, rng):
    """Flip, remove, double or cut off bytes."""
    if not data:
        return bytes(rng.randrange(256) for _ in range(8))
    at, end = sorted((rng.randrange(len(data)), rng.randrange(len(data) + 1)))
    action = rng.randrange(5)
    if action == 0:
        return data[:at]
    if action == 1:
        return data[:at] + data[min(end, at + 40) :]
    if action == 2:
        return data[:at] + data[at:end][:400] + data[at:]
    if action == 3:
        return data[:at] + bytes(rng.randrange(256) for _ in range(rng.randrange(9))) + data[at:]
    return data[:at] + bytes([data[at] ^ (1 << rng.randrange(8))]) + data[at + 1 :]


def picture(values, rng):
    """A picture of another kind, and now and then with other values."""
    mode = rng.choice(['same', 'same', 'P', '1', 'RGBA', 'LA', 'I;16', 'F', 'CMYK'])
    values = values + rng.choice([0, 0, 1, 200])
    if mode in ('I;16', 'F'):
        plain = values if values.ndim == 2 else values[..., 0]
        return Image.fromarray(
            plain.astype(np.uint16 if mode == 'I;16' else np.float32)
        ), 'PNG' if mode != 'F' else 'TIFF'
    image = Image.fromarray(values.astype(np.uint8))
    return (image if mode == 'same' else image.convert(mode)), 'TIFF' if mode == 'CMYK' else 'PNG'


def damaged(content, rng, file):
    """Write a file with one to three faults."""
    if isinstance(content, np.ndarray):
        if file.suffix == '.npy':
            np.save(file, content)
        else:
            image, kind = picture(content, rng)
            image.save(file, format=kind)
        data = file.read_bytes()
        for _ in range(rng.choice([0, 1, 1, 2])):
            data = change_bytes(data, rng)
        file.write_bytes(data)
        return
    steps = rng.choice([1, 1, 2, 3])
    if not isinstance(content, str):
        for _ in range(rng.randrange(steps + 1)):
            content = change_value(content, rng)
        content = json.dumps(content)
    for _ in range(rng.choice([0, 0, 1, 2])):
        content = change_text(content, rng)
    data = content.encode(rng.choice(['utf-8'] * 6 + ['utf-8-sig', 'utf-16', 'utf-32']), errors='surrogatepass')
    for _ in range(rng.choice([0, 0, 0, 1, 2])):
        data = change_bytes(data, rng)
    file.write_bytes(data)


def prepared(root, name):
    """The source of a format in an empty folder, and the file of it that is to be damaged."""
    shutil.rmtree(root, ignore_errors=True)
    file, content, path = SOURCES[name]
    (root / file).parent.mkdir(parents=True)
    source = {'format': name, 'path': str(root / (path or file))}
    if name == 'yolo':
        (root / 'x/images').mkdir()
        Image.new('L', (20, 10)).save(root / 'x/images/a.png')
        (root / 'data.yaml').write_text('names: [cat]\n')
    if name in ('via', 'qupath'):
        Image.new('L', (20, 10)).save(root / 'a.jpg')
        source['images'] = str(root)
    if name == 'geo':
        rasterio = pytest.importorskip('rasterio')
        pytest.importorskip('pyogrio')
        (root / 'tiles').mkdir()
        corner = rasterio.Affine(0.05, 0, 8, 0, -0.05, 48)
        with rasterio.open(
            root / 'tiles/a.tif', 'w', driver='GTiff', width=20, height=20, count=1, dtype='uint8', crs='EPSG:4326',
            transform=corner,
        ) as image:  # fmt: skip
            image.write(np.zeros((1, 20, 20), np.uint8))
        source['images'] = str(root / 'tiles')
    if name == 'coco_panoptic':
        (root / 'w').mkdir()
        Image.new('RGB', (8, 6), (1, 0, 0)).save(root / 'w/a.png')
    if name == 'pseudo_labels':
        (root / 'x/masks').mkdir()
        Image.fromarray(np.eye(9, dtype=np.uint8)).save(root / 'x/masks/a.png')
    if name == 'colour_png':
        (root / 'x/labelmap.txt').write_text('background:0,0,0::\ncat:1,1,1::\n')
    if name == 'tags_npy':
        (root / 'ids.txt').write_text('a\nb\n')
        source['ids'] = str(root / 'ids.txt')
    options = {option.name for option in FORMATS[name].options}
    for option, value in (('masks', str(root / 'masks')), ('tags', True), ('keypoints', True)):
        if option in options:
            source[option] = value
    return source, root / file, content


def try_damage(root, name, rng):
    source, file, content = prepared(root, name)
    damaged(content, rng, file)
    recognised_formats(source['path'])
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        try:
            read_labels(source, CLASSES)
        except (FileNotFoundError, ValueError) as error:
            message = str(error)
        else:
            return True
    assert str(root) in message, message
    assert len(message) < 5000
    assert len(message.splitlines()) == 1, message
    return False


def fuzz(root, name, count):
    taken = []

    @settings(
        max_examples=count,
        deadline=None,
        derandomize=True,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @given(seed=st.integers(0, 2**32))
    def run(seed):
        taken.append(try_damage(root, name, random.Random(seed)))

    run()
    return taken


def test_every_format_is_tried():
    assert {*SOURCES} == {*FORMATS}


@pytest.mark.parametrize('name', FORMATS)
def test_the_files_are_read_before_they_are_damaged(tmp_path, name):
    source, file, content = prepared(tmp_path / 'in', name)
    if file.suffix == '.npy':
        np.save(file, content)
    elif isinstance(content, np.ndarray):
        Image.fromarray(content).save(file)
    else:
        file.write_text(content if isinstance(content, str) else json.dumps(content))
    labels = read_labels(source, CLASSES)
    assert labels.images
    if FORMATS[name].names_classes:
        labels.write(tmp_path / 'given.json')
        read_named_labels(source).write(tmp_path / 'named.json')
        assert (tmp_path / 'named.json').read_text() == (tmp_path / 'given.json').read_text()
    assert all(
        (a := entry.annotations).num_labels or a.mask_path or a.tags for entry in list(labels.images.values())[:1]
    )


@pytest.mark.parametrize('name', FORMATS)
def test_damaged_files_end_in_one_line(tmp_path, name):
    assert len(fuzz(tmp_path / 'in', name, FEW)) >= FEW


@pytest.mark.slow
@pytest.mark.parametrize('name', FORMATS)
def test_many_damaged_files_end_in_one_line(tmp_path, name, capsys):
    taken = fuzz(tmp_path / 'in', name, MANY)
    assert len(taken) >= MANY
    assert 0 < sum(taken) < len(taken)
    with capsys.disabled():
        print(f'{name}: {len(taken)} damaged files, {sum(taken)} read, {len(taken) - sum(taken)} refused')
