"""Arguments of the label commands with which labels would be lost or wrong: refused in one line."""

import json

import numpy as np
import pytest
from PIL import Image

from mmseg_wsss.cli.main import main

VOC = (
    '<annotation><size><width>40</width><height>30</height></size><object><name>cat</name><bndbox><xmin>3</xmin>'
    '<ymin>4</ymin><xmax>20</xmax><ymax>25</ymax></bndbox></object></annotation>'
)


@pytest.fixture
def root(tmp_path):
    for folder in ('img', 'ann', 'xml'):
        (tmp_path / folder).mkdir()
    Image.fromarray(np.zeros((30, 40, 3), dtype=np.uint8)).save(tmp_path / 'img/a.jpg')
    mask = np.zeros((30, 40), dtype=np.uint8)
    mask[5:20, 5:30] = 1
    Image.fromarray(mask).save(tmp_path / 'ann/a.png')
    (tmp_path / 'xml/a.xml').write_text(VOC)
    (tmp_path / 'empty.txt').write_text('\n')
    return tmp_path


def run(root, capsys, command, *arguments):
    """Exit status and the last line."""
    sources = {
        'simulate': ('simulate', '--masks', root / 'ann', '--images', root / 'img'),
        'index_png': ('convert', 'index_png', root / 'ann'),
        'voc_xml': ('convert', 'voc_xml', root / 'xml'),
    }
    given = (*sources[command], '-o', root / 'o.json', *arguments)
    try:
        status = main([str(argument).replace('ROOT', str(root)) for argument in given])
    except SystemExit as error:  # of argparse
        status = error.code
    printed, said = capsys.readouterr()
    return status, (printed + said).splitlines()[-1]


@pytest.mark.parametrize('command', ['simulate', 'index_png'])
@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['--classes', 'cat,Background'], "class 0 is the background, but 'Background' is class 1"),
        (['--classes', 'background,background'], "class 0 is the background, but 'background' is class 1"),
        (['--classes', 'background,cat,Cat'], "the classes 'cat' and 'Cat' differ in upper and lower case alone"),
        (['--classes', 'background,cat', '--img-suffix', 'jpg'], "names of files with its dot, as .jpg, got 'jpg'"),
        (['--classes', 'background,cat', '-o', 'ROOT/img', '--force'], '-o must be a file, got the folder'),
    ],
)
def test_names_and_suffixes(root, capsys, command, arguments, message):
    status, line = run(root, capsys, command, *arguments)
    assert status == 2
    assert message in line
    assert not (root / 'o.json').exists()


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['--seed', '-1'], '--seed must not be negative and --length in (0, 1], got -1 and 0.7'),
        (['--length', 'nan'], 'got 0 and nan'),
        (['--split', 'ROOT/empty.txt'], 'empty.txt names no image'),
        (['--no-background'], "--no-background adds 'background': leave it out of --classes, got background, cat"),
    ],
)
def test_settings_of_simulate(root, capsys, arguments, message):
    status, line = run(root, capsys, 'simulate', '--classes', 'background,cat', *arguments)
    assert status == 2
    assert message in line


def test_masks_counted_from_one_are_not_called_unlabelled(root, capsys):
    Image.fromarray(np.asarray(Image.open(root / 'ann/a.png')) + 1).save(root / 'ann/a.png')
    for command in ('simulate', 'index_png'):
        status, line = run(root, capsys, command, '--classes', 'background,cat')
        assert status == 2
        assert 'They may count the classes from 1: then write every value less one' in line


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['--masks', 'ROOT/ann', '--force'], 'ann is the folder that is read; choose another'),
        (['--masks', 'ROOT/empty.txt'], '--masks must be a folder, got the file'),
        (['--report', 'ROOT/empty.txt', '--masks', 'ROOT/new'], 'empty.txt exists; choose another --report'),
        (['--box-centres', '2'], '--box-centres writes points for boxes, and'),
        (['--box-centres', '-1'], '--box-centres must not be negative, got -1'),
    ],
)
def test_nothing_is_written_over_or_lost(root, capsys, arguments, message):
    before = (root / 'ann/a.png').read_bytes()
    status, line = run(root, capsys, 'index_png', '--classes', 'background,cat', *arguments)
    assert status == 2
    assert message in line
    assert (root / 'ann/a.png').read_bytes() == before
    assert not (root / 'new').exists()


def test_classes_of_files_that_differ_in_case_alone(root, capsys):
    (root / 'xml/b.xml').write_text(VOC.replace('cat', 'Cat'))
    status, line = run(root, capsys, 'voc_xml')
    assert status == 2
    assert 'names in label files are mapped by --names Cat=cat' in line
    assert run(root, capsys, 'voc_xml', '--names', 'Cat=cat') == (0, '       2 cat')


def test_a_file_keeps_its_colours_without_classes(root, capsys):
    content = {
        'version': 1,
        'classes': [{'name': 'background', 'color': [0, 0, 0]}, {'name': 'cat', 'color': [1, 2, 3]}],
        'images': [{'file_name': 'a.jpg', 'tags': [1]}],
    }
    (root / 'in.json').write_text(json.dumps(content))
    assert main(['convert', 'canonical', str(root / 'in.json'), '-o', str(root / 'o.json')]) == 0
    assert json.loads((root / 'o.json').read_text())['classes'] == content['classes']


def test_summary_of_masks_and_of_nothing(root, capsys):
    assert run(root, capsys, 'index_png', '--classes', 'background,cat') == (0, '       1 images with a mask')
    Image.fromarray(np.full((30, 40), 255, dtype=np.uint8)).save(root / 'ann/a.png')
    status, line = run(root, capsys, 'index_png', '--classes', 'background,cat', '--force')
    assert status == 0
    assert line == 'nothing is labelled with any class: a network would learn nothing from these labels'
