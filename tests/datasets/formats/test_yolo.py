"""YOLO text files in the folders that Ultralytics and Roboflow write."""

import unicodedata

import numpy as np
import pytest
from PIL import Image

from mmseg_wsss.datasets.formats import ReadReport, read_labels, recognise_format

CLASSES = ('background', 'crop', 'weed')
YAML = 'path: ../data\ntrain: images/train\nnc: 2\nnames: {0: weed, 1: crop}\n'


def write(tmp_path, text='0 0.25 0.5 0.25 0.2\n', yaml=YAML, name='data.yaml', labels='labels/train'):
    folder = tmp_path / labels
    folder.mkdir(parents=True, exist_ok=True)
    (folder / 'a.txt').write_text(text)
    images = tmp_path / labels.replace('labels', 'images')
    images.mkdir(parents=True, exist_ok=True)
    Image.new('RGB', (40, 20)).save(images / 'a.JPG', format='JPEG')
    if yaml is not None:
        (tmp_path / name).write_text(yaml)
    return folder


def read(folder, report=None, **settings):
    return read_labels({'format': 'yolo', 'path': str(folder), **settings}, CLASSES, report=report)


@pytest.mark.parametrize(
    ('name', 'yaml'),
    [
        ('data.yaml', YAML),
        ('data.yaml', 'names:\n- weed\n- crop\nroboflow:\n  version: 1\n'),
        ('classes.txt', 'weed\ncrop\n'),
        ('obj.names', 'weed\r\ncrop\r\n'),
    ],
)
def test_boxes_and_the_names_of_their_classes(tmp_path, name, yaml):
    folder = write(tmp_path, '0 0.25 0.5 0.25 0.2\n1 0.5 0.5 1 1 0.93\n\n', yaml, name)
    entry = read(folder).images['a']
    assert (entry.file_name, entry.size) == ('a.JPG', (40, 20))
    assert entry.annotations.boxes.tolist() == [[5, 8, 14, 11], [0, 0, 39, 19]]
    assert entry.annotations.box_labels.tolist() == [2, 1]
    assert recognise_format(folder).name == 'yolo'


@pytest.mark.parametrize(('line', 'number'), [('', 2), ('# fields', 1), ('   ', 1)])
def test_a_line_that_would_move_the_ids_of_classes_is_an_error(tmp_path, line, number):
    names = ['weed', 'crop']
    names.insert(number - 1, line)
    folder = write(tmp_path, '1 0.25 0.5 0.25 0.2\n', '\n'.join(names), 'classes.txt')
    with pytest.raises(
        ValueError, match=rf'classes.txt, line {number}: expected the name of a class, got .{line.strip()}'
    ):
        read(folder)


def test_empty_lines_at_the_end_of_the_classes_are_no_classes(tmp_path):
    folder = write(tmp_path, '1 0.25 0.5 0.25 0.2\n', 'weed\ncrop\n\n  \n', 'classes.txt')
    assert read(folder).images['a'].annotations.box_labels.tolist() == [1]


@pytest.mark.parametrize('size', ['0 0.2', '0.25 0', '0 0'])
def test_a_box_without_area_is_counted(tmp_path, size):
    report = ReadReport()
    found = read(write(tmp_path, f'0 0.25 0.5 {size}\n'), report).images['a'].annotations
    assert found.boxes.shape == (1, 4)
    assert report.lines()[0].startswith('changed: 1 boxes without a width or height, which become one pixel wide or')


def test_outlines_and_images_without_objects(tmp_path):
    folder = write(tmp_path, '1 0.25 0.5 0.5 0.5 0.5 0.75 0.25 0.75\n')
    (folder / 'b.txt').write_text('')
    Image.new('L', (8, 8)).save(tmp_path / 'images/train/b.png')
    report = ReadReport()
    assert read(folder, report, tags=True).images['a'].annotations.tags == (1,)
    assert list(report.left_out) == ['outlines and painted areas (--masks DIR writes them)']
    images = read(folder, masks=str(tmp_path / 'm')).images
    expected = np.zeros((20, 40), int)
    expected[10:15, 10:20] = 1
    assert np.array_equal(np.asarray(Image.open(images['a'].annotations.mask_path)), expected)
    assert images['b'].annotations.mask_path is None


def test_folders_and_files_that_are_named(tmp_path):
    folder = write(tmp_path, labels='valid/labels', yaml=None)
    (tmp_path / 'classes').mkdir()
    (tmp_path / 'classes/list.txt').write_text('crop\nweed\n')
    found = read(folder, class_file=str(tmp_path / 'classes/list.txt')).images['a'].annotations
    assert found.box_labels.tolist() == [1]
    (tmp_path / 'other').mkdir()
    (tmp_path / 'valid/images/a.JPG').rename(tmp_path / 'other/a.JPG')
    found = read(folder, class_file=str(tmp_path / 'classes/list.txt'), images=str(tmp_path / 'other'))
    assert list(found.images) == ['a']


@pytest.mark.parametrize('labels', ['labels/train', 'train/labels'])
def test_a_whole_data_set(tmp_path, labels):
    write(tmp_path, labels=labels)
    (tmp_path / 'README.roboflow.txt').write_text('0.5\n')
    name = f'{labels.replace("labels", "images")}/a.JPG'
    assert [entry.file_name for entry in read(tmp_path).images.values()] == [name]
    assert [entry.file_name for entry in read(tmp_path, images=str(tmp_path)).images.values()] == [name]
    assert recognise_format(tmp_path).name == 'yolo'


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('2 0.5 0.5 0.1 0.1', 'line 1: class 2 is not one of the 2 names of the class file'),
        ('0.5 0.5 0.5 0.1 0.1', 'class 0.5 is not one of the 2 names'),
        ('\n0 0.5 0.5 0.1', 'line 1: expected "class x y width height" or "class x y x y x y ..", got 4 values'),
        ('0 1 2 3 4 5 6 7', 'coordinates must be shares of the image in'),
        ('0 20 10 5 5', r"coordinates must be shares of the image in \[0, 1\], got '0 20 10 5 5'"),
        ('0 0.5 0.5 -0.1 0.1', "a box must have no negative side, got '0 0.5 0.5 -0.1 0.1'"),
        ('0 0.5 0.5 nan 0.1', "a value must be a number, got 'nan'"),
        ('weed 0.5 0.5 0.1 0.1', "a value must be a number, got 'weed'"),
    ],
)
def test_wrong_lines_are_named(tmp_path, text, message):
    with pytest.raises(ValueError, match=f'a.txt, line 1: .*{message.removeprefix("line 1: ")}'):
        read(write(tmp_path, text))


@pytest.mark.parametrize(
    ('yaml', 'message'),
    [
        ('names: 3\n', 'data.yaml: names must be a list of texts, or an object of them by number, got 3'),
        ('names: [a, 1]\n', 'names must be a list of texts'),
        ('nc: 2\n', 'names must be a list of texts, or an object of them by number, got None'),
        ('names: [a\n', 'data.yaml is not YAML'),
        ('- a\n', 'names must be a list of texts'),
        ('names: !!python/object/apply:os.system [ls]\n', 'data.yaml is not YAML: could not determine a constructor'),
        ('a: ' + '[' * 3000, 'data.yaml is not YAML'),
        ('names: [wede]\n', "unknown class 'wede'; did you mean 'weed'"),
    ],
)
def test_wrong_names_are_named(tmp_path, yaml, message):
    with pytest.raises(ValueError, match=message):
        read(write(tmp_path, yaml=yaml))


def test_missing_files_are_named(tmp_path):
    folder = write(tmp_path, yaml=None)
    with pytest.raises(FileNotFoundError, match='--class-file FILE says what the class numbers mean'):
        read(folder)
    (tmp_path / 'data.yaml').write_text(YAML)
    (folder / 'c.txt').write_text('0 0.5 0.5 0.1 0.1')
    with pytest.raises(FileNotFoundError, match="c.txt: there is no image 'c' in .*images/train. Choose from 'a'"):
        read(folder)
    (folder / 'c.txt').unlink()
    Image.new('L', (8, 8)).save(tmp_path / 'images/train/a.png')
    with pytest.raises(ValueError, match="several images have the name 'a': a.JPG, a.png"):
        read(folder)
    other = write(tmp_path / 'other', labels='txt')
    assert read(other).images['a'].annotations.boxes.tolist() == [[5, 8, 14, 11]]  # pictures beside, as in Darknet
    (other / 'a.JPG').unlink()
    with pytest.raises(ValueError, match='txt: coordinates are shares of the image: --images DIR'):
        read(other)


@pytest.mark.parametrize(
    ('shape', 'line'),
    [
        ('kpt_shape: [2, 2]', '0 0.25 0.5 0.25 0.2 0.2 0.5 0.3 0.5'),
        ('kpt_shape: [2, 3]', '0 0.25 0.5 0.25 0.2 0.2 0.5 1 0.3 0.5 1'),
        ('', '0 0.25 0.5 0.25 0.2 0.2 0.5 1'),
        ('', '0 0.25 0.5 0.25 0.2 0.2 0.5 2 0.3 0.5 0.0'),
    ],
)
def test_of_poses_the_box_is_read(tmp_path, shape, line):
    folder = write(tmp_path, f'{line}\n', YAML + shape)
    report = ReadReport()
    entry = read(folder, report, masks=str(tmp_path / 'm')).images['a']
    assert entry.annotations.boxes.tolist() == [[5, 8, 14, 11]]
    assert entry.annotations.mask_path is None
    assert report.left_out == {'keypoints of poses, whose boxes are read': [f'{folder / "a.txt"}, line 1']}


def test_outlines_beside_poses_and_a_wrong_shape_of_keypoints(tmp_path):
    outline = '1 0.25 0.5 0.5 0.5 0.5 0.75 0.25 0.75 0.2 0.6\n'
    report = ReadReport()
    read(write(tmp_path, outline, YAML + 'kpt_shape: [17, 3]'), report)
    assert list(report.left_out) == ['outlines and painted areas (--masks DIR writes them)']
    for shape in ('3', '[0, 3]', '[2, 4]', '[2, true]', '[a, 2]'):
        with pytest.raises(ValueError, match=r'data.yaml: kpt_shape must be \[number of keypoints, 2 or 3\], got'):
            read(write(tmp_path, outline, YAML + f'kpt_shape: {shape}'))


@pytest.mark.parametrize('name', ['valid.txt', 'autosplit_train.txt', 'Test_set.txt'])
def test_lists_of_images_are_no_labels(tmp_path, name):
    """CVAT writes ``valid.txt``, and Ultralytics ``autosplit_train.txt``, beside or above the labels."""
    write(tmp_path)
    for folder in (tmp_path, tmp_path / 'labels/train'):
        (folder / name).write_text('\ndata/images/train/a.JPG\n')
        assert recognise_format(folder).name == 'yolo'
    assert [*read(tmp_path / 'labels/train').images] == ['a']


def test_a_set_is_recognised_by_any_of_its_files(tmp_path):
    folder = write(tmp_path, '0.000 0.25 0.5 0.25 0.2\n')
    for index in range(20):
        (folder / f'Empty_{index}.txt').write_text('')
    assert recognise_format(folder).name == 'yolo'


def test_the_unicode_form_of_a_name_does_not_matter(tmp_path):
    folder = write(tmp_path)
    (folder / 'a.txt').rename(folder / unicodedata.normalize('NFC', 'é.txt'))
    on_disk = unicodedata.normalize('NFD', 'é.JPG')
    (tmp_path / 'images/train/a.JPG').rename(tmp_path / 'images/train' / on_disk)
    assert [entry.file_name for entry in read(folder).images.values()] == [on_disk]
