"""The notebook of the documentation is run, cell after cell, at a small size."""

import ast
import json
import re
from pathlib import Path

import numpy as np
import torch
from mmseg.models.backbones import MobileNetV2
from PIL import Image

ROOT = Path(__file__).parents[1]
NOTEBOOK = ROOT / 'docs/tutorials/clicks_to_masks.ipynb'
SMALL = {'iterations': '4', 'num_train, num_val, num_new': '6, 2, 2'}


def test_the_notebook_from_clicks_to_masks(tmp_path, monkeypatch, capsys):
    """Sizes are the assignments of its first cell; what Jupyter shows is a picture."""
    monkeypatch.chdir(tmp_path)
    torch.save(MobileNetV2().state_dict(), 'mobilenet_v2.pth')
    monkeypatch.setenv('MBV2_CHECKPOINT', str(tmp_path / 'mobilenet_v2.pth'))
    notebook = json.loads(NOTEBOOK.read_text(encoding='utf-8'))
    cells = [''.join(cell['source']) for cell in notebook['cells'] if cell['cell_type'] == 'code']
    for names, values in SMALL.items():
        cells[0], found = re.subn(rf'^{names} = .*', f'{names} = {values}', cells[0], flags=re.MULTILINE)
        assert found == 1
    space = {'__name__': '__main__'}
    pictures = []
    for cell in cells:
        *body, last = ast.parse(cell).body
        if isinstance(last, ast.Expr) and 'print' not in ast.unparse(last):
            exec(compile(ast.Module(body, []), str(NOTEBOOK), 'exec'), space)
            pictures.append(eval(ast.unparse(last), space))
        else:
            exec(cell, space)
    assert [picture.size for picture in pictures] == [(384, 384), (768, 512)]
    clicked = {tuple(colour) for colour in np.asarray(pictures[0]).reshape(-1, 3).tolist()}
    assert {space['PALETTE'][point['class']] for point in space['labelled'][0]['points']} <= clicked
    assert sorted(path.name for path in Path('out/masks').glob('*.png')) == ['000.png', '001.png']
    assert all(Image.open(path).size == (128, 128) for path in Path('out/masks').glob('*.png'))
    assert Path('train.txt').read_text().split() == [f'{number:03}' for number in range(6)]
    assert Path('val.txt').read_text().split() == ['006', '007']
    assert Path('work_dirs/config/iter_4.pth').is_file()
    assert re.search(r'[\d.]+ % of the pixels of the new photos are right', capsys.readouterr().out)


def test_the_notebook_is_stored_without_what_it_printed():
    cells = json.loads(NOTEBOOK.read_text(encoding='utf-8'))['cells']
    assert [cell for cell in cells if cell.get('outputs') or cell.get('execution_count')] == []
