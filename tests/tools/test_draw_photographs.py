import json

import numpy as np
import pytest
from mmengine.runner import Runner
from PIL import Image

from mmseg_wsss.labelling.photo_masks import write_photo_masks
from tests.helpers.models import head_config, model_config
from tests.helpers.tools import load_tool
from tests.helpers.trained import training_config

READ = [{'type': 'LoadImageFromFile'}, {'type': 'LoadAnnotations'}, {'type': 'PackSegInputs'}]


@pytest.fixture
def run(tmp_path):
    """The work dir of a network of the classes of VOC after one iteration and one validation."""
    for folder, mode in (('img', 'RGB'), ('ann', 'L')):
        (tmp_path / folder).mkdir()
        for name in 'ab':
            Image.new(mode, (32, 32)).save(tmp_path / f'{folder}/{name}.png')
    photos = {
        'type': 'BaseSegDataset',
        'data_prefix': {'img_path': str(tmp_path / 'img'), 'seg_map_path': str(tmp_path / 'ann')},
        'img_suffix': '.png',
        'metainfo': {'classes': [f'class {i}' for i in range(21)], 'palette': [[i, i, i] for i in range(21)]},
        'pipeline': READ,
    }
    head = head_config('deeplabv3plus', 21)
    model = model_config(head, {'loss_ce': {'type': 'PartialCrossEntropyLoss'}})
    cfg = training_config(tmp_path / 'work', model, {'type': 'SeededDataset', 'dataset': photos}, photos)
    cfg.val_dataloader, cfg.val_cfg = cfg.test_dataloader, {'type': 'ValLoop'}
    cfg.val_evaluator = {'type': 'SubsetIoUMetric', 'classes': ['class 0']}
    cfg.visualizer = {'type': 'SegLocalVisualizer', 'vis_backends': [{'type': 'LocalVisBackend'}]}
    cfg.train_cfg.val_interval = 1
    Runner.from_cfg(cfg).train()
    return tmp_path / 'work'


def test_scores_and_masks_are_those_of_the_runs(run, tmp_path, monkeypatch):
    script = load_tool('draw_photographs')
    drawn = []
    kept = script.draw_panels

    def draw_panels(*args, **kwargs):
        drawn.append((args, kwargs))
        return kept(*args, **kwargs)

    monkeypatch.setattr(script, 'draw_panels', draw_panels)
    sheet = script.draw([run] * 4)
    assert sheet.shape[1] >= 6 * script.SIDE
    logged = [json.loads(line) for line in next(run.glob('*/vis_data/scalars.json')).read_text().splitlines()]
    score = logged[-1]['mIoU_subset']
    assert [list(kwargs['steps']) for _, kwargs in drawn] == [[f'{n}: {score:.1f} mIoU' for n in script.NAMES]] * 2
    for (image, clicks), _ in drawn:
        assert image.shape == (script.SIDE, script.SIDE, 3)
        assert (clicks != 255).sum() == 1
    assert [clicks.min() for (_, clicks), _ in drawn] == [8, 15]  # cat and person
    Image.fromarray(drawn[0][0][0]).save(tmp_path / 'cat.png')
    cfg = script.Config.fromfile(next(run.glob('*.py')))
    write_photo_masks(cfg, run / 'iter_1.pth', {'cat': tmp_path / 'cat.png'}, tmp_path / 'out')
    expected = np.asarray(Image.open(tmp_path / 'out/masks/cat.png'))
    for mask in drawn[0][1]['steps'].values():
        np.testing.assert_array_equal(mask, expected)
