"""What is written as Arrow is what would be written as JSON."""

import json

import pyarrow as pa
import pytest
from hypothesis import given, settings

from mmseg_wsss.datasets.formats import arrow_table, read_labels
from mmseg_wsss.datasets.formats.arrow_table import METADATA, PART, part_files, schema, with_classes, write_labels
from mmseg_wsss.structures import ImageEntry, WeakAnnotations, WeakLabelSet
from tests.helpers.label_sets import CLASSES, every_kind, label_sets, same_labels


def opened(path):
    return pa.ipc.open_file(pa.OSFile(str(path)))


def test_both_forms_are_read_as_the_same_labels(tmp_path):
    labels = every_kind(str(tmp_path / 'masks/z.png'))
    for name in ('w.json', 'w.arrow'):
        write_labels(labels, tmp_path / name)
    as_json, as_arrow = (read_labels(str(tmp_path / name)) for name in ('w.json', 'w.arrow'))
    assert (as_arrow.classes, as_arrow.palette) == (labels.classes, labels.palette)
    assert list(as_arrow.images) == list(as_json.images) == sorted(labels.images)
    for key, entry in as_json.images.items():
        twin = as_arrow.images[key]
        assert (twin.file_name, twin.width, twin.height) == (entry.file_name, entry.width, entry.height)
        assert same_labels(twin.annotations, entry.annotations)
    assert as_arrow.images['z'].annotations.mask_path == str(tmp_path / 'masks/z.png')
    assert as_arrow.images['e.x'].annotations.tags == (2, 1)
    assert as_arrow.images['f'].annotations.tags == ()
    assert as_arrow.images['a'].annotations.tags is None


@settings(max_examples=40)
@given(label_sets())
def test_json_arrow_json_is_the_same_text(tmp_path_factory, labels):
    folder = tmp_path_factory.mktemp('sets')
    write_labels(labels, folder / 'w.arrow')
    back = read_labels(str(folder / 'w.arrow'))
    by_id = WeakLabelSet(labels.classes, labels.palette, dict(labels.images))
    assert back.to_json(folder) == by_id.to_json(folder)


def test_a_mask_is_relative_to_the_file_so_that_a_folder_can_move(tmp_path):
    write_labels(every_kind(str(tmp_path / 'one/masks/z.png')), tmp_path / 'one/w.arrow')
    assert opened(tmp_path / 'one/w.arrow').read_all()['mask'].drop_null().to_pylist() == ['masks/z.png']
    (tmp_path / 'one').rename(tmp_path / 'two')
    images = read_labels(str(tmp_path / 'two/w.arrow')).images
    assert images['z'].annotations.mask_path == str(tmp_path / 'two/masks/z.png')


def test_rows_are_the_images_of_the_json_file_in_the_order_of_their_ids(tmp_path):
    labels = every_kind()
    write_labels(labels, tmp_path / 'w.arrow')
    table = opened(tmp_path / 'w.arrow').read_all()
    assert table.schema.equals(schema())
    assert table['file_name'].to_pylist() == ['a.jpg', 'b/c.png', 'd.jpg', 'e.x.jpg', 'f', 'z.jpg', 'ü.jpg']
    rows = [{key: value for key, value in row.items() if value is not None} for row in table.to_pylist()]
    written = json.loads(labels.to_json())
    as_json = [
        {**image, **{'scribbles': [{**line, 'points': [list(xy) for xy in line['points']]} for line in lines]}}
        if (lines := image.get('scribbles'))
        else image
        for image in written['images']
    ]
    assert rows == as_json
    head = json.loads(table.schema.metadata[METADATA])
    assert head == {'version': 1, 'classes': written['classes'], 'images': 7, 'part': 0, 'parts': 1}


def test_a_user_can_write_the_rows_of_a_json_file(tmp_path):
    labels = every_kind()
    rows = json.loads(labels.to_json())['images']
    known = with_classes(labels, len(rows))
    with pa.ipc.new_file(str(tmp_path / 'w.arrow'), known) as writer:
        writer.write_table(pa.Table.from_pylist(rows, schema=known))
    assert read_labels(str(tmp_path / 'w.arrow')).to_json() == labels.to_json()


def test_parts_are_read_in_their_order(tmp_path, monkeypatch):
    monkeypatch.setattr(arrow_table, 'PART_ROWS', 3)
    monkeypatch.setattr(arrow_table, 'BATCH_ROWS', 2)
    labels = every_kind()
    write_labels(labels, tmp_path / 'labels/part-00000.arrow')
    names = [f'part-0000{number}.arrow' for number in range(3)]
    assert sorted(path.name for path in (tmp_path / 'labels').iterdir()) == names
    rows = [opened(tmp_path / 'labels' / name) for name in names]
    assert [[r.get_batch(i).num_rows for i in range(r.num_record_batches)] for r in rows] == [[2, 1], [2, 1], [1]]
    back = read_labels(str(tmp_path / 'labels/part-00000.arrow'))
    assert back.to_json() == labels.to_json()
    assert list(back.images) == sorted(labels.images)


def test_one_part_and_no_images_are_files_too(tmp_path):
    write_labels(WeakLabelSet(CLASSES), tmp_path / 'part-00000.arrow')
    assert [path.name for path in tmp_path.iterdir()] == ['part-00000.arrow']
    assert len(read_labels(str(tmp_path / 'part-00000.arrow')).images) == 0


def test_parts_of_another_label_set_are_in_the_way(tmp_path, monkeypatch):
    monkeypatch.setattr(arrow_table, 'PART_ROWS', 3)
    (tmp_path / 'part-00003.arrow').write_bytes(b'')
    with pytest.raises(ValueError, match=r'part-00000\.arrow is the first of 3 files, but there are more: remove'):
        write_labels(every_kind(), tmp_path / 'part-00000.arrow')
    assert [path.name for path in tmp_path.iterdir()] == ['part-00003.arrow']


def test_a_part_that_is_not_the_first_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r'part-00001\.arrow: name the first file of the label set, part-00000\.arrow'):
        write_labels(every_kind(), tmp_path / 'part-00001.arrow')
    assert PART.fullmatch('part-1.arrow') is None
    with pytest.raises(ValueError, match=r'a\.arrow is one of 2 files: it must have its name again'):
        part_files(tmp_path / 'a.arrow', 2)


@pytest.mark.parametrize(
    ('labels', 'message'),
    [
        (
            WeakAnnotations(points=[[1, 1]], point_labels=[3]),
            r"w\.arrow: image 'a', points\[0\]: class 3 is not one of",
        ),
        (WeakAnnotations(points=[[1, float('nan')]], point_labels=[1]), r'points\[0\]: coordinates must be finite'),
        (WeakAnnotations(boxes=[[3, 0, 1, 2]], box_labels=[1]), r'boxes\[0\]: box \[3.0, 0.0, 1.0, 2.0\] is empty'),
        (WeakAnnotations(tags=(-1,)), r'tags\[0\]: class -1 is not one of the 3 classes'),
    ],
)
def test_wrong_numbers_are_not_written(tmp_path, labels, message):
    with pytest.raises(ValueError, match=message):
        write_labels(WeakLabelSet(CLASSES, images={'a': ImageEntry('a.jpg', 8, 6, labels)}), tmp_path / 'w.arrow')
    assert list(tmp_path.iterdir()) == []


def test_two_images_of_one_id_are_not_written(tmp_path):
    images = {'x': ImageEntry('a.jpg'), 'y': ImageEntry('a.png')}
    with pytest.raises(ValueError, match=r"image 'a' appears twice \('a\.jpg', 'a\.png'\)"):
        write_labels(WeakLabelSet(CLASSES, images=images), tmp_path / 'w.arrow')


def test_a_failed_write_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(arrow_table, 'PART_ROWS', 3)
    write_labels(every_kind(), tmp_path / 'part-00000.arrow')
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    monkeypatch.setattr(arrow_table, 'image_dict', lambda entry, root: {'file_name': entry.file_name, 'width': 'wide'})
    with pytest.raises((pa.ArrowException, TypeError)):
        write_labels(every_kind(), tmp_path / 'part-00000.arrow')
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
