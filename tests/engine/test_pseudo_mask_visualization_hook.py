from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.runner import Runner
from mmseg.registry import TRANSFORMS
from PIL import Image

from mmseg_wsss.engine.hooks import PseudoMaskVisualizationHook
from mmseg_wsss.engine.hooks.pseudo_mask_visualization_hook import read_truth
from mmseg_wsss.structures import WeakAnnotations
from tests.datasets.transforms.test_geometry import run, sample
from tests.helpers.pmp_runs import run_config


def train(config, hooks):
    config.custom_hooks = [{'type': 'ExactResumeHook'}, {'type': 'ExpandingConfidenceHook'}, *hooks]
    config.train_cfg.max_iters = 3
    config.visualizer = {
        'type': 'SegLocalVisualizer',
        'vis_backends': [{'type': 'LocalVisBackend'}],
        'name': config.experiment_name,
    }
    runner = Runner.from_cfg(config)
    runner.train()
    return runner


def test_draws_once_per_epoch_and_disturbs_nothing(tmp_path):
    plain = train(run_config(tmp_path / 'plain'), [])
    runner = train(run_config(tmp_path / 'drawn'), [{'type': 'PseudoMaskVisualizationHook', 'max_images': 1}])
    expected = plain.model.state_dict()
    assert all(torch.equal(value, expected[name]) for name, value in runner.model.state_dict().items())
    (path,) = Path(runner.work_dir).rglob('vis_image/*.png')
    assert path.name == 'pseudo_masks_3.png'
    assert np.asarray(Image.open(path)).shape[1] == 6 * 7 * 32 + 5 * 4 + 4  # six panels of 32 pixels, enlarged
    coverage = runner.message_hub.get_scalar('train/pseudo_mask_coverage').current()
    assert 0.01 < coverage < 1


def test_truth_moves_with_the_image(tmp_path):
    mask = np.random.default_rng(0).integers(0, 3, (30, 40), dtype=np.uint8)
    Image.fromarray(mask).save(tmp_path / 'a.png')
    steps = [
        {'type': 'WeakRandomCrop', 'crop_size': (20, 25)},
        {'type': 'WeakRandomFlip', 'prob': 1.0, 'direction': 'diagonal'},
    ]
    start = {**sample((30, 40), WeakAnnotations(points=[[1, 1]], point_labels=[1]), mask)}
    start['seg_map_path'] = str(tmp_path / 'a.png')
    results = run(start, steps)
    drawn = results['gt_seg_map'].copy()
    packed = TRANSFORMS.build({'type': 'PackWeakSegInputs'})(results)['data_samples']
    seen = read_truth(packed)
    assert (seen != drawn).sum() <= 1  # the click
    packed.gt_valid_map.data[0, :5] = 0
    assert (read_truth(packed)[:5] == 255).all()
    mapped = read_truth(packed, {0: 0, 1: 0, 2: 1})
    np.testing.assert_array_equal(mapped[5:], (seen == 2)[5:])


def test_what_is_missing_is_named(tmp_path):
    config = run_config(tmp_path)
    config.model.losses = {'loss_ce': {'type': 'PartialCrossEntropyLoss'}}
    with pytest.raises(ValueError, match='draws what PMPLoss makes; model.losses has none'):
        train(config, [{'type': 'PseudoMaskVisualizationHook'}])
    with pytest.raises(ValueError, match='interval and max_images must be at least 1, got 0 and 4'):
        PseudoMaskVisualizationHook(interval=0)
    packed = TRANSFORMS.build({'type': 'PackWeakSegInputs'})(run(sample((9, 9)), []))['data_samples']
    with pytest.raises(ValueError, match=r'truth=True\) needs full masks of the training images'):
        read_truth(packed)
