"""Clicks, lines, boxes and outlines of a tool at the same place are labels of the same pixels."""

import json

import numpy as np
import pytest
from PIL import Image

from mmseg_wsss.datasets.formats import read_labels
from mmseg_wsss.datasets.formats.tool_labels import from_edge
from mmseg_wsss.datasets.transforms import LoadWeakAnnotations, RasterizeWeakAnnotations
from mmseg_wsss.datasets.writers import WRITERS, WriteSettings
from mmseg_wsss.structures import ImageEntry, WeakAnnotations, WeakLabelSet

CLASSES = ('background', 'cat')
WIDTH, HEIGHT = 30, 20
CLICK, LINE = (10.7, 3.2), [(4.9, 12.6), (8.1, 12.6)]
RING = [(10, 3), (11, 3), (11, 4), (10, 4)]


def labelme(folder):
    shapes = [('point', [CLICK]), ('linestrip', LINE), ('polygon', RING)]
    shapes = [{'label': 'cat', 'shape_type': kind, 'points': places} for kind, places in shapes]
    size = {'imageWidth': WIDTH, 'imageHeight': HEIGHT}
    (folder / 'a.json').write_text(json.dumps({'shapes': shapes, 'imagePath': 'a.jpg', **size}))
    return folder


def cvat(folder):
    shapes = [('points', [CLICK]), ('polyline', LINE), ('polygon', RING)]
    text = [f'<{kind} label="cat" points="{";".join(f"{x},{y}" for x, y in ps)}"/>' for kind, ps in shapes]
    image = f'<image name="a.jpg" width="{WIDTH}" height="{HEIGHT}">{"".join(text)}</image>'
    (folder / 'a.xml').write_text(f'<annotations>{image}</annotations>')
    return folder / 'a.xml'


def via(folder):
    def places(kind, at):
        return {'name': kind, 'all_points_x': [x for x, _ in at], 'all_points_y': [y for _, y in at]}

    point = {'name': 'point', 'cx': CLICK[0], 'cy': CLICK[1]}
    shapes = [point, places('polyline', LINE), places('polygon', RING)]
    regions = [{'shape_attributes': shape, 'region_attributes': {'class': 'cat'}} for shape in shapes]
    (folder / 'a.json').write_text(json.dumps({'a.jpg1': {'filename': 'a.jpg', 'regions': regions}}))
    Image.new('RGB', (WIDTH, HEIGHT)).save(folder / 'a.jpg')
    return folder / 'a.json'


def drawn(labels):
    """Return the pixels that a training gets from clicks and lines, without the mask."""
    sample = {'img': np.zeros((HEIGHT, WIDTH, 3), np.uint8), 'ori_shape': (HEIGHT, WIDTH)}
    sample['weak_annotations'] = labels.select(['points', 'scribbles'])
    return RasterizeWeakAnnotations(stroke_width=1)(LoadWeakAnnotations()(sample))['gt_seg_map']


@pytest.mark.parametrize('write', [labelme, cvat, via])
def test_a_click_lies_in_the_outline_around_it(tmp_path, write):
    source = {'format': write.__name__, 'path': str(write(tmp_path)), 'masks': str(tmp_path / 'masks')}
    if write is via:
        source['images'] = str(tmp_path)
    labels = read_labels(source, CLASSES).images['a'].annotations
    with Image.open(labels.mask_path) as mask:
        assert np.argwhere(np.asarray(mask) == 1).tolist() == [[3, 10]]
    assert np.argwhere(drawn(labels) == 1).tolist() == [[3, 10], *([12, column] for column in range(4, 9))]


@pytest.mark.parametrize(('name', 'output'), [('labelme', 'out'), ('cvat', 'out.xml'), ('label_studio', 'out.json')])
def test_a_click_is_written_in_the_middle_of_its_pixel(tmp_path, name, output):
    """The outline of a pixel and its click, as the tool shows them."""
    one = WeakAnnotations(points=[[10, 3]], point_labels=[1], polylines=([[4, 12], [8, 12]],), polyline_labels=[1])
    WRITERS[name].write(
        WeakLabelSet(CLASSES, images={'a': ImageEntry('a.jpg', WIDTH, HEIGHT, one)}),
        tmp_path / output,
        WriteSettings(),
    )
    text = ((tmp_path / output / 'a.json') if name == 'labelme' else tmp_path / output).read_text()
    if name == 'cvat':
        assert 'points="10.5,3.5"' in text
        assert 'points="4.5,12.5;8.5,12.5"' in text
        return
    content = json.loads(text)
    if name == 'labelme':
        assert [shape['points'] for shape in content['shapes']] == [[[4.5, 12.5], [8.5, 12.5]], [[10.5, 3.5]]]
        return
    line, click = (item['value'] for item in content[0]['predictions'][0]['result'])
    assert (click['x'] / 100 * WIDTH, click['y'] / 100 * HEIGHT) == pytest.approx((10.5, 3.5))
    assert line['vertices'][0]['x'] / 100 * WIDTH == pytest.approx(4.5)


@pytest.mark.parametrize(
    ('place', 'expected'), [(0, 0), (30.0, 30), (4 / 30 * 100 * 30 / 100, 4), (10.5, 10), (3.2, 2.7)]
)
def test_integers_count_pixels_and_other_places_are_measured_from_the_edge(place, expected):
    """Both are in the pixel floor(place)."""
    assert from_edge(place) == pytest.approx(expected, abs=1e-12)
    assert np.floor(from_edge(place) + 0.5) == np.floor(place + 1e-6)
