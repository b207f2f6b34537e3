"""Label Studio's export as JSON: coordinates in percent, brushes as packed bits."""

import base64
import json

import numpy as np
import pytest
from PIL import Image

from mmseg_wsss.datasets.formats import ReadReport, read_labels, recognise_format

CLASSES = ('background', 'crop', 'weed')
IN_BUCKET = base64.b64encode(b's3://bucket/field/a%201.jpg').decode()
SIZE = {'original_width': 40, 'original_height': 20, 'image_rotation': 0}


def result(kind, name, **value):
    values = {**value, kind: [name] if isinstance(name, str) else name}
    return {'id': 'Dx', 'type': kind, 'from_name': 'label', 'to_name': 'image', **SIZE, 'value': values}


def task(*results, image='/data/upload/1/0a1b2c3d-a.jpg', **more):
    annotation = {'id': 7, 'completed_by': 1, 'was_cancelled': False, 'result': list(results)}
    return {'id': 1, 'data': {'image': image}, 'annotations': [annotation], 'predictions': [], **more}


def write(tmp_path, *tasks):
    path = tmp_path / 'project-1.json'
    path.write_text(json.dumps(list(tasks)))
    return path


def read(path, report=None, **settings):
    return read_labels({'format': 'label_studio', 'path': str(path), **settings}, CLASSES, report=report)


def packed(values, width=8):
    """Numbers as Label Studio packs them: a run of equal ones, or up to four that are written out."""
    bits = f'{len(values):032b}{width - 1:05b}' + ''.join(f'{n - 1:04b}' for n in (3, 4, 8, 16))
    at = 0
    while at < len(values):
        end = at
        while end < len(values) and values[end] == values[at]:
            end += 1
        if end - at > 2:
            bits += f'1{3:02b}{end - at - 1:016b}{values[at]:0{width}b}'
        else:
            end = min(at + 2, len(values))
            bits += f'0{0:02b}{end - at - 1:03b}' + ''.join(f'{value:0{width}b}' for value in values[at:end])
        at = end
    bits += '0' * (-len(bits) % 8)
    return [int(bits[i : i + 8], 2) for i in range(0, len(bits), 8)]


def brush(area):
    alpha = np.zeros((*area.shape, 4), int)
    alpha[..., 3] = area * 255
    return packed(alpha.ravel().tolist())


def test_every_region(tmp_path):
    area = np.zeros((20, 40), bool)
    area[3:9, 11:20] = area[15, 2] = area[15, 4] = True
    path = write(
        tmp_path,
        task(
            result('keypointlabels', 'weed', x=10.0, y=20.0, width=0.5),
            result('rectanglelabels', 'crop', x=25, y=50, width=50, height=25, rotation=0),
            result('polygonlabels', 'weed', points=[[50, 0], [75, 0], [75, 25], [50, 25]], closed=True),
            result('brushlabels', 'crop', format='rle', rle=brush(area)),
            result('ellipselabels', 'weed', x=80, y=80, radiusX=5, radiusY=10, rotation=0),
            result('choices', ['weed', 'crop']),
        ),
        task(image='s3://bucket/field/b%20c.png?a=b'),
        task(image='/data/local-files/?d=field/0a1b2c3d-d.png'),
    )
    assert recognise_format(path).name == 'label_studio'
    images = read(path, masks=str(tmp_path / 'm')).images
    assert [entry.file_name for entry in images.values()] == ['a.jpg', 'b c.png', '0a1b2c3d-d.png']
    found = images['a'].annotations
    assert images['a'].size == (40, 20)
    assert found.points.tolist() == [[4, 4]]
    assert found.point_labels.tolist() == [2]
    assert found.boxes.tolist() == [[10, 10, 29, 14]]
    assert found.tags == (1, 2)
    expected = np.zeros((20, 40), int)
    expected[:5, 20:30] = 2
    expected[area] = 1
    rows, columns = np.mgrid[:20, :40] + 0.5
    expected[((columns - 32) / 2) ** 2 + ((rows - 16) / 2) ** 2 <= 1] = 2
    assert np.array_equal(np.asarray(Image.open(found.mask_path)), expected)
    assert images['b c'].size is None


def test_choices_for_a_region_are_not_tags_and_uploads_have_names(tmp_path):
    """As in data_polygons.json of the tests of label-studio-converter."""
    places = {'points': [[1, 1], [9, 1], [9, 9]]}
    of_region = result('choices', 'uncertain', **places)
    item = task(result('polygonlabels', 'crop', **places), of_region, image='/image2', file_upload='e97d4735-25.jpg')
    report = ReadReport()
    (entry,) = read(write(tmp_path, item), report, masks=str(tmp_path / 'm')).images.values()
    assert (entry.file_name, entry.annotations.tags) == ('25.jpg', None)
    assert list(report.left_out) == ['choices for a region, not for the image']


def test_plain_regions_have_labels_of_their_own(tmp_path):
    item = result('rectangle', 'crop', x=25, y=50, width=50, height=25)
    item['value']['labels'] = item['value'].pop('rectangle')
    assert read(write(tmp_path, task(item))).images['a'].annotations.box_labels.tolist() == [1]


def test_what_is_left_out_or_merged_is_counted(tmp_path):
    box = {'x': 25, 'y': 50, 'width': 50, 'height': 25}
    cancelled = {'result': [result('rectanglelabels', 'crop', **box)], 'was_cancelled': True}
    second = {'result': [result('rectanglelabels', 'crop', **box)]}
    first = task(
        result('rectanglelabels', 'crop', **box, rotation=30),
        result('rectanglelabels', [], **box),
        result('textarea', 'crop'),
        result('polygonlabels', 'crop', points=[[1, 1], [2, 2], [1, 2]]),
        result('keypointlabels', ['crop', 'weed'], x=1, y=1),
    )
    first['annotations'] += [cancelled, second]
    guessed = {'id': 2, 'data': {'image': 'b.jpg'}, 'annotations': [], 'predictions': [second]}
    report = ReadReport()
    found = read(write(tmp_path, first, guessed), report).images['a'].annotations
    assert (len(found.boxes), found.point_labels.tolist()) == (1, [1])
    assert {what: len(names) for what, names in report.left_out.items()} == {
        'annotations that were cancelled': 1,
        'predictions of tasks without annotations (--predictions reads them)': 1,
        'regions that are turned': 1,
        'regions without a class': 1,
        "results of the type 'textarea'": 1,
        'outlines and painted areas (--masks DIR writes them)': 1,
    }
    assert {what: len(names) for what, names in report.changed.items()} == {
        'images with several annotations, merged': 1,
        'regions of several classes, of which the first counts': 1,
    }


def brushed(data):
    return task(result('brushlabels', 'crop', rle=data))


@pytest.mark.parametrize(
    ('item', 'message'),
    [
        (brushed(brush(np.ones((20, 39), bool))), 'it states 3120 values, and the image has 3200'),
        (brushed(brush(np.eye(20, 40))[:-3]), 'rle is not the packed picture of a brush: it ends after'),
        (brushed([0, 0, 12]), 'it ends after 3 bytes'),
        (brushed([0, 0, 12, 256]), 'rle must be a list of integers in 0..255'),
        (brushed('abc'), "rle must be a list of integers in 0..255, got 'abc'"),
        (brushed(packed([0] * 3200)[:8] + [255] * 99), r'a run ends at \d+ of 3200 values'),
        (task(result('rectanglelabels', 'crop', x=1, y=1, width=1)), "the key 'height' is missing"),
        (task(result('rectanglelabels', 'crop', x='1', y=1, width=1, height=1)), "x must be a finite number, got '1'"),
        (task(result('rectanglelabels', 'corp', x=1, y=1, width=1, height=1)), "unknown class 'corp'; did you mean"),
        (task(result('keypointlabels', [7], x=1, y=1)), 'expected the name of a class, got 7'),
        (task(result('polygonlabels', 'crop', points=[[1, 2], 3])), r'points must be a list of places \[x, y\], got 3'),
        (task({'type': 'choices', 'value': {'choices': 'weed'}}), "choices must be a list, got 'weed'"),
        (task({'type': 'choices'}), 'value: expected an object with the keys choices, got None'),
        (task({'value': {}}), "result 0: the key 'type' is missing"),
        (task(image=None), 'data.image must be the address of an image, got None'),
        (task(image='http://['), "data.image is not an address: 'http://"),
        (task(image='s3://bucket/'), "data.image must be a path below the image folder, got ''"),
        (task(data={'text': 'a'}), 'task 1: data has no key "image", but \'text\': --image-key KEY says'),
        (task(data={'a': 'x.png', 'b': 'y.png'}), "data has no key \"image\", but 'a', 'b': --image-key KEY says"),
        (task(data=3), 'task 1: data'),
        (task(annotations={}), 'annotations must be a list, got {}'),
        ({'image': 'a.jpg', 'label': []}, "the key 'data' is missing; expected data, annotations"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, item, message):
    with pytest.raises(ValueError, match=f'project-1.json: .*{message}'):
        read(write(tmp_path, item), masks=str(tmp_path / 'm'))


def test_regions_without_the_size_of_the_image_are_refused(tmp_path):
    item = result('keypointlabels', 'crop', x=1, y=1)
    del item['original_width']
    with pytest.raises(ValueError, match=r'result 0 \(original_width, original_height\): width and height are missing'):
        read(write(tmp_path, task(item)))
    other = {**result('keypointlabels', 'crop', x=1, y=1), 'original_width': 41}
    with pytest.raises(ValueError, match='task 1: the results have several sizes of the image'):
        read(write(tmp_path, task(result('keypointlabels', 'crop', x=1, y=1), other)))


def test_vectors_are_scribbles_and_closed_ones_areas(tmp_path):
    corners = [(25, 50), (75, 50), (75, 75), (25, 75)]
    vertices = [{'id': f'v{i}', 'x': x, 'y': y, 'isBezier': False} for i, (x, y) in enumerate(corners)]
    path = write(
        tmp_path,
        task(
            result('vectorlabels', 'weed', vertices=vertices[:2], closed=False),
            result('vectorlabels', 'crop', vertices=vertices, closed=True),
            result('polygonlabels', '__ignore__', points=[[0, 0], [50, 0], [50, 50], [0, 50]], closed=True),
            result('keypointlabels', '__ignore__', x=1, y=1),
        ),
    )
    report = ReadReport()
    found = read(path, report, masks=str(tmp_path / 'm')).images['a'].annotations
    assert [line.tolist() for line in found.polylines] == [[[10, 10], [30, 10]]]
    assert found.polyline_labels.tolist() == [2]
    expected = np.zeros((20, 40), int)
    expected[10:15, 10:30] = 1
    expected[:10, :20] = 255
    assert np.array_equal(np.asarray(Image.open(found.mask_path)), expected)
    assert list(report.left_out) == ['shapes named __ignore__ that are not areas']
    with pytest.raises(ValueError, match='result 0: the key .vertices. is missing'):
        read(write(tmp_path, task(result('vectorlabels', 'weed', closed=False))))


def test_the_only_picture_of_a_task_is_its_image(tmp_path):
    data = {'id': 'q.1', 'shot': 's3://bucket/b.JPG?x=1', 'n': 3}
    assert list(read(write(tmp_path, task(data=data))).images) == ['b']
    both = write(tmp_path, task(data={**data, 'image': 'a.png'}))
    assert list(read(both).images) == ['a']
    assert list(read(both, image_key='shot').images) == ['b']
    plain = write(tmp_path, task(data={**data, 'image': 'https://a.example/c'}))
    assert list(read(plain).images) == ['c']


def test_drafts_are_counted(tmp_path):
    path = tmp_path / 'drafts.json'
    path.write_text(json.dumps([{'data': {'image': 'a.jpg'}, 'annotations': [], 'drafts': [{'result': []}]}]))
    report = ReadReport()
    read_labels({'format': 'label_studio', 'path': str(path)}, CLASSES, report=report)
    assert list(report.left_out) == ['drafts that were not submitted']


def test_the_class_of_a_region_that_is_left_out_is_a_tag(tmp_path):
    regions = (
        result('rectanglelabels', 'crop', x=25, y=50, width=50, height=25, rotation=30),
        result('brushlabels', 'weed', format='rle', rle=brush(np.ones((20, 40), bool))),
    )
    report = ReadReport()
    found = read(write(tmp_path, task(*regions)), report, tags=True).images['a'].annotations
    assert (found.tags, found.num_labels) == ((1, 2), 0)
    assert [*report.left_out] == ['regions that are turned', 'outlines and painted areas (--masks DIR writes them)']


@pytest.mark.parametrize(
    ('address', 'name'),
    [
        ('/label-studio/data/upload/4/3b051792-frame_000100.png', 'frame_000100.png'),
        ('http://localhost:8080/data/upload/4/3b051792-a.png', 'a.png'),
        (f'/tasks/1/resolve/?fileuri={IN_BUCKET}', 'a 1.jpg'),
        (f'https://labels.example/tasks/9/presign/?fileuri={IN_BUCKET}', 'a 1.jpg'),
        ('s3://bucket/field/3b051792-a.png', '3b051792-a.png'),
    ],
)
def test_addresses_of_pictures(tmp_path, address, name):
    """The first is that of HumanSignal/label-studio-sdk#575, a server below a path."""
    item = task(result('keypointlabels', 'weed', x=10.0, y=20.0), image=address)
    assert [entry.file_name for entry in read(write(tmp_path, item)).images.values()] == [name]


@pytest.mark.parametrize(
    ('address', 'message'),
    [
        ('data:image/png;base64,iVBORw0KGgoAAA/Xy==', r'task 1: data.image is a picture in base 64 .*--image-key KEY'),
        ('/tasks/1/resolve/?fileuri=a', "task 1: data.image is not an address: '/tasks/1/resolve/"),
    ],
)
def test_addresses_without_a_name(tmp_path, address, message):
    """HumanSignal/label-studio#5875."""
    with pytest.raises(ValueError, match=message):
        read(write(tmp_path, task(image=address)))


def test_two_pictures_of_a_task(tmp_path):
    """The regions of both were drawn on the first."""
    first, second = (
        {**result('rectanglelabels', name, x=25, y=50, width=50, height=25), 'to_name': picture}
        for name, picture in (('crop', 'left'), ('weed', 'right'))
    )
    path = write(tmp_path, {**task(first, second), 'data': {'left': 'a.jpg', 'right': 'b.jpg'}})
    report = ReadReport()
    found = read(path, report, image_key='right').images['b'].annotations
    assert found.box_labels.tolist() == [2]
    assert report.lines() == [
        "left out: 1 regions on other pictures of a task than 'right' "
        f'({path}: task 1, annotation 0, result 0)'
    ]  # fmt: skip
    path.write_text(path.read_text().replace('"to_name": "right"', '"to_name": "img2"'))
    with pytest.raises(ValueError, match="several pictures, 'left', 'img2', and none .* as the key 'right' of data"):
        read(path, image_key='right')


def test_a_bitmask_is_counted_and_its_class_is_a_tag(tmp_path):
    report = ReadReport()
    item = result('bitmasklabels', 'weed', imageDataURL='data:image/png;base64,iVBORw0KGgo=')
    assert read(write(tmp_path, task(item)), report, tags=True).images['a'].annotations.tags == (2,)
    assert [*report.left_out] == ["results of the type 'bitmasklabels'"]
