"""The photos to predict are found, and what is passed over is named."""

import pytest

from mmseg_wsss.labelling.photo_files import find_photos


def test_photos_by_folder_file_and_pattern(project):
    root, _ = project
    photos = root / 'photos'
    assert find_photos([str(photos)]) == {'b': photos / 'b.JPG', 'field/a': photos / 'field/a.png'}
    assert find_photos([str(photos / 'b.JPG')]) == {'b': photos / 'b.JPG'}
    assert find_photos([str(photos / '**/*.png')]) == {'a': photos / 'field/a.png'}
    with pytest.raises(FileNotFoundError, match=r"no photos at .*missing: expected .* 'photos/\*.jpg'"):
        find_photos([str(root / 'missing')])
    (photos / 'b.png').write_bytes((photos / 'field/a.png').read_bytes())
    with pytest.raises(ValueError, match=r'would both be written as b.png'):
        find_photos([str(photos)])


@pytest.fixture
def said(monkeypatch):
    """What is printed to the log."""
    lines = []
    monkeypatch.setattr('mmseg_wsss.labelling.photo_files.print_log', lambda line, **_: lines.append(line))
    return lines


def test_files_that_are_passed_over_are_counted_and_named(project, said):
    photos = project[0] / 'photos'
    for name in ('field/c.HEIC', 'd.gif', 'film.mp4', '._b.JPG', '.hidden/e.png', '._f.gif', 'notes.txt'):
        (photos / name).parent.mkdir(exist_ok=True)
        (photos / name).write_bytes(b'no picture')
    assert list(find_photos([str(photos)])) == ['b', 'field/a']
    assert said == [
        f'{photos}: 2 files are passed over, such as d.gif: save them as PNG or JPEG to predict them',
        f'{photos}: 1 file is passed over, such as film.mp4: name each video to predict it',
    ]


def test_nothing_is_said_if_nothing_is_passed_over(project, said):
    find_photos([str(project[0] / 'photos')])
    find_photos([str(project[0] / 'photos/b.JPG')])
    assert said == []
