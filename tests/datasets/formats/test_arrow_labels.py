"""Damaged and foreign Arrow files end in one line that names the file and what is wrong."""

import json
import re

import numpy as np
import pyarrow as pa
import pytest

from mmseg_wsss.datasets.formats import arrow_table, read_labels
from mmseg_wsss.datasets.formats.arrow_labels import is_arrow, open_images, read_head
from mmseg_wsss.datasets.formats.arrow_table import METADATA, schema, with_classes, write_labels
from mmseg_wsss.datasets.formats.registry import recognised_formats
from mmseg_wsss.structures import WeakLabelSet
from tests.helpers.label_sets import CLASSES, every_kind

LABELS = WeakLabelSet(CLASSES)


def write_rows(path, rows, known=None, **head):
    """Write rows as they are, with changes of the head."""
    known = with_classes(LABELS, len(rows)) if known is None else known
    content = {**json.loads(known.metadata[METADATA]), **head}
    known = known.with_metadata({METADATA: json.dumps(content)})
    with pa.ipc.new_file(str(path), known) as writer:
        writer.write_table(pa.Table.from_pylist(rows, schema=known))
    return str(path)


def message(path):
    """The one line that reading ends in."""
    with pytest.raises(ValueError, match=re.escape(str(path))) as caught:
        read_labels(str(path))
    assert '\n' not in str(caught.value)
    return str(caught.value).removeprefix(str(path))


POINT = {'x': 1, 'y': 1, 'class': 1}
ROWS = {
    'no name': ({'width': 8}, "the column 'file_name' has an empty value"),
    'empty name': ({'file_name': ' '}, 'images[0] (\' \'): file_name must be a path below the image folder'),
    'upwards': ({'file_name': '../a.jpg'}, "'../a.jpg' cannot be the name of a file"),
    'null character': ({'file_name': 'a\0.jpg'}, 'cannot be the name of a file'),
    'long name': ({'file_name': 'a' * 300 + '.jpg'}, 'a part of it is longer than 255 bytes'),
    'backslash': ({'file_name': 'a\\b.jpg'}, 'file_name must have "/" between folders'),
    'width': ({'file_name': 'a.jpg', 'width': -1}, 'width must be a positive integer of at most 1000000, got -1'),
    'height': ({'file_name': 'a.jpg', 'height': 2_000_000}, 'height must be a positive integer'),
    'blank mask': ({'file_name': 'a.jpg', 'mask': ' '}, "mask must be a path relative to the label file, got ' '"),
    'null in mask': ({'file_name': 'a.jpg', 'mask': 'm\0'}, 'mask must be a path relative to the label file'),
    'long mask': ({'file_name': 'a.jpg', 'mask': 'm' * 300}, 'a part of it is longer than 255 bytes'),
    'no x': ({'file_name': 'a.jpg', 'points': [{'y': 1, 'class': 1}]}, "the column 'points' has an empty value"),
    'no class': ({'file_name': 'a.jpg', 'points': [{'x': 1, 'y': 1}]}, "the column 'points' has an empty value"),
    'no point': ({'file_name': 'a.jpg', 'points': [None]}, "the column 'points' has an empty value"),
    'no tag': ({'file_name': 'a.jpg', 'tags': [1, None]}, "the column 'tags' has an empty value"),
    'no box': ({'file_name': 'a.jpg', 'boxes': [{'class': 1}]}, "the column 'boxes' has an empty value"),
    'half a box': ({'file_name': 'a.jpg', 'boxes': [{'box': [1, 2, None, 4], 'class': 1}]}, "the column 'boxes'"),
    'no line': ({'file_name': 'a.jpg', 'scribbles': [{'class': 1}]}, "the column 'scribbles' has an empty value"),
    'no vertex': ({'file_name': 'a.jpg', 'scribbles': [{'points': [None], 'class': 1}]}, "the column 'scribbles'"),
    'half a vertex': ({'file_name': 'a.jpg', 'scribbles': [{'points': [[1, None]], 'class': 1}]}, "column 'scribbles'"),
    'empty line': ({'file_name': 'a.jpg', 'scribbles': [{'points': [], 'class': 1}]}, 'a scribble without points'),
    'class': ({'file_name': 'a.jpg', 'points': [{**POINT, 'class': 7}]}, "image 'a', points[0]: class 7 is not one of"),
    'tag': ({'file_name': 'a.jpg', 'tags': [1, -1]}, "image 'a', tags[1]: class -1 is not one of the 3 classes"),
    'nan': ({'file_name': 'a.jpg', 'points': [POINT, {**POINT, 'x': float('nan')}]}, "points[1]: coordinates must be"),
    'box': ({'file_name': 'a.jpg', 'boxes': [{'box': [3, 0, 1, 1], 'class': 1}]}, 'boxes[0]: box [3.0, 0.0, 1.0, 1.0]'),
}  # fmt: skip


@pytest.mark.parametrize('name', ROWS)
def test_wrong_values(tmp_path, name):
    row, expected = ROWS[name]
    assert expected in message(write_rows(tmp_path / 'w.arrow', [row]))


def test_a_wrong_value_is_named_by_its_row_in_all_batches(tmp_path, monkeypatch):
    rows = [{'file_name': f'{index}.jpg'} for index in range(5)]
    known = with_classes(LABELS, 6)
    with pa.ipc.new_file(str(tmp_path / 'w.arrow'), known) as writer:
        for part in (rows[:2], [*rows[2:], {'file_name': '5.jpg', 'width': -3, 'points': [{**POINT, 'class': 3}]}]):
            writer.write_batch(pa.RecordBatch.from_pylist(part, schema=known))
    text = message(tmp_path / 'w.arrow')
    assert text == ": images[5] ('5.jpg'): width must be a positive integer of at most 1000000, got -3"


def test_a_wrong_label_is_named_by_its_image_in_all_batches(tmp_path):
    known = with_classes(LABELS, 4)
    with pa.ipc.new_file(str(tmp_path / 'w.arrow'), known) as writer:
        for names, label in (('ab', 1), ('cd', 9)):
            rows = [{'file_name': f'{name}.jpg', 'points': [{**POINT, 'class': label}]} for name in names]
            writer.write_batch(pa.RecordBatch.from_pylist(rows, schema=known))
    text = message(tmp_path / 'w.arrow')
    assert text.startswith(": image 'c', points[0]: class 9 is not one of the 3 classes")
    assert text.endswith('(1 more points have this fault.)')


@pytest.mark.parametrize(
    ('names', 'expected'),
    [
        (
            ['b.jpg', 'a.jpg'],
            "images[1] ('a.jpg'): image 'a' comes after 'b': images must be in the order of their ids",
        ),
        (['a.jpg', 'a.png'], "images[1] ('a.png'): image 'a' appears twice"),
        (['a.jpg', '/a.jpg'], "images[1] ('/a.jpg'): image 'a' appears twice"),
    ],
)
def test_ids_are_in_order_and_differ(tmp_path, names, expected):
    assert expected in message(write_rows(tmp_path / 'w.arrow', [{'file_name': name} for name in names]))


def test_ids_are_in_order_from_one_file_to_the_next(tmp_path):
    for part, name in enumerate(('b.jpg', 'a.jpg')):
        known = with_classes(LABELS, 2, part, 2)
        write_rows(tmp_path / f'part-0000{part}.arrow', [{'file_name': name}], known)
    with pytest.raises(ValueError, match=r"part-00001\.arrow: images\[1\] \('a\.jpg'\): image 'a' comes after 'b'"):
        read_labels(str(tmp_path / 'part-00000.arrow'))


@pytest.mark.parametrize(
    ('head', 'expected'),
    [
        ({'version': 2}, ': version must be 1, got 2: was it written by a newer release?'),
        ({'version': None}, ': version must be 1, got None'),
        ({'images': 5}, ': the label set must have 5 images, got 1'),
        ({'images': '1'}, ": metadata: images must be a number, got '1'"),
        ({'parts': True}, ': metadata: parts must be a number, got True'),
        ({'parts': 3}, ' is one of 3 files: it must have its name again'),
        ({'classes': []}, ': classes must be a list with at least one'),
        ({'classes': [{'name': 'a'}, {'name': 'a'}]}, ': classes: class names must differ'),
        ({'more': 1}, ": unknown key 'more'"),
    ],
)
def test_wrong_heads(tmp_path, head, expected):
    assert expected in message(write_rows(tmp_path / 'w.arrow', [{'file_name': 'a.jpg'}], **head))


def test_other_classes_than_those_of_the_data_set(tmp_path):
    path = write_rows(tmp_path / 'w.arrow', [{'file_name': 'a.jpg'}])
    with pytest.raises(ValueError, match=r"w\.arrow has the classes \('background', 'cat', 'dog'\), but the data set"):
        read_labels(path, ('background', 'dog', 'cat'))


def _without(name):
    return schema().remove(schema().get_field_index(name))


@pytest.mark.parametrize(
    ('columns', 'expected'),
    [
        (_without('tags'), ": the column 'tags' is missing; expected file_name, width"),
        (schema().append(pa.field('area', pa.int32())), ": unknown column 'area'; expected"),
        (_without('width').append(pa.field('width', pa.string())), ": the column 'width' must be int32, got string"),
    ],
)
def test_other_columns(tmp_path, columns, expected):
    known = columns.with_metadata(with_classes(LABELS, 0).metadata)
    assert expected in message(write_rows(tmp_path / 'w.arrow', [], known))


def test_another_arrow_file(tmp_path):
    with pa.ipc.new_file(str(tmp_path / 'w.arrow'), pa.schema([('a', pa.int8())])) as writer:
        writer.write_table(pa.table({'a': pa.array([1], pa.int8())}))
    assert "the Arrow file has no metadata 'weak_labels', which names the classes" in message(tmp_path / 'w.arrow')


@pytest.mark.parametrize('content', [b'', b'{"version": 1}', b'ARROW1', b'ARROW1\0\0' + b'x' * 100])
def test_no_arrow_file(tmp_path, content):
    (tmp_path / 'w.arrow').write_bytes(content)
    assert 'Arrow file' in message(tmp_path / 'w.arrow')


def test_missing_and_foreign_parts(tmp_path, monkeypatch):
    monkeypatch.setattr(arrow_table, 'PART_ROWS', 3)
    write_labels(every_kind(), tmp_path / 'part-00000.arrow')
    third = (tmp_path / 'part-00002.arrow').read_bytes()
    (tmp_path / 'part-00002.arrow').write_bytes((tmp_path / 'part-00001.arrow').read_bytes())
    with pytest.raises(ValueError, match=r'part-00002\.arrow is not part 2 of the same label set as .*part-00000'):
        read_labels(str(tmp_path / 'part-00000.arrow'))
    (tmp_path / 'part-00002.arrow').unlink()
    with pytest.raises(FileNotFoundError, match=r'part-00002\.arrow'):
        read_labels(str(tmp_path / 'part-00000.arrow'))
    (tmp_path / 'part-00002.arrow').write_bytes(third)
    with pytest.raises(ValueError, match=r'part-00001\.arrow: name the first file of the label set, part-00000'):
        read_labels(str(tmp_path / 'part-00001.arrow'))


def read_or_message(path):
    """None if the file can be read, because a number, a letter or unused bytes have changed; else the message."""
    try:
        read_labels(str(path)).to_json()
    except ValueError as error:
        return str(error)
    return None


def test_damaged_bytes_never_end_in_anything_but_one_line(tmp_path):
    write_labels(every_kind('/masks/z.png'), tmp_path / 'w.arrow')
    data, rng = (tmp_path / 'w.arrow').read_bytes(), np.random.default_rng(0)
    refused = 0
    for number in range(400):
        damaged, place = bytearray(data), int(rng.integers(len(data)))
        if number % 4 == 0:
            damaged[place] ^= 1 << int(rng.integers(8))
        elif number % 4 == 1:
            damaged[place : place + 8] = rng.bytes(8)
        elif number % 4 == 2:
            damaged = damaged[:place]
        else:
            damaged[place : place + 64] = bytes(len(damaged[place : place + 64]))
        (tmp_path / 'd.arrow').write_bytes(damaged)
        refused += (text := read_or_message(tmp_path / 'd.arrow')) is not None
        assert text is None or (str(tmp_path / 'd.arrow') in text and '\n' not in text), text
    assert 200 < refused < 400


def test_the_columns_are_read_once_and_not_mapped(tmp_path):
    write_labels(every_kind(), tmp_path / 'w.arrow')
    images = open_images(tmp_path / 'w.arrow')
    assert images.files._mapped == {}
    assert images['a'].file_name == 'a.jpg'
    assert len(images.files._mapped) == 1


def test_files_are_recognised_by_their_first_bytes(tmp_path):
    write_labels(every_kind(), tmp_path / 'w.arrow')
    write_labels(every_kind(), tmp_path / 'w.json')
    assert is_arrow(tmp_path / 'w.arrow')
    assert not is_arrow(tmp_path / 'w.json')
    assert not is_arrow(tmp_path)
    assert recognised_formats(tmp_path / 'w.arrow') == ['canonical']
    (tmp_path / 'w.json').write_bytes((tmp_path / 'w.arrow').read_bytes())
    assert read_labels(str(tmp_path / 'w.json')).images['a'].file_name == 'a.jpg'
    assert read_head(tmp_path / 'w.json')['images'] == 7


def test_without_pyarrow_the_message_names_the_extra(tmp_path, monkeypatch):
    write_labels(every_kind(), tmp_path / 'w.arrow')
    monkeypatch.setitem(__import__('sys').modules, 'pyarrow', None)
    with pytest.raises(ImportError, match=r'label files in Arrow need pyarrow: pip install "mmseg-wsss\[arrow\]"'):
        read_labels(str(tmp_path / 'w.arrow'))
