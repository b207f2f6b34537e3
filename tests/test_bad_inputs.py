"""Inputs with one fault each end in one line that names the file and the key, or are read with their right value."""

import errno
import io
import json
import os
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from mmseg_wsss.cli.main import main
from mmseg_wsss.datasets.formats import read_labels
from tests.helpers import bad_inputs, bad_settings
from tests.helpers.trainings import run_tool, training_config, write_config

FILES = {
    'citypersons': 'x/ulm_gtBboxCityPersons.json', 'labelme': 'x/a.json', 'voc_xml': 'x/a.xml',
    'scribblesup': 'x/a.xml', 'craid': 't.csv', 'table_csv': 't.csv',
}  # fmt: skip
# What a message calls a key that has a plainer name.
WORDS = {'cls': ('cls', 'class'), 'label': ('label', 'class'), 'name': ('name', 'class')}


def ended(capsys, arguments):
    """Run ``wsss`` with wrong inputs, and return the one line that it ends with."""
    capsys.readouterr()
    assert main([str(argument) for argument in arguments]) == 2
    said = capsys.readouterr().err.strip()
    assert len(said.splitlines()) == 1, said
    assert len(said) < 1000, said
    return said


def convert(capsys, folder, name, content):
    """Convert a file of a format, and return the line that it ends with and the name of the file."""
    file = folder / FILES.get(name, 'w.json')
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(content)
    source = file.parent if file.parent != folder else file
    masks = ['--masks', folder / 'masks'] if name == 'coco' else []
    said = ended(capsys, ['convert', name, source, '--classes', 'background,cat', '-o', folder / 'out.json', *masks])
    assert not (folder / 'out.json').exists()
    return said, str(source)


def names_key(said, key):
    return key.isdigit() or any(word in said for word in WORDS.get(key, (key,)))


@pytest.mark.parametrize(
    ('name', 'path', 'text'),
    [pytest.param(*case[:2], case[3], id='-'.join(case[:3])) for case in bad_inputs.json_cases()],
)
def test_a_wrong_value_of_json(tmp_path, capsys, name, path, text):
    said, source = convert(capsys, tmp_path, name, text.encode('utf-8', 'surrogatepass'))
    assert source in said
    keys = [key for key in path.split('.') if not key.isdigit()]
    assert names_key(said, keys[-1]), said


@pytest.mark.parametrize(
    ('name', 'word', 'text'),
    [pytest.param(*case[:2], case[3], id='-'.join(case[:3])) for case in bad_inputs.text_cases()],
)
def test_a_wrong_value_of_a_text(tmp_path, capsys, name, word, text):
    said, source = convert(capsys, tmp_path, name, text.encode())
    assert source in said
    assert word in said or 'is not CSV' in said, said


@pytest.mark.parametrize('name', [*bad_inputs.JSON_FILES, *bad_inputs.TEXT_FILES])
@pytest.mark.parametrize('fault', bad_inputs.WHOLE_FILES)
def test_a_file_of_another_kind(tmp_path, capsys, name, fault):
    said, source = convert(capsys, tmp_path, name, bad_inputs.WHOLE_FILES[fault])
    assert source in said


@pytest.mark.parametrize('name', bad_inputs.JSON_FILES)
def test_a_repeated_key(tmp_path, capsys, name):
    text = json.dumps(bad_inputs.JSON_FILES[name][0]).replace('{', '{"zz": 0, "zz": 1, ', 1)
    said, source = convert(capsys, tmp_path, name, text.encode())
    assert source in said
    assert "the key 'zz' appears twice" in said


@pytest.mark.parametrize(('name', 'path', 'value', 'expected'), bad_inputs.ACCEPTED)
def test_what_tools_write_is_read_with_its_right_value(tmp_path, name, path, value, expected):
    file = tmp_path / FILES.get(name, 'w.json')
    file.parent.mkdir(exist_ok=True)
    file.write_text(bad_inputs.changed(bad_inputs.JSON_FILES[name][0], path, value))
    source = file.parent if file.parent != tmp_path else file
    (entry,) = list(read_labels({'format': name, 'path': str(source)}, ('background', 'cat')).images.values())[:1]
    found = {'size': entry.size, **vars(entry.annotations)}
    for key, wanted in expected.items():
        np.testing.assert_equal(found[key], wanted)


# ---------------------------------------------------------------- pictures and masks


def png(size=(30, 20), mode='RGB'):
    file = io.BytesIO()
    Image.new(mode, size).save(file, 'PNG')
    return file.getvalue()


def stated(width, height):
    """A PNG whose header states another size than its data has."""
    header = struct.pack('>IIBBBBB', width, height, 8, 2, 0, 0, 0)
    chunk = b'IHDR' + header
    return png()[:12] + chunk + struct.pack('>I', zlib.crc32(chunk)) + png()[33:]


def saved(values, kind='PNG'):
    file = io.BytesIO()
    Image.fromarray(values).save(file, kind)
    return file.getvalue()


NO_PICTURES = {
    'empty': b'', 'text': b'text', 'zeros': bytes(99), 'header': png()[:33], 'cut': png()[:-30], 'svg': b'<svg/>',
    'bomb': stated(60_000, 60_000), 'lfs': b'version https://git-lfs.github.com/spec/v1\n', 'html': b'<!DOCTYPE html>',
    'jpeg': b'\xff\xd8\xff\xe0', 'gif': b'GIF89a', 'bmp': b'BM' + bytes(9), 'tiff': b'II*\0' + bytes(9),
    'webp': b'RIFF\0\0\0\0WEBP', 'npy': b'\x93NUMPY', 'other size': png((31, 20)),
}  # fmt: skip
GREY = np.zeros((20, 30), np.uint8)
NO_MASKS = NO_PICTURES | {
    'colours': png(),
    'values': saved(GREY + 77),
    'halves': saved(GREY + np.float32(0.4), 'TIFF'),
    'nan': saved(GREY + np.float32(np.nan), 'TIFF'),
    'minus': saved(GREY.astype(np.int32) - 1, 'TIFF'),
    'deep': saved(GREY.astype(np.uint16) + 500),
    'alpha': png(mode='LA'),
}


@pytest.fixture
def labelled(tmp_path):
    """A label file of one image with a click and a mask."""
    entry = {'file_name': 'a.png', 'width': 30, 'height': 20, 'points': [{'x': 1, 'y': 2, 'class': 1}]}
    classes = [{'name': 'background'}, {'name': 'cat'}]
    (tmp_path / 'images').mkdir()
    (tmp_path / 'images/a.png').write_bytes(png())
    (tmp_path / 'm.png').write_bytes(saved(GREY))
    file = tmp_path / 'w.json'
    file.write_text(json.dumps({'version': 1, 'classes': classes, 'images': [{**entry, 'mask': 'm.png'}]}))
    return file


def checked(capsys, file):
    """Check labels that would not train, and return the line of the error."""
    assert main(['check', str(file), '--images', str(file.parent / 'images'), '--decode']) == 1
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith('ERROR: ')]
    assert len(lines) == 1, lines
    return lines[0]


@pytest.mark.parametrize('fault', NO_PICTURES)
def test_a_picture_that_cannot_be(labelled, capsys, fault):
    (labelled.parent / 'images/a.png').write_bytes(NO_PICTURES[fault])
    assert str(labelled.parent / 'images/a.png') in checked(capsys, labelled)


@pytest.mark.parametrize('fault', NO_MASKS)
def test_a_mask_that_cannot_be(labelled, capsys, fault):
    (labelled.parent / 'm.png').write_bytes(NO_MASKS[fault])
    assert str(labelled.parent / 'm.png') in checked(capsys, labelled)


@pytest.mark.parametrize('which', ['images/a.png', 'm.png'])
@pytest.mark.parametrize('kind', ['missing', 'folder', 'loop', 'fifo'])
def test_a_file_that_is_none(labelled, capsys, which, kind):
    path = labelled.parent / which
    path.unlink()
    if kind == 'folder':
        path.mkdir()
    elif kind == 'loop':
        path.symlink_to(path)
    elif kind == 'fifo':
        os.mkfifo(path)
    assert str(path) in checked(capsys, labelled)


# ---------------------------------------------------------------- files of runs and folders, and files that are none


LOGS = {
    'deep': '[' * 100_000 + '\n{}',
    'half': '{"mIoU"\n{"mIoU": 1.0}\n',
    'list': '[1]\n{}',
    'binary': '\udcff\udcfe\n{}',
}


@pytest.mark.parametrize('page', [False, True])
@pytest.mark.parametrize('fault', LOGS)
def test_a_damaged_log_of_a_run(tmp_path, capsys, fault, page):
    log = tmp_path / 'run/20/vis_data/scalars.json'
    log.parent.mkdir(parents=True)
    log.write_text(LOGS[fault], errors='surrogateescape')
    options = ['--html', tmp_path / 'page.html'] if page else []
    assert f'{log} is damaged (' in ended(capsys, ['report', tmp_path / 'run', *options])


def test_a_log_whose_last_line_was_cut_off_is_read(tmp_path, capsys):
    log = tmp_path / 'run/20/vis_data/scalars.json'
    log.parent.mkdir(parents=True)
    log.write_text('{"mIoU": 7.0, "step": 1}\n{"loss": 1')
    assert main(['report', str(tmp_path / 'run')]) == 0
    assert 'mIoU 7.00' in capsys.readouterr().out
    log.unlink()
    os.mkfifo(log)
    assert 'contains no evaluation' in ended(capsys, ['report', tmp_path / 'run'])


@pytest.mark.parametrize('content', ['[1]', '{"done": true, "result": []}', '[' * 100_000, '7'])
def test_a_damaged_marker_of_a_stage(tmp_path, capsys, content):
    (tmp_path / '01_a').mkdir()
    (tmp_path / '01_a/stage.json').write_text(content)
    assert f'{tmp_path}/01_a/stage.json is damaged (' in ended(capsys, ['report', tmp_path])


def test_an_index_that_is_nested_too_deep(tmp_path, capsys):
    (tmp_path / 'pseudo_labels.json').write_text('[' * 100_000)
    said = ended(capsys, ['export-labels', 'coco', tmp_path, '-o', tmp_path / 'o.json'])
    assert f'{tmp_path}/pseudo_labels.json is damaged (RecursionError' in said


@pytest.mark.parametrize('name', ['canonical', 'coco', 'cvat', 'label_studio', 'via', 'tags_npy', 'tags_txt', 'auto'])
def test_a_pipe_is_no_label_file(tmp_path, capsys, name):
    """Opening it would wait for a writer."""
    os.mkfifo(tmp_path / 'pipe')
    said = ended(capsys, ['convert', name, tmp_path / 'pipe', '--classes', 'background,cat', '-o', tmp_path / 'o.json'])
    assert str(tmp_path / 'pipe') in said


def test_a_pipe_is_neither_a_split_nor_a_label_file_to_check(labelled, capsys):
    os.mkfifo(labelled.parent / 'pipe')
    arguments = ['convert', 'canonical', labelled, '--classes', 'background,cat', '-o', labelled.parent / 'o.json']
    assert 'got the pipe or device' in ended(capsys, [*arguments, '--split', labelled.parent / 'pipe'])
    assert f'{labelled.parent}/pipe is not a file' in ended(capsys, ['check', labelled.parent / 'pipe'])


def test_a_name_with_line_breaks_and_codes_of_a_terminal_is_one_line(tmp_path, capsys):
    folder = tmp_path / "a\n\x1b[31m'"
    folder.mkdir()
    said = ended(capsys, ['init', folder, '-o', tmp_path / 'out'])
    assert f"{tmp_path}/a\\n\\x1b[31m'" in said


# ---------------------------------------------------------------- arguments of the command line


@pytest.mark.parametrize(('arguments', 'words'), bad_settings.ARGUMENTS)
def test_a_wrong_argument(labelled, capsys, monkeypatch, arguments, words):
    monkeypatch.chdir(labelled.parent)
    for name in ('masks', 'full'):
        (labelled.parent / name).mkdir()
        (labelled.parent / name / 'a.png').write_bytes(saved(GREY + 1))
    said = ended(capsys, arguments)
    for word in words:
        assert word in said, said
    assert not (labelled.parent / 'out.json').exists()


def test_a_full_disk_is_named(labelled, capsys, monkeypatch):
    def full(*arguments):
        raise OSError(errno.ENOSPC, 'No space left on device')

    monkeypatch.setattr(os, 'replace', full)
    out = labelled.parent / 'out.json'
    arguments = ['convert', 'canonical', labelled, '--classes', 'background,cat', '-o', out]
    assert f"No space left on device: '{out}'" in ended(capsys, arguments)
    assert not list(labelled.parent.glob('*out*'))


# ---------------------------------------------------------------- settings of a training


@pytest.fixture(scope='module')
def config(tmp_path_factory):
    return write_config(training_config(), tmp_path_factory.mktemp('config') / 'tiny.py')


@pytest.mark.slow
@pytest.mark.parametrize(('setting', 'word'), bad_settings.SETTINGS)
def test_a_wrong_setting(config, tmp_path, setting, word):
    with pytest.raises(SystemExit) as caught:
        run_tool('train', config, '--work-dir', tmp_path / 'out', '--cfg-options', setting)
    said = caught.value.code
    assert said.startswith('the training could not begin: ')
    assert word in said, said
    assert '\n' not in said
    assert not list((tmp_path / 'out').glob('*.pth'))
