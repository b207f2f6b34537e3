"""VIA projects and their annotations exported as JSON."""

import json

import numpy as np
import pytest
from PIL import Image

from mmseg_wsss.datasets.formats import ReadReport, read_labels, recognise_format

CLASSES = ('background', 'crop', 'weed')


def region(name, attributes, **shape):
    return {'shape_attributes': {'name': name, **shape}, 'region_attributes': attributes}


def write(tmp_path, *regions, project=False, **changes):
    entry = {'filename': 'a.jpg', 'size': 1234, 'regions': list(regions), 'file_attributes': {}, **changes}
    content = {'a.jpg1234': {key: value for key, value in entry.items() if value is not ...}}
    if project:
        content = {'_via_settings': {}, '_via_img_metadata': content, '_via_attributes': {'region': {}}}
    (tmp_path / 'via.json').write_text(json.dumps(content))
    (tmp_path / 'images').mkdir(exist_ok=True)
    Image.new('RGB', (30, 20)).save(tmp_path / 'images/a.jpg')
    return tmp_path / 'via.json'


def read(path, report=None, **settings):
    return read_labels({'format': 'via', 'path': str(path), **settings}, CLASSES, report=report)


WEED = {'class_': 'weed'}
SHAPES = (
    region('point', WEED, cx=3, cy=4),
    region('polyline', {'class_': 'crop'}, all_points_x=[1, 5, 5], all_points_y=[1, 5, 9]),
    region('rect', WEED, x=12, y=4, width=8, height=6),
    region('polygon', {'class_': 'crop'}, all_points_x=[2, 6, 6, 2], all_points_y=[3, 3, 8, 8]),
    region('circle', WEED, cx=20, cy=10, r=3),
    region('ellipse', WEED, cx=20, cy=15, rx=1, ry=4, theta=np.pi / 2),
)


def test_outlines_of_a_larger_picture_are_counted(tmp_path):
    """A file of VIA holds no size, so that its shapes may be those of the pictures before they were made smaller."""
    outside = region('polygon', WEED, all_points_x=[32, 50, 50, 32], all_points_y=[3, 3, 8, 8])
    across = region('polygon', WEED, all_points_x=[20, 50, 50, 20], all_points_y=[3, 3, 8, 8])
    circle = region('circle', WEED, cx=40, cy=30, r=3)
    inside = region('polygon', WEED, all_points_x=[0, 30.5, 30.5, 0], all_points_y=[12, 12, 20.5, 20.5])
    report = ReadReport()
    path = write(tmp_path, outside, across, circle, inside)
    found = read(path, report, images=str(tmp_path / 'images'), masks=str(tmp_path / 'm')).images['a'].annotations
    assert np.asarray(Image.open(found.mask_path)).tolist()[3:8] == [[0] * 20 + [2] * 10] * 5
    key = f"{path}: 'a.jpg1234', region"
    assert report.lines() == [
        f'left out: 2 outlines and painted areas that cover no pixel of their image ({key} 0, {key} 2)',
        f'changed: 2 outlines cut off at the edge of their image ({key} 0, {key} 1)',
    ]


@pytest.mark.parametrize('project', [False, True])
def test_every_shape(tmp_path, project):
    path = write(tmp_path, *SHAPES, project=project)
    assert recognise_format(path).name == 'via'
    images = read(path, images=str(tmp_path / 'images'), masks=str(tmp_path / 'm')).images
    found = images['a'].annotations
    assert images['a'].size == (30, 20)
    assert found.points.tolist() == [[3, 4]]
    assert found.point_labels.tolist() == [2]
    assert [line.tolist() for line in found.polylines] == [[[1, 1], [5, 5], [5, 9]]]
    assert found.boxes.tolist() == [[12, 4, 19, 9]]
    expected = np.zeros((20, 30), int)
    expected[3:8, 2:6] = 1
    rows, columns = np.mgrid[:20, :30] + 0.5
    expected[(columns - 20) ** 2 + (rows - 10) ** 2 <= 9] = 2
    expected[((columns - 20) / 4) ** 2 + (rows - 15) ** 2 <= 1] = 2  # turned by a quarter
    assert np.array_equal(np.asarray(Image.open(found.mask_path)), expected)


def test_classes_that_are_ticked_or_missing(tmp_path):
    regions = {
        '0': region('point', {'kind': {'weed': True, 'crop': False}}, cx=1, cy=1),
        '1': region('point', {'kind': {}}, cx=1, cy=1),
        '2': region('point', {}, cx=1, cy=1),
        '3': region('point', {'kind': ' '}, cx=1, cy=1),
        '4': region('sphere', {'kind': 'crop'}),
    }
    report = ReadReport()
    found = read(write(tmp_path, regions=regions), report).images['a']
    assert found.annotations.point_labels.tolist() == [2]
    assert {what: len(names) for what, names in report.left_out.items()} == {
        'regions without a class': 3, "shapes of the type 'sphere'": 1,
    }  # fmt: skip
    two = region('point', {'kind': 'weed', 'who': 'me'}, cx=1, cy=1)
    with pytest.raises(
        ValueError, match="region 0: the region has the attributes 'kind', 'who': --attribute NAME says"
    ):
        read(write(tmp_path, two))
    assert read(write(tmp_path, two), attribute='kind').images['a'].annotations.point_labels.tolist() == [2]


@pytest.mark.parametrize(
    ('regions', 'changes', 'message'),
    [
        ([region('point', {'c': 'wede'}, cx=1, cy=1)], {}, "region 0: unknown class 'wede'; did you mean 'weed'"),
        ([region('point', WEED, cx=1)], {}, "region 0: the key 'cy' is missing"),
        ([region('point', WEED, cx='1', cy=1)], {}, "cx must be a finite number, got '1'"),
        ([region('polygon', WEED, all_points_x=[1], all_points_y=[])], {}, 'must be as long, got 1 and 0'),
        ([region('point', {'c': 3}, cx=1, cy=1)], {}, 'the class must be a text, got 3'),
        ([region('point', {'c': {'crop': True, 'weed': True}}, cx=1, cy=1)], {}, "have one class, got 'crop', 'weed'"),
        ([{'shape_attributes': {}}], {}, "the key 'region_attributes' is missing"),
        ([region('polygon', WEED, all_points_x=[1, 2, 2], all_points_y=[1, 1, 2])], {}, 'width and height are missing'),
        ([], {'filename': ...}, "the key 'filename' is missing; expected filename, regions"),
        ([], {'regions': 'a'}, "regions must be a list, got 'a'"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, regions, changes, message):
    with pytest.raises(ValueError, match=f"via.json: 'a.jpg1234'.*{message}"):
        read(write(tmp_path, *regions, **changes), masks=str(tmp_path / 'm'))


def test_a_folder_without_any_of_the_images(tmp_path):
    path = write(tmp_path, region('point', WEED, cx=1, cy=2))
    with pytest.raises(FileNotFoundError, match='none of the 1 images of .*via.json is in .*elsewhere: check --images'):
        read(path, images=str(tmp_path / 'elsewhere'))


def test_an_attribute_that_no_region_has(tmp_path):
    two = region('point', {'kind': 'weed', 'hidden': 'no'}, cx=1, cy=2)
    path = write(tmp_path, two, file_attributes={'scene': 'field'})
    report = ReadReport()
    assert read(path, report, attribute='kind').images['a'].annotations.point_labels.tolist() == [2]
    assert list(report.left_out) == ['attributes of images, not of regions']
    with pytest.raises(ValueError, match="via.json: no region has the attribute 'kinds'; did you mean 'kind'"):
        read(path, attribute='kinds')
