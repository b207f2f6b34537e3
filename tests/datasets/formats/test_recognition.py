"""Each format is told from the others by its files, and no file on a disk stops the look at it."""

import json
import os

import numpy as np
import pytest
from PIL import Image

from mmseg_wsss.datasets.formats import FORMATS, ReadReport, recognise_format

BOX = '<bndbox><xmin>1</xmin><ymin>2</ymin><xmax>8</xmax><ymax>6</ymax></bndbox>'
TEXTS = {
    'canonical': ('w.json', '{"version": 1, "classes": [{"name": "a"}], "images": []}'),
    'whats_the_point': ('clicks.json', '{"a": [{"x": 1, "y": 2, "cls": 0}]}'),
    'coco': ('in.json', '{"images": [{"id": 1, "file_name": "a.jpg"}], "annotations": [], "categories": []}'),
    'craid': ('train.csv', 'filename,locations\na.png,[]\n'),
    'scribblesup': (
        'x/a.xml',
        '<!-- a --><annotation><polygon><tag>b</tag><point><X>1</X></point></polygon></annotation>',
    ),
    'voc_xml': ('x/a.XML', f'<?xml version="1.0"?>\n<annotation><object><name>a</name>{BOX}</object></annotation>'),
    'labelme': ('a.json', '{"version": "5", "flags": {}, "shapes": [], "imagePath": "a.jpg", "imageData": null}'),
    'cvat': ('x.xml', '<annotations><version>1.1</version><image id="0" name="a.jpg"/></annotations>'),
    'label_studio': ('a.json', '[{"id": 1, "annotations": [{"result": []}], "data": {"image": "a.jpg"}}]'),
    'yolo': ('x/a.txt', '0 0.5 0.5 0.1 0.2\n1 0.1 0.1 0.2 0.1 0.2 0.2\n'),
    'coco_panoptic': (
        'a.json',
        '{"images": [{"id": 1, "file_name": "a"}], "annotations": [{"segments_info": []}], "categories": []}',
    ),
    'via': ('a.json', '{"a.jpg12": {"filename": "a.jpg", "size": 12, "regions": [], "file_attributes": {}}}'),
    'pseudo_labels': ('x/pseudo_labels.json', '{"version": 1, "classes": [], "images": []}'),
    'qupath': (
        'x/a.geojson',
        '{"type": "FeatureCollection", "features": [{"geometry": {"coordinates": [1, 2]}, "properties": {}}]}',
    ),
    'points_per_image': ('x/a.csv', 'index,axis-0,axis-1\n'),
    'tags_txt': ('a.txt', 'a.jpg weed\n'),
    'table_csv': ('a.csv', 'filename;Class;x;y\n'),
    'geo': ('a.gpkg', 'SQLite format 3\0'),
    'citypersons': ('x/ulm/u_gtBboxCityPersons.json', '{"objects": [{"bboxVis": [1, 2, 3, 4]}]}'),
}


def place(tmp_path, name):
    """The path of a source of this format."""
    if name == 'index_png':
        (tmp_path / 'masks').mkdir()
        Image.fromarray(np.eye(9, dtype=np.uint8)).save(tmp_path / 'masks/a.png')
        return tmp_path / 'masks'
    if name == 'colour_png':
        (tmp_path / 'masks').mkdir()
        Image.new('RGB', (9, 9), (64, 0, 128)).save(tmp_path / 'masks/a.png')
        return tmp_path / 'masks'
    if name == 'tags_npy':
        np.save(tmp_path / 'tags.npy', np.eye(3))
        return tmp_path / 'tags.npy'
    file, text = TEXTS[name]
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / file).write_text(text)
    return tmp_path / file.split('/')[0]


@pytest.mark.parametrize('name', FORMATS)
def test_each_format_is_found_and_no_other(tmp_path, name):
    assert recognise_format(place(tmp_path, name)).name == name


@pytest.mark.parametrize('encoding', ['utf-8-sig', 'utf-16'])
def test_marks_of_the_encoding_are_read(tmp_path, encoding):
    path = tmp_path / 'w.json'
    path.write_text(TEXTS['coco'][1], encoding=encoding)
    assert recognise_format(path).name == 'coco'


def test_large_files_are_told_by_their_ends(tmp_path):
    images = [{'id': i, 'file_name': f'{i}.jpg'} for i in range(30_000)]
    path = tmp_path / 'w.json'
    path.write_text(json.dumps({'images': images, 'annotations': [], 'categories': []}))
    assert path.stat().st_size > 2 * 256 * 1024
    assert recognise_format(path).name == 'coco'


def test_large_files_that_do_not_begin_with_their_images(tmp_path):
    """The keys of one are sorted; in the other, the name of the image is between many shapes and a picture."""
    images = [{'id': i, 'file_name': f'{i}.jpg'} for i in range(30_000)]
    annotations = [{'id': i, 'image_id': i, 'category_id': 1, 'bbox': [1, 2, 3, 4]} for i in range(30_000)]
    coco = {'annotations': annotations, 'categories': [], 'images': images}
    shapes = [{'label': 'a', 'points': [[1, 2]], 'shape_type': 'point'}] * 30_000
    labelme = {'version': '5.5.0', 'shapes': shapes, 'imagePath': 'a.jpg', 'imageData': 'A' * 600_000, 'imageWidth': 9}
    for name, content in (('coco', coco), ('labelme', labelme)):
        (tmp_path / f'{name}.json').write_text(json.dumps(content))
        assert recognise_format(tmp_path / f'{name}.json').name == name


def test_geojson_of_maps_and_of_qupath(tmp_path):
    for name, properties in (('geo', {'class': 'weed'}), ('qupath', {'objectType': 'annotation'})):
        feature = {
            'type': 'Feature',
            'geometry': {'type': 'Point', 'coordinates': [11.5, 48.1]},
            'properties': properties,
        }
        (tmp_path / 'a.geojson').write_text(json.dumps({'type': 'FeatureCollection', 'features': [feature]}))
        assert recognise_format(tmp_path / 'a.geojson').name == name


def test_nothing_stops_the_look(tmp_path):
    (tmp_path / 'photos').mkdir()
    Image.fromarray(np.arange(256, dtype=np.uint8).reshape(16, 16)).save(tmp_path / 'photos/grey.png')
    (tmp_path / 'noise').write_bytes(os.urandom(1000))
    (tmp_path / 'empty').write_bytes(b'')
    (tmp_path / 'broken').mkdir()
    (tmp_path / 'broken/a.png').write_bytes(b'\x89PNG\r\n\x1a\n')
    (tmp_path / 'deep.json').write_text('[' * 100_000)
    (tmp_path / 'loop').symlink_to(tmp_path / 'loop')
    os.mkfifo(tmp_path / 'broken/pipe.xml')
    os.mkfifo(tmp_path / 'pipe')
    for name in ('photos', 'noise', 'empty', 'broken', 'deep.json', 'loop', 'pipe', 'a' * 300, 'nul\0'):
        assert [known.name for known in FORMATS.values() if known.recognise(tmp_path / name)] == [], name
    with pytest.raises(ValueError, match=r'photos looks like no format: name its format, one of canonical, whats'):
        recognise_format(tmp_path / 'photos')
    with pytest.raises(FileNotFoundError, match='the label file or folder not found'):
        recognise_format(tmp_path / 'missing')


def test_a_file_in_a_folder_is_named(tmp_path):
    file = place(tmp_path, 'coco')
    with pytest.raises(
        ValueError, match=f'looks like no format, but {file} looks like coco; give its path, or: name its'
    ):
        recognise_format(tmp_path)


def test_two_formats_in_one_folder_are_named(tmp_path):
    place(tmp_path, 'voc_xml')
    place(tmp_path, 'scribblesup')
    with pytest.raises(ValueError, match='looks like scribblesup and like voc_xml: name its format'):
        recognise_format(tmp_path / 'x')


def test_a_report_counts_and_names():
    report = ReadReport()
    for number in range(4):
        report.leave_out('crowd annotations', f'annotation {number}')
    report.change('boxes cut off', 'a.jpg')
    assert report.lines() == [
        'left out: 4 crowd annotations (annotation 0, annotation 1, annotation 2, ..)',
        'changed: 1 boxes cut off (a.jpg)',
    ]
    assert report.to_dict()['left_out'] == {
        'crowd annotations': {'count': 4, 'names': [f'annotation {number}' for number in range(4)]}
    }
