"""A config over a recipe for one's own data, and a checkpoint of it."""

from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmseg.registry import MODELS
from PIL import Image

from mmseg_wsss.engine.own_data import fill_own_data
from tests.helpers.one_of_each import CLASSES, COLOURS, write_own_data

RECIPE = Path(__file__).parents[2] / 'configs/own_data/clicks_cpu.py'
BACKBONE = "dict(_delete_=True, type='ResNet', depth=18, base_channels=8, stem_channels=8)"
HEAD = 'dict(in_channels=64, channels=8, c1_in_channels=8, c1_channels=4, dilations=(1, 2))'


@pytest.fixture
def project(tmp_path):
    """A config, a checkpoint of random weights, and photos in a folder and its subfolder."""
    write_own_data(tmp_path)
    text = f"_base_ = '{RECIPE}'\ndata_root = '{{{{ fileDirname }}}}'\ncrop = 32\nscale = 48\n"
    (tmp_path / 'config.py').write_text(text + f'model = dict(backbone={BACKBONE}, decode_head={HEAD})\n')
    cfg = Config.fromfile(tmp_path / 'config.py')
    fill_own_data(cfg)
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    model.decode_head.conv_seg.weight.data.mul_(100)
    meta = {'dataset_meta': {'classes': CLASSES, 'palette': list(COLOURS)}}
    torch.save({'state_dict': model.state_dict(), 'meta': meta}, tmp_path / 'net.pth')
    for name in ('field/a.png', 'b.JPG', 'notes.txt'):
        path = tmp_path / 'photos' / name
        path.parent.mkdir(parents=True, exist_ok=True)
        picture = np.random.default_rng(0).integers(0, 255, (30, 70, 3), dtype=np.uint8)
        Image.fromarray(picture).save(path, format='png' if name.endswith('png') else 'jpeg')
    return tmp_path, cfg
