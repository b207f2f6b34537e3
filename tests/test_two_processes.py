"""A recipe of each family on two processes: the logged scores are those of the checkpoint, labels are written once."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.multiprocessing as mp
from mmengine.config import Config
from mmseg.registry import MODELS

from mmseg_wsss.checkpoints.loading import load_checkpoint
from mmseg_wsss.cli.main import main
from mmseg_wsss.datasets.formats.pseudo_labels import INDEX
from mmseg_wsss.datasets.pseudo_label_files import read_index
from mmseg_wsss.engine.processes import disconnect
from mmseg_wsss.engine.stages import StagedRunner
from mmseg_wsss.engine.training import train
from mmseg_wsss.labelling.generator_masks import write_generator_labels
from tests.engine.test_processes import free_port, rank_of
from tests.helpers.same_files import files_of
from tests.helpers.trainings import run_tool, training_config, write_config

CONFIGS = Path(__file__).parents[1] / 'configs'
SIZE = (96, 96)
DATA = {'dataset': {'num_images': 7, 'size': SIZE}, 'num_workers': 0, 'persistent_workers': False}
# Seven images, so that one process has one more than the other; batches of two.
SHORT = {
    'train_cfg': {'max_iters': 2, 'val_interval': 2},
    'train_dataloader': {**DATA, 'batch_size': 2},
    'val_dataloader': {**DATA, 'batch_size': 2},
    'test_dataloader': {**DATA, 'batch_size': 2},
    'default_hooks': {'checkpoint': {'interval': 2}, 'logger': {'interval': 1}},
    'log_level': 'ERROR',
}
PLAIN = ['gated_crf/unet_shapes_clicks', 'single_stage/unet_shapes_tags', 'pmp/fcn_r18gn_shapes_points']
PLAIN += ['importance_sampling/cam_shapes_tags']


def _run(rank, port, file, out):
    """Train on one of the processes, and keep the names of the files that it has put into place."""
    rank_of(rank, port)
    replace, written = os.replace, []

    def counted(source, target, **options):
        written.append(str(target))
        return replace(source, target, **options)

    os.replace = counted
    cfg = Config.fromfile(file)
    cfg.launcher = 'pytorch'
    train(cfg)
    disconnect()
    Path(f'{out}.{rank}.json').write_text(json.dumps(written))


def run_on_two(file, out):
    """Train on two processes, and return what each has written."""
    mp.start_processes(_run, (free_port(), file, out), nprocs=2, start_method='fork')
    return [json.loads(Path(f'{out}.{rank}.json').read_text()) for rank in range(2)]


@pytest.mark.slow
@pytest.mark.parametrize('name', PLAIN)
def test_the_logged_scores_are_those_of_the_checkpoint(tmp_path, name):
    cfg = Config.fromfile(CONFIGS / f'{name}.py')
    cfg.merge_from_dict(SHORT)
    cfg.work_dir = str(tmp_path / 'out')
    file = write_config(cfg, tmp_path / 'config.py')
    written = run_on_two(file, tmp_path / 'out')
    (log,) = (tmp_path / 'out').glob('*/vis_data/scalars.json')
    (logged,) = [
        row for row in map(json.loads, log.read_text().splitlines()) if any(key.endswith('mIoU') for key in row)
    ]
    run_tool('test', file, tmp_path / 'out/iter_2.pth', '--work-dir', tmp_path / 'test')
    (scores,) = (tmp_path / 'test').glob('*/*.json')
    tested = json.loads(scores.read_text())
    compared = [key for key in tested if key in logged and key not in ('time', 'data_time', 'step')]
    assert any(key.endswith('mIoU') for key in compared)
    np.testing.assert_equal({key: logged[key] for key in compared}, {key: tested[key] for key in compared})
    assert load_checkpoint(tmp_path / 'out/iter_2.pth')['meta']['iter'] == 2
    assert str(tmp_path / 'out/iter_2.pth') in written[0]
    assert not [path for path in written[1] if path.endswith('.pth')]


@pytest.mark.slow
def test_labels_of_a_pipeline_are_written_once(tmp_path):
    cfg = Config.fromfile(CONFIGS / 'importance_sampling/pipeline_shapes_tags.py')
    for stage in (stage for stage in cfg.stages.values() if 'config' in stage):
        stage.config = str(CONFIGS / 'importance_sampling' / stage.config)
        known = Config.fromfile(stage.config)
        own = Config({key: value for key, value in SHORT.items() if known.get(key)})
        own.merge_from_dict(stage.to_dict())
        stage.update(own.to_dict())
    cfg.work_dir = str(tmp_path / 'out')
    file = write_config(cfg, tmp_path / 'config.py')
    written = run_on_two(file, tmp_path / 'out')
    labels = [{path for path in paths if path.endswith(('.npz', '.png'))} for paths in written]
    assert not labels[0] & labels[1]
    assert [len(paths) for paths in labels] == [4 + 4 * 2 + 4 * 2, 3 + 3 * 2 + 3 * 2]  # maps; masks, confidences
    assert all(len(paths) == len(set(paths)) for paths in labels)
    alone = StagedRunner.from_cfg(Config.fromfile(file))
    assert list(alone.stages) == ['cam', 'cams', 'seeds', 'affinity', 'labels', 'final']
    alone.train()  # nothing is left to do
    assert not [path for path in written[1] if path.endswith('.json')]


def lpg_config(folder):
    """One round of LPG on drawn shapes, with seven images of each kind and two iterations of each training."""
    cfg = Config.fromfile(CONFIGS / 'lpg/hourglass_shapes_boxes.py')
    short = {'train_cfg': {'max_iters': 2}, 'default_hooks': {'checkpoint': {'interval': 2}}, 'log_level': 'ERROR'}
    cfg.merge_from_dict({**short, 'train_cfg.val_interval': 2, 'train_dataloader.batch_size': 2})
    cfg.merge_from_dict({'val_dataloader.batch_size': 2, 'model.backbone.base_channels': 4})
    cfg.model.decode_head.in_channels = 8
    cfg.test_dataloader = cfg.val_dataloader
    cfg.stages.rounds = 1
    by_itself = {'task': {'workers': 1}}  # the files of worker processes are not counted
    cfg.stages.changes = dict.fromkeys(('auxiliary_boxes', 'boxes', 'grabcut'), by_itself)
    for drawn in cfg.stages.before:
        drawn.task.num_images = 7
    small = {'channels': (4, 4), 'units': (1, 1), 'stem_channels': 4, 'out_channels': 4}
    cfg.stages.generator.update(
        config=str(CONFIGS / 'lpg/hourglass_shapes.py'),
        train_dataloader={'batch_size': 2, 'dataset': {'dataset': {'num_images': 7}}},
        model={'backbone': small, 'decode_head': {'in_channels': 4, 'channels': 4}},
        **short,
    )
    cfg.work_dir = str(folder / 'out')
    return cfg


@pytest.mark.slow
def test_generators_of_masks_train_and_label_on_two_processes(tmp_path):
    file = write_config(lpg_config(tmp_path), tmp_path / 'config.py')
    written = run_on_two(file, tmp_path / 'out')
    stages = StagedRunner.from_cfg(Config.fromfile(file)).train()  # nothing is left to do
    labels = [{path for path in paths if path.endswith('.png')} for paths in written]
    assert not labels[0] & labels[1]
    assert [len(paths) for paths in labels] == [sum(path.endswith('.png') for path in paths) for paths in written]
    folders = ('auxiliary_boxes', 'boxes', 'masks_1', 'grabcut')
    counts = [len(read_index(stages[name]).images) for name in folders]
    assert [len(paths) for paths in labels] == [
        sum(2 * -(-count // 2) for count in counts),  # masks and confidences
        sum(2 * (count // 2) for count in counts),
    ]
    assert counts == [5, 6, 6, 6]  # the others of the seven pictures have none of the classes
    assert not [path for path in written[1] if path.endswith(('.json', '.pth'))]
    boxes = Config.fromfile(file).stages.target.dataset
    boxes.data_root = str(stages['target'])
    write_generator_labels(stages['generator_1'], boxes, tmp_path / 'alone', partner=stages['segmentor_0'])
    alone = files_of(tmp_path / 'alone')
    alone.pop(INDEX)  # names the settings of the task, too
    shared = files_of(stages['masks_1'])
    assert len(alone) == 6 * 2
    assert {name: shared[name] for name in alone} == alone
    last = stages['segmentor_1'].parent
    (log,) = last.glob('*/vis_data/scalars.json')
    (logged,) = [row for row in map(json.loads, log.read_text().splitlines()) if 'mIoU' in row]
    run_tool('test', last / 'segmentor_1.py', stages['segmentor_1'], '--work-dir', tmp_path / 'test')
    (scores,) = (tmp_path / 'test').glob('*/*.json')
    tested = json.loads(scores.read_text())
    assert logged['mIoU_subset'] > 0
    assert {key: tested[key] for key in ('mIoU', 'mIoU_subset')} == {
        key: logged[key] for key in ('mIoU', 'mIoU_subset')
    }


def _label(rank, port, arguments):
    rank_of(rank, port)
    assert main([*arguments, '--launcher', 'pytorch']) == 0


@pytest.mark.slow
def test_commands_divide_the_images_among_the_processes(tmp_path):
    cfg = Config.fromfile(CONFIGS / 'gated_crf/unet_shapes_clicks.py')
    cfg.merge_from_dict(SHORT)
    file = write_config(cfg, tmp_path / 'config.py')
    torch.save({'state_dict': MODELS.build(cfg.model).state_dict()}, tmp_path / 'net.pth')
    command = ['pseudo-labels', str(file), str(tmp_path / 'net.pth'), '-o']
    assert main([*command, str(tmp_path / 'alone')]) == 0
    arguments = [*command, str(tmp_path / 'two'), '--workers', '2']
    mp.start_processes(_label, (free_port(), arguments), nprocs=2, start_method='fork')
    assert len(files_of(tmp_path / 'alone')) == 2 * 7 + 1
    assert files_of(tmp_path / 'two') == files_of(tmp_path / 'alone')


FSDP = {'type': 'MMFullyShardedDataParallel', 'use_orig_params': True, 'device_id': torch.device('cpu')}


def _shard(rank, port, work_dir, sharded):
    rank_of(rank, port)
    cfg = training_config(work_dir, launcher='pytorch', env_cfg={'dist_cfg': {'backend': 'gloo'}})
    if sharded:
        cfg.runner_type = 'FlexibleRunner'
        cfg.strategy = {'type': 'FSDPStrategy', 'model_wrapper': FSDP}
    train(cfg)
    disconnect()


@pytest.mark.slow
def test_fully_sharded_data_parallel_trains_the_same_network(tmp_path):
    """Full checkpoints crash on a CPU with torch 2.13, so the losses of the iterations are compared."""
    losses = {}
    for name in ('whole', 'sharded'):
        mp.start_processes(
            _shard, (free_port(), str(tmp_path / name), name == 'sharded'), nprocs=2, start_method='fork'
        )
        (log,) = (tmp_path / name).glob('*/vis_data/scalars.json')
        rows = map(json.loads, log.read_text().splitlines())
        losses[name] = [row['loss'] for row in rows if 'loss' in row]
    assert len(losses['whole']) == 4
    assert losses['whole'][3] != losses['whole'][0]
    np.testing.assert_allclose(losses['sharded'], losses['whole'], rtol=1e-3)
    assert sorted(path.name for path in (tmp_path / 'sharded/iter_4.pth').iterdir()) == ['rank0.pth', 'rank1.pth']
