"""CVAT XML 1.1 as the tool writes it: images with every shape, and tracks of a video."""

import numpy as np
import pytest
from PIL import Image

from mmseg_wsss.datasets.formats import ReadReport, read_labels, recognise_format

CLASSES = ('background', 'car', 'road')
HEAD = (
    '<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n  <version>1.1</version>\n  <meta><task><id>4</id>'
    '<name>street</name><labels><label><name>car</name><attributes></attributes></label></labels>'
    '<original_size><width>30</width><height>20</height></original_size></task></meta>\n'
)


def image(*shapes, name='sub/a.jpg', size='width="30" height="20"'):
    return f'<image id="0" name="{name}" {size}>{"".join(shapes)}</image>'


def write(tmp_path, *items):
    (tmp_path / 'annotations.xml').write_text(f'{HEAD}{"".join(items)}</annotations>')
    return tmp_path / 'annotations.xml'


def read(path, report=None, **settings):
    return read_labels({'format': 'cvat', 'path': str(path), **settings}, CLASSES, report=report)


BOX = (
    '<box label="car" source="manual" occluded="0" xtl="3.00" ytl="4.00" xbr="20.00" ybr="12.50" z_order="0">'
    '<attribute name="model">a</attribute></box>'
)
MASK = (
    '<mask label="road" source="manual" occluded="0" rle="1, 3, 2" left="4" top="5" width="3" height="2" z_order="1"/>'
)


def test_every_shape_of_an_image(tmp_path):
    path = write(
        tmp_path,
        image(
            MASK,
            BOX,
            '<points label="car" occluded="0" points="3.50,4.25;10,11" z_order="0"/>',
            '<polyline label="road" points="1,1;5,5;5,9"/>',
            '<polygon label="car" points="2,3;6,3;6,8;2,8" z_order="0"/>',
            '<ellipse label="road" cx="20" cy="10" rx="3" ry="2"/>',
            '<tag label="road" source="manual"/>',
        ),
        image(name='b.jpg', size=''),
    )
    assert recognise_format(path).name == 'cvat'
    images = read(path, masks=str(tmp_path / 'm')).images
    assert {key: (entry.file_name, entry.size) for key, entry in images.items()} == {
        'sub/a': ('sub/a.jpg', (30, 20)), 'b': ('b.jpg', None),
    }  # fmt: skip
    found = images['sub/a'].annotations
    assert found.points.tolist() == [[3, 3.75], [10, 11]]
    assert found.point_labels.tolist() == [1, 1]
    assert [line.tolist() for line in found.polylines] == [[[1, 1], [5, 5], [5, 9]]]
    assert found.boxes.tolist() == [[3, 4, 19, 11.5]]
    assert found.tags == (2,)
    expected = np.zeros((20, 30), int)
    expected[3:8, 2:6] = 1
    rows, columns = np.mgrid[:20, :30] + 0.5
    expected[((columns - 20) / 3) ** 2 + ((rows - 10) / 2) ** 2 <= 1] = 2
    expected[5, 5:7] = expected[6, 4] = 2  # of a higher z_order: one outside, three inside, row by row
    assert np.array_equal(np.asarray(Image.open(found.mask_path)), expected)


def test_what_is_left_out_is_counted(tmp_path):
    shapes = (
        MASK,
        BOX.replace('z_order', 'rotation="30.00" z_order'),
        '<cuboid label="car" xtl1="1"/>',
        '<skeleton label="car"/>',
        BOX.replace('car', 'tree'),
    )
    report = ReadReport()
    assert read(write(tmp_path, image(*shapes)), report, only_classes=True).images['sub/a'].annotations.num_labels == 0
    assert {what: len(names) for what, names in report.left_out.items()} == {
        'outlines and painted areas (--masks DIR writes them)': 1,
        'boxes that are turned': 1,
        'shapes of the type <cuboid>': 1,
        'shapes of the type <skeleton>': 1,
        "of the class 'tree', which is not in the list": 1,
    }


def test_tracks_of_a_video(tmp_path):
    box = BOX.replace('label="car" ', '')
    track = (
        '<track id="0" label="car" source="manual">'
        + box.replace('source', 'frame="0" keyframe="1" outside="0" source')
        + box.replace('source', 'frame="7" keyframe="1" outside="1" source')
        + '</track><track id="1" label="road"><polygon frame="7" outside="0" points="2,3;6,3;6,8;2,8"/></track>'
    )
    images = read(write(tmp_path, track), masks=str(tmp_path / 'm'), img_suffix='.png').images
    assert [entry.file_name for entry in images.values()] == ['frame_000000.png', 'frame_000007.png']
    assert images['frame_000000'].annotations.boxes.tolist() == [[3, 4, 19, 11.5]]
    assert images['frame_000000'].size == (30, 20)
    later = images['frame_000007'].annotations
    assert len(later.boxes) == 0
    assert (np.asarray(Image.open(later.mask_path)) == 2).sum() == 20


@pytest.mark.parametrize(
    ('item', 'message'),
    [
        (image(BOX.replace('car', 'cra')), "image 'sub/a.jpg', <box>: unknown class 'cra'; did you mean 'car'"),
        (image(BOX.replace('label="car"', '')), 'expected the name of a class, got None'),
        (image(BOX.replace('xtl="3.00"', '')), '<box>: xtl must be a number, got None'),
        (image(BOX.replace('3.00', 'nan')), "xtl must be a number, got 'nan'"),
        (image('<points label="car" points="1;2"/>'), '<points>: points must be "x,y;x,y;..", got \'1;2\''),
        (image('<points label="car"/>'), 'points must be "x,y;x,y;..", got None'),
        (image(BOX, size='width="-1" height="20"'), "width must be a positive integer of at most 1000000, got '-1'"),
        (image(BOX, name=''), "name must be a path below the image folder, got ''"),
        (image(MASK.replace('1, 3, 2', '1, 3')), r'counts must add up to 6 \(3 x 2 pixels\), got 4'),
        (image(MASK.replace('1, 3, 2', '1, -3, 8')), "rle must hold integers from 0, got ' -3'"),
        (image(MASK.replace('1, 3, 2', '')), "rle must be a number, got ''"),
        (image(MASK.replace('left="4"', 'left="28"')), r'a mask of 3 x 2 at \(28, 5\) does not fit into 30 x 20'),
        (image(MASK, size=''), 'width and height are missing, and masks need them'),
        (
            image('<ellipse label="car" cx="9" cy="9" rx="3" ry="-2"/>'),
            'the radii of an ellipse must not be negative, got 3 and -2',
        ),
        (image(BOX) * 2, "image 'sub/a' appears twice"),
        ('<track id="0" label="car"><box frame="-1"/></track>', "frame must be an integer from 0, got '-1'"),
        ('<track id="0" label="car"><box/></track>', 'frame of <box> must be a number, got None'),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(tmp_path, item, message):
    with pytest.raises(ValueError, match=f'annotations.xml: .*{message}'):
        read(write(tmp_path, item), masks=str(tmp_path / 'm'))


@pytest.mark.parametrize('name', ['voc_xml', 'scribblesup'])
def test_readers_of_other_xml_name_the_tool(tmp_path, name):
    write(tmp_path, image(BOX))
    message = "the root is <annotations>, expected <annotation>.*looks like CVAT XML 1.1: the format 'cvat' reads it"
    with pytest.raises(ValueError, match=message):
        read_labels({'format': name, 'path': str(tmp_path)}, CLASSES)


def test_a_folder_of_jobs(tmp_path):
    for name in 'ab':
        image = f'<image name="{name}.jpg" width="30" height="20"><tag label="car"/></image>'
        (tmp_path / f'job_{name}.xml').write_text(f'<annotations>{image}</annotations>')
    images = read_labels({'format': 'cvat', 'path': str(tmp_path)}, CLASSES).images
    assert [entry.annotations.tags for entry in images.values()] == [(CLASSES.index('car'),)] * 2
    (tmp_path / 'job_b.xml').write_text(f'<annotations>{image}</annotations>'.replace('b.jpg', 'a.png'))
    with pytest.raises(ValueError, match="job_b.xml: image 'a.png': image 'a' appears twice"):
        read_labels({'format': 'cvat', 'path': str(tmp_path)}, CLASSES)


@pytest.mark.parametrize(
    'shape',
    [
        BOX.replace('z_order', 'rotation="30.00" z_order'),
        MASK.replace('road', 'car'),
        '<skeleton label="car" z_order="0"><points label="1" points="1,2"/></skeleton>',
        '<cuboid label="car" xtl1="1"/>',
        '<polygon label="car" points="2,3;6,3"/>',
    ],
)
def test_the_class_of_a_shape_that_is_left_out_is_a_tag(tmp_path, shape):
    """Without it, a training would learn that the image has no car."""
    report = ReadReport()
    found = read(write(tmp_path, image(shape)), report, tags=True).images['sub/a'].annotations
    assert (found.tags, found.num_labels, len(report.left_out)) == ((1,), 0, 1)


def test_frames_and_projects_name_files_that_are_on_disk(tmp_path):
    """cvat-ai/cvat#8839: frames of a video have no suffix; images of a project lie in folders of their subsets."""
    names = [
        ('frame_000001', ''),
        ('a.jpg', 'subset="Train" task_id="1"'),
        ('a.jpg', 'subset="Validation" task_id="2"'),
    ]
    path = write(tmp_path, *(f'<image name="{name}" {more} width="30" height="20"/>' for name, more in names))
    (tmp_path / 'images/Train').mkdir(parents=True)
    (tmp_path / 'images/Train/a.jpg').write_bytes(b'')
    found = read(path, images=str(tmp_path / 'images'), img_suffix='.PNG').images
    assert [entry.file_name for entry in found.values()] == ['frame_000001.PNG', 'Train/a.jpg', 'a.jpg']
    with pytest.raises(ValueError, match="image 'a' appears twice"):
        read(path)
    path = write(tmp_path, '<image name="b.jpg" subset="../.."/>')
    with pytest.raises(ValueError, match=r"image 'b.jpg': subset: .* hold a null character or"):
        read(path, images=str(tmp_path / 'images'))
