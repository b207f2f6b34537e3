"""``wsss export-labels``, and ``wsss convert`` of what it wrote."""

import json

import numpy as np
import pytest
from PIL import Image

from mmseg_wsss.cli.main import main
from mmseg_wsss.datasets.formats import read_labels
from tests.helpers.same_files import files_of
from tests.helpers.written_labels import CLASSES, all_kinds, mask_of, pseudo_labels, scene, worst_iou

OUTPUTS = {'labelme': 'out', 'cvat': 'out.xml', 'label_studio': 'out.json', 'coco': 'out.json', 'index_png': 'out'}


@pytest.mark.parametrize('name', OUTPUTS)
def test_pseudo_labels_go_to_a_tool_and_back(tmp_path, name, capsys):
    pseudo_labels(tmp_path / 'pseudo')
    out, back = tmp_path / OUTPUTS[name], tmp_path / 'weak_labels.json'
    assert main(['export-labels', name, str(tmp_path / 'pseudo'), '-o', str(out)]) == 0
    said = capsys.readouterr().out
    assert said.startswith(f'{out}: ')
    assert '1 images, 3 classes\n       1 images with a mask' in said
    options = ['--classes', ','.join(CLASSES), '--masks', str(tmp_path / 'masks')]
    options += ['--predictions'] if name == 'label_studio' else []
    assert main(['convert', 'auto', str(out), *options, '-o', str(back)]) == 0
    (entry,) = read_labels(str(back)).images.values()
    assert entry.size == (173, 131)
    assert worst_iou(mask_of(entry), scene()) > 0.99


@pytest.mark.parametrize('name', OUTPUTS)
def test_nothing_is_overwritten_without_force(tmp_path, name, capsys):
    pseudo_labels(tmp_path / 'pseudo')
    command = ['export-labels', name, str(tmp_path / 'pseudo'), '-o', str(tmp_path / OUTPUTS[name])]
    assert main(command) == 0
    files = {path: path.read_bytes() for path in tmp_path.rglob('*') if path.is_file()}
    assert main(command) == 2
    assert 'files do); choose another -o, or overwrite them with --force' in capsys.readouterr().err
    assert {path: path.read_bytes() for path in tmp_path.rglob('*') if path.is_file()} == files
    assert main([*command, '--force']) == 0


@pytest.mark.parametrize('name', OUTPUTS)
def test_all_files_are_written_or_none(tmp_path, name, capsys):
    """The mask of the last image is damaged; an earlier export is there the second time."""
    pseudo_labels(tmp_path / 'pseudo')
    masks = tmp_path / 'pseudo/masks'
    command = ['export-labels', name, str(masks), '--classes', ','.join(CLASSES), '--report', str(tmp_path / 'r.json')]
    command += ['-o', str(tmp_path / 'made' / OUTPUTS[name])]
    (masks / 'z.png').write_bytes((masks / 'field/a.png').read_bytes()[:-60])
    assert main(command) == 2
    assert 'z.png' in capsys.readouterr().err
    assert [path for path in (tmp_path / 'made').rglob('*') if path.is_file()] == []
    assert not (tmp_path / 'r.json').exists()
    damaged = (masks / 'z.png').read_bytes()
    (masks / 'z.png').unlink()
    assert main(command) == 0
    before = files_of(tmp_path / 'made')
    (masks / 'field/a.png').write_bytes((masks / 'field/a.png').read_bytes() + b' ')
    Image.fromarray(np.ones((3, 4), np.uint8)).save(masks / 'b.png')
    (masks / 'z.png').write_bytes(damaged)
    (tmp_path / 'r.json').unlink()
    assert main([*command, '--force']) == 2
    assert files_of(tmp_path / 'made') == before


def test_files_of_labelme_lie_beside_the_images(tmp_path):
    pseudo_labels(tmp_path / 'pseudo')
    (tmp_path / 'images/field').mkdir(parents=True)
    Image.new('RGB', (173, 131)).save(tmp_path / 'images/field/a.png')
    assert main(['export-labels', 'labelme', str(tmp_path / 'pseudo'), '-o', str(tmp_path / 'images')]) == 0
    assert sorted(path.name for path in (tmp_path / 'images/field').iterdir()) == ['a.json', 'a.png']


def test_the_source_is_not_overwritten_even_with_force(tmp_path, capsys):
    pseudo_labels(tmp_path / 'pseudo')
    all_kinds(tmp_path).write(tmp_path / 'w.json')
    files = {path: path.read_bytes() for path in tmp_path.rglob('*') if path.is_file()}
    for name, source, output in (('index_png', 'pseudo', 'pseudo/masks'), ('coco', 'w.json', 'w.json')):
        command = ['export-labels', name, str(tmp_path / source), '-o', str(tmp_path / output), '--force']
        assert main(command) == 2
        assert 'belongs to the labels that are read: choose another -o' in capsys.readouterr().err
    assert {path: path.read_bytes() for path in tmp_path.rglob('*') if path.is_file()} == files


def test_what_is_left_out_is_printed_and_listed(tmp_path, capsys):
    all_kinds(tmp_path).write(tmp_path / 'w.json')
    command = ['export-labels', 'coco', str(tmp_path / 'w.json'), '-o', str(tmp_path / 'out.json')]
    command += ['--report', str(tmp_path / 'left_out.json')]
    assert main(command) == 0
    assert (
        'left out: 2 clicks, which COCO has no form for (field/a 1 no. 0, field/a 1 no. 1)\n' in capsys.readouterr().out
    )
    listed = json.loads((tmp_path / 'left_out.json').read_text())
    assert listed['format'] == 'coco'
    assert listed['left_out']['tags, which COCO has no form for']['names'] == [
        'c no. 0',
        'field/a 1 no. 0',
        'field/a 1 no. 1',
    ]
    (tmp_path / 'out.json').unlink()
    assert main(command) == 2
    assert 'left_out.json exists; choose another --report' in capsys.readouterr().err
    assert not (tmp_path / 'out.json').exists()


@pytest.mark.parametrize(
    ('name', 'output', 'message'),
    [
        ('cvat', 'out', 'cvat is one file: -o must end in .xml'),
        ('coco', 'out.xml', 'coco is one file: -o must end in .json'),
        ('labelme', 'w.json', 'w.json is a file: labelme needs a folder as -o'),
        ('index_png', 'masks', 'holds the values [2], expected ids of the 2 classes or 255'),
    ],
)
def test_wrong_arguments(tmp_path, name, output, message, capsys):
    all_kinds(tmp_path / 'in').write(tmp_path / 'w.json')
    classes = ['--classes', 'background,crop'] if output == 'masks' else []
    source = tmp_path / ('in' if classes else 'w.json')
    assert main(['export-labels', name, str(source), '-o', str(tmp_path / output), *classes]) == 2
    assert message in capsys.readouterr().err


def test_brushes_are_exact(tmp_path):
    pseudo_labels(tmp_path / 'pseudo')
    out = tmp_path / 'out.xml'
    assert main(['export-labels', 'cvat', str(tmp_path / 'pseudo'), '-o', str(out), '--shapes', 'brushes']) == 0
    source = {'format': 'cvat', 'path': str(out), 'masks': str(tmp_path / 'masks')}
    assert np.array_equal(mask_of(read_labels(source, CLASSES).images['field/a']), scene())
