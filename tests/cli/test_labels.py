"""Arguments of the label commands with which labels would be lost or wrong: refused in one line."""

import json
import os
import sys

import numpy as np
import pytest
from PIL import Image

from mmseg_wsss.cli._labels import suffix_in
from mmseg_wsss.cli.main import main
from mmseg_wsss.datasets.formats import read_labels
from mmseg_wsss.datasets.formats.arrow_labels import is_arrow

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


def test_a_class_file_with_an_empty_line_is_an_error(root, capsys):
    (root / 'classes.txt').write_text('background\n\ncat\n')
    status, line = run(root, capsys, 'index_png', '--classes', 'ROOT/classes.txt')
    assert status == 2
    assert "classes.txt, line 2: expected the name of a class, got ''. Lines are counted as class ids" in line


@pytest.mark.parametrize('command', ['simulate', 'index_png'])
@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['--classes', 'cat,Background'], "class 0 is the background, but 'Background' is class 1"),
        (['--classes', 'background,background'], "class 0 is the background, but 'background' is class 1"),
        (
            ['--classes', 'background,cat,Cat'],
            "the classes 'cat' and 'Cat' differ in upper and lower case or white space alone",
        ),
        (['--classes', 'background,cat', '--img-suffix', 'jpg'], "names of files with its dot, as .jpg, got 'jpg'"),
        (['--classes', 'background,cat', '-o', 'ROOT/img', '--force'], '-o must be a file, got the folder'),
        (
            ['--classes', 'background,cat', '-o', 'ROOT/img/a.jpg/o.json'],
            'a.jpg, which is a file and no folder',
        ),
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


SIMULATE = ('simulate', '--masks', 'ROOT/ann', '--images', 'ROOT/img', '--classes', 'background,cat')


def wsss(root, *arguments):
    return main([argument.replace('ROOT', str(root)) for argument in arguments])


def texts(*paths):
    """The label sets of files as JSON."""
    return [read_labels(str(path)).to_json() for path in paths]


def test_arrow_files_are_written_by_the_suffix(root, capsys, monkeypatch):
    monkeypatch.setattr('mmseg_wsss.datasets.formats.arrow_table.PART_ROWS', 1)
    for name in 'bc':
        for folder, suffix in (('img', 'jpg'), ('ann', 'png')):
            (root / f'{folder}/{name}.{suffix}').write_bytes((root / f'{folder}/a.{suffix}').read_bytes())
    outputs = [root / name for name in ('w.json', 'w.arrow', 'parts/part-00000.arrow')]
    said = []
    for output in outputs:
        assert wsss(root, *SIMULATE, '--kinds', 'points,boxes', '-o', str(output)) == 0
        said.append(capsys.readouterr().out.replace(str(output), 'OUT'))
        assert len(read_labels(str(output)).images) == 3
    assert said[0] == said[1] == said[2]
    first, *others = texts(*outputs)
    assert others == [first] * 2
    assert is_arrow(outputs[1])
    assert not is_arrow(outputs[0])
    assert sorted(path.name for path in (root / 'parts').iterdir()) == [f'part-0000{i}.arrow' for i in range(3)]
    for source, output in ((outputs[0], 'x.arrow'), (outputs[2], 'x.json')):
        command = ('convert', 'auto', str(source), '--classes', 'background,cat', '-o', str(root / output))
        assert wsss(root, *command) == 0
        assert texts(root / output) == [first]


def test_arrow_files_are_not_overwritten(root, capsys):
    for output in ('w.arrow', 'part-00000.arrow'):
        assert wsss(root, *SIMULATE, '-o', str(root / output)) == 0
        assert wsss(root, *SIMULATE, '-o', str(root / output)) == 2
        assert f'{root / output} exists; choose another -o, or overwrite it with --force' in capsys.readouterr().err
        assert wsss(root, *SIMULATE, '-o', str(root / output), '--force') == 0
    (root / 'part-00000.arrow').rename(root / 'part-00001.arrow')
    assert wsss(root, *SIMULATE, '-o', str(root / 'part-00000.arrow')) == 2
    assert f'{root / "part-00001.arrow"} exists' in capsys.readouterr().err
    assert wsss(root, *SIMULATE, '-o', str(root / 'part-00000.arrow'), '--force') == 2
    assert 'is the first of 1 files, but there are more: remove those of other labels' in capsys.readouterr().err


def test_without_pyarrow_nothing_is_simulated(root, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, 'pyarrow', None)
    assert wsss(root, *SIMULATE, '-o', 'ROOT/w.arrow') == 2
    assert 'label files in Arrow need pyarrow: pip install "mmseg-wsss[arrow]"' in capsys.readouterr().err
    assert wsss(root, *SIMULATE, '-o', 'ROOT/w.json') == 0


def test_arrow_files_are_checked_each_time(root, capsys, monkeypatch):
    monkeypatch.setenv('XDG_CACHE_HOME', str(root / 'cache'))
    for suffix in ('json', 'arrow'):
        assert wsss(root, *SIMULATE, '-o', f'ROOT/w.{suffix}') == 0
    capsys.readouterr()
    said = []
    for suffix in ('json', 'arrow'):
        assert wsss(root, 'check', f'ROOT/w.{suffix}', '--images', 'ROOT/img', '--decode') == 0
        said.append(capsys.readouterr().out.replace(f'w.{suffix}', 'W'))
    assert said[0] == said[1]
    assert '1 images, 2 classes' in said[0]
    status = (root / 'img').stat()
    Image.fromarray(np.zeros((30, 41, 3), dtype=np.uint8)).save(root / 'img/a.jpg')  # in place
    os.utime(root / 'img', ns=(status.st_atime_ns, status.st_mtime_ns))
    assert wsss(root, 'check', 'ROOT/w.arrow', '--images', 'ROOT/img') == 1
    assert 'width and height are 40 x 30 in the label file, but' in capsys.readouterr().out


def test_arrow_files_are_exported(root):
    assert wsss(root, *SIMULATE, '--kinds', 'boxes', '-o', 'ROOT/part-00000.arrow') == 0
    assert wsss(root, 'export-labels', 'coco', 'ROOT/part-00000.arrow', '-o', 'ROOT/coco.json') == 0
    (box,) = json.loads((root / 'coco.json').read_text())['annotations']
    assert box['bbox'] == [5, 5, 25, 15]


def test_arrow_files_are_browsed(root, capsys, monkeypatch):
    monkeypatch.setenv('XDG_CACHE_HOME', str(root / 'cache'))
    assert wsss(root, *SIMULATE, '-o', 'ROOT/w.arrow') == 0
    steps = "dict(type='LoadWeakAnnotations'), dict(type='RasterizeWeakAnnotations'), dict(type='PackWeakSegInputs')"
    (root / 'c.py').write_text(
        f"""
train_dataloader = dict(batch_size=1, num_workers=0, sampler=dict(type='DefaultSampler', shuffle=False), dataset=dict(
    type='WeakSegDataset', weak_labels=dict(path='w.arrow'), data_root={str(root)!r}, data_prefix=dict(img_path='img'),
    pipeline=[dict(type='LoadImageFromFile'), {steps}]))
model = dict(data_preprocessor=dict(
    type='SegDataPreProcessor', mean=[0.0] * 3, std=[1.0] * 3, bgr_to_rgb=True, size=(30, 40)))
"""
    )
    assert wsss(root, 'browse', 'ROOT/c.py', '-n', '1', '-o', 'ROOT/b.png') == 0
    assert 'a.jpg: 2 of 1200 pixels labelled' in capsys.readouterr().out


@pytest.mark.parametrize('command', ['simulate', 'index_png'])
def test_the_suffix_of_the_images_is_that_of_the_pictures_in_their_folder(root, capsys, command):
    Image.open(root / 'img/a.jpg').save(root / 'img/a.TIF')
    (root / 'img/a.jpg').unlink()
    extra = () if command == 'simulate' else ('--images', root / 'img')
    arguments = (command, *extra, '--classes', 'background,cat', '-o', root / 'w.json')
    assert run(root, capsys, *arguments)[0] == 0
    assert read_labels(str(root / 'w.json')).images['a'].file_name == 'a.TIF'
    (root / 'split.txt').write_text('a\n')
    assert main(['check', str(root / 'w.json'), '--images', str(root / 'img'), '--split', str(root / 'split.txt')]) == 0


def test_without_pictures_the_suffix_is_the_usual_one(root):
    assert suffix_in(None) == suffix_in(root / 'xml') == suffix_in(root / 'nowhere') == '.jpg'
    assert suffix_in(root / 'img', '.png') == '.jpg'
    assert suffix_in(root / 'xml', '.png') == '.png'
