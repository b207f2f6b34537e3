"""The files of a validation: read as they were written, and replaced by those of the next one."""

from mmseg_wsss.engine.validation_record import Picture, ValidationRecord, read_record, write_record


def test_a_record_is_read_as_it_was_written(tmp_path):
    assert read_record(tmp_path) is None
    drawn = {'worst': [('a.png', b'1'), ('b.png', b'2')], 'best': [('c.png', b'3')]}
    write_record(tmp_path, ['sky', 'sea'], [[3, 1], [0, 2]], {'a.png': 1.5, 'b.png': 20.0, 'c.png': 90.0}, drawn)
    folder = tmp_path / 'validation'
    assert read_record(tmp_path) == ValidationRecord(
        ['sky', 'sea'],
        [[3, 1], [0, 2]],
        {'a.png': 1.5, 'b.png': 20.0, 'c.png': 90.0},
        [
            Picture('worst', 'a.png', 1.5, folder / 'worst_1.jpg'),
            Picture('worst', 'b.png', 20.0, folder / 'worst_2.jpg'),
            Picture('best', 'c.png', 90.0, folder / 'best_1.jpg'),
        ],
    )
    assert (folder / 'worst_2.jpg').read_bytes() == b'2'
    (folder / 'worst_1.jpg').unlink()  # somebody made room
    assert [picture.name for picture in read_record(tmp_path).pictures] == ['b.png', 'c.png']
    write_record(tmp_path, ['sky'], [[3]], {'d.png': 50.0}, {'worst': [], 'best': [('d.png', b'4')]})
    assert sorted(path.name for path in folder.iterdir()) == ['best_1.jpg', 'scores.json']
    assert read_record(tmp_path).images == {'d.png': 50.0}
