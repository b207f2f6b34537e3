"""Trained networks: listed, written, whole, and right on photographs that scikit-image brings."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmseg.registry import MODELS
from PIL import Image
from skimage import data

from mmseg_wsss.checkpoints.weights import compare_weights
from mmseg_wsss.checkpoints.zoo import sha256_of, zoo_models
from mmseg_wsss.cli.main import main
from tests.helpers.miniatures import write_acdc
from tests.helpers.trainings import run_tool
from tests.helpers.zoo_images import heart_slices, photographs

ROOT = Path(__file__).parents[2]
ZOO = zoo_models(ROOT / 'configs')
PHOTOGRAPHS = 'deeplabv3plus_mbv2_voc_pseudo_labels'


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.delenv('MMSEG_WSSS_ZOO', raising=False)
    monkeypatch.setattr('torch.hub.get_dir', lambda: str(tmp_path / 'hub'))


def test_the_list(capsys):
    assert main(['zoo']) == 0
    printed = capsys.readouterr().out
    assert PHOTOGRAPHS in ZOO
    for name, model in ZOO.items():
        assert f'| {name} ' in printed
        assert all(f'{score} {value}' in printed for score, value in model.metrics.items())


def test_files_of_one(tmp_path, capsys):
    assert main(['zoo', PHOTOGRAPHS, '-o', str(tmp_path / 'new')]) == 0
    config = tmp_path / f'new/{PHOTOGRAPHS}.py'
    assert Config.fromfile(config).model.decode_head.num_classes == 21
    assert sha256_of(tmp_path / 'new' / ZOO[PHOTOGRAPHS].file_name) == ZOO[PHOTOGRAPHS].sha256
    assert 'Terms: the photographs are from Flickr' in capsys.readouterr().out
    config.write_text('mine = 1\n')
    assert main(['zoo', PHOTOGRAPHS, '-o', str(tmp_path / 'new')]) == 2
    assert 'exists: choose another folder with -o' in capsys.readouterr().err
    assert config.read_text() == 'mine = 1\n'
    assert main(['zoo', 'deeplab', '-o', str(tmp_path)]) == 2
    assert "'deeplab' is not the name of a model" in capsys.readouterr().err


@pytest.mark.parametrize('name', ZOO)
def test_scores_are_those_of_the_training(name):
    log = ROOT / 'zoo' / Path(ZOO[name].file_name).with_suffix('.json')
    rows = [json.loads(line) for line in log.read_text().splitlines()]
    steps = [(row['step'], 'loss' not in row) for row in rows]
    assert steps == sorted(set(steps))
    last = rows[-1]
    scores = {
        key.rpartition('/')[2].replace('_subset', ''): value
        for key, value in last.items()
        if 'Io' in key or 'Dice' in key
    }
    for key, value in ZOO[name].metrics.items():
        assert scores[key] == pytest.approx(value, abs=0.051)
    assert last['step'] > 100


def test_files_are_small_and_all_are_named():
    files = {path.name: path.stat().st_size for path in (ROOT / 'zoo').iterdir()}
    names = {Path(model.file_name).stem for model in ZOO.values()}
    assert set(files) == {f'{name}{suffix}' for name in names for suffix in ('.pth', '.json')}
    assert max(files.values()) <= 8e6
    assert sum(files.values()) <= 40e6


@pytest.mark.parametrize('name', ZOO)
def test_a_file_is_what_its_metafile_says_and_fits_its_config(name):
    path = ROOT / 'zoo' / ZOO[name].file_name
    assert sha256_of(path) == ZOO[name].sha256
    assert ZOO[name].file_name == f'{name}-{ZOO[name].sha256[:8]}.pth'
    content = torch.load(path, weights_only=True)
    assert set(content) == {'meta', 'state_dict'}
    assert set(content['meta']) == {'iter', 'epoch', 'dataset_meta', 'mmseg_wsss_version'}
    assert all(value.dtype != torch.float32 for value in content['state_dict'].values())
    cfg = Config.fromfile(ZOO[name].config)
    assert not str(compare_weights(MODELS.build(cfg.model).state_dict(), content['state_dict']))
    assert len(content['meta']['dataset_meta']['classes']) == cfg.model.decode_head.num_classes


DICE = {
    'cam_mbv2_voc_tags': {8: 0.849, 15: 0.660},
    'deeplabv3plus_mbv2_voc_boxes': {8: 0.867, 15: 0.803},
    'deeplabv3plus_mbv2_voc_pseudo_labels': {8: 0.861, 15: 0.774},
    'deeplabv3plus_mbv2_voc_pseudo_labels_long': {8: 0.799, 15: 0.350},
    'mbv2_voc_boxes_warm_start': {8: 0.928},
    'mbv2_voc_tags_long': {8: 0.791, 15: 0.853},
    'unet_acdc_points': {1: 0.890, 2: 0.889, 3: 0.978},
    'unet_acdc_scribbles': {1: 0.726, 2: 0.877, 3: 0.966},
}
"""Dice per class on the images of zoo_images: cat and person, or right ventricle, muscle and left ventricle."""


@pytest.mark.parametrize('name', ZOO)
def test_a_network_has_its_scores_on_a_few_images(name, tmp_path, capsys):
    images = heart_slices() if name.startswith('unet_acdc') else photographs()
    for stem, (image, _) in images.items():
        Image.fromarray(image).save(tmp_path / f'{stem}.png')
    files = [str(tmp_path / f'{stem}.png') for stem in images]
    assert main(['predict', '--model', name, *files, '-o', str(tmp_path / 'out')]) == 0
    capsys.readouterr()
    true = np.concatenate([mask.ravel() for _, mask in images.values()])
    found = np.concatenate([np.asarray(Image.open(tmp_path / f'out/masks/{stem}.png')).ravel() for stem in images])
    dice = {label: 2 * ((true == label) & (found == label)).sum() for label in DICE[name]}
    dice = {label: both / ((true == label).sum() + (found == label).sum()) for label, both in dice.items()}
    assert dice == pytest.approx(DICE[name], abs=0.02)


def test_a_cat_and_a_person_are_found(tmp_path, capsys):
    for name in ('chelsea', 'astronaut'):
        Image.fromarray(getattr(data, name)()).save(tmp_path / f'{name}.png')
    photos = [str(tmp_path / 'chelsea.png'), '-o', str(tmp_path / 'out'), str(tmp_path / 'astronaut.png')]
    assert main(['predict', '--model', PHOTOGRAPHS, *photos]) == 0
    shares = {}
    for name in ('chelsea', 'astronaut'):
        mask = np.asarray(Image.open(tmp_path / f'out/masks/{name}.png'))
        shares[name] = np.bincount(mask.ravel(), minlength=21) / mask.size
    cat, person = 8, 15
    assert shares['chelsea'][cat] == pytest.approx(0.583, abs=0.02)
    assert shares['astronaut'][person] == pytest.approx(0.404, abs=0.02)
    assert shares['chelsea'][[0, cat]].sum() > 0.99
    assert 'of 2 photos' in capsys.readouterr().out


def test_what_predict_needs(tmp_path, capsys):
    assert main(['predict', 'config.py', 'net.pth', '-o', str(tmp_path / 'out')]) == 2
    assert 'expected CONFIG CHECKPOINT PHOTOS, or --model NAME PHOTOS' in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(['predict', 'config.py', 'net.pth', 'a.png', '-o', str(tmp_path / 'out'), '--modle', 'x'])
    assert 'unrecognized arguments: --modle x' in capsys.readouterr().err
    assert main(['predict', '--model', 'mbv3', 'a.png', '-o', str(tmp_path / 'out')]) == 2
    assert "'mbv3' is not the name of a model" in capsys.readouterr().err


def test_a_damaged_file_is_refused(tmp_path, monkeypatch, capsys):
    shutil.copytree(ROOT / 'zoo', tmp_path / 'zoo')
    path = tmp_path / 'zoo' / ZOO[PHOTOGRAPHS].file_name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    monkeypatch.setenv('MMSEG_WSSS_ZOO', str(tmp_path / 'zoo'))
    assert main(['predict', '--model', PHOTOGRAPHS, 'a.png', '-o', str(tmp_path / 'out')]) == 2
    assert 'the file is damaged or another one; it was not kept' in capsys.readouterr().err


def test_a_network_is_measured_on_the_data_of_its_recipe(tmp_path, monkeypatch, capsys):
    write_acdc(tmp_path)
    monkeypatch.setenv('ACDC_ROOT', str(tmp_path / 'acdc'))
    config, weights = ZOO['unet_acdc_scribbles'].config, ROOT / 'zoo' / ZOO['unet_acdc_scribbles'].file_name
    scores = []
    for place, network in {'a': ['--model', 'unet_acdc_scribbles'], 'b': [config, weights]}.items():
        run_tool('test', *network, '--work-dir', tmp_path / place)
        (path,) = (tmp_path / place).glob('*/*.json')
        row = json.loads(path.read_text())
        scores.append({key: value for key, value in row.items() if not key.endswith('time')})
    assert scores[0] == scores[1]
    assert scores[0]['aAcc'] > 0
    capsys.readouterr()


def test_what_test_needs(tmp_path, capsys):
    for wrong in ([], ['config.py'], ['config.py', '--model', 'mbv2_voc_tags_long']):
        with pytest.raises(SystemExit, match='^expected CONFIG CHECKPOINT, or --model NAME, got'):
            run_tool('test', *wrong)
    with pytest.raises(SystemExit, match=r"'unet_acdc' is not the name of a model: did you mean unet_acdc_"):
        run_tool('test', '--model', 'unet_acdc')
    with pytest.raises(SystemExit, match=r'has no checkpoint: train first, or name a \.pth file'):
        run_tool('test', 'config.py', tmp_path)
