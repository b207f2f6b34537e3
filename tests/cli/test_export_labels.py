"""``wsss export-labels``, and ``wsss convert`` of what it wrote."""

import json

import numpy as np
import pytest

from mmseg_wsss.cli.main import main
from mmseg_wsss.datasets.formats import read_labels
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
    assert 'exists and has content; choose another -o, or overwrite it with --force' in capsys.readouterr().err
    assert {path: path.read_bytes() for path in tmp_path.rglob('*') if path.is_file()} == files
    assert main([*command, '--force']) == 0


def test_what_is_left_out_is_printed_and_listed(tmp_path, capsys):
    all_kinds(tmp_path).write(tmp_path / 'w.json')
    command = ['export-labels', 'coco', str(tmp_path / 'w.json'), '-o', str(tmp_path / 'out.json')]
    command += ['--report', str(tmp_path / 'left_out.json')]
    assert main(command) == 0
    assert 'left out: 1 clicks of images, which COCO has no form for (field/a 1)\n' in capsys.readouterr().out
    listed = json.loads((tmp_path / 'left_out.json').read_text())
    assert listed['format'] == 'coco'
    assert listed['left_out']['tags of images, which COCO has no form for'] == {'count': 2, 'names': ['c', 'field/a 1']}
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
