"""What a user types: train, kill, resume, test, infer, with our tools and with mmseg's own."""

import json
import subprocess
import sys
import textwrap
from pathlib import Path

import mmengine
import mmseg
import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
SMALL = [
    'model.backbone.base_channels=4',
    'model.decode_head.in_channels=8',
    'model.decode_head.channels=8',
    'train_dataloader.dataset.num_images=8',
    'val_dataloader.dataset.num_images=2',
    'test_dataloader.dataset.num_images=2',
    'train_dataloader.batch_size=2',
    'train_cfg.max_iters=4',
    'train_cfg.val_interval=4',
    'default_hooks.checkpoint.interval=2',
]


def call(*command, cwd=ROOT, expect=0):
    environment = {'PYTHONPATH': str(ROOT), 'OMP_NUM_THREADS': '1', 'PATH': '/usr/bin:/bin'}
    done = subprocess.run(
        [sys.executable, *map(str, command)], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == expect, done.stdout[-2000:] + done.stderr[-4000:]
    return done.stdout + done.stderr


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    work_dir = tmp_path_factory.mktemp('work') / 'demo'
    config = ROOT / 'configs/gated_crf/unet_shapes_clicks.py'
    call('tools/train.py', config, '--work-dir', work_dir, '--cfg-options', *SMALL)
    return work_dir


def test_training_leaves_what_it_promises(trained):
    assert (trained / 'iter_4.pth').exists()
    assert (trained / 'result_sheet.png').stat().st_size > 10000
    printed = call('-m', 'mmseg_wsss.cli.main', 'report', trained)
    assert 'mIoU' in printed
    assert 'iter_4.pth' in printed
    assert 'result_sheet.png' in printed
    log = next(trained.glob('*/vis_data/scalars.json')).read_text().splitlines()
    last = [json.loads(line) for line in log]
    assert any('loss_gated_crf' in row for row in last)
    assert any('mIoU' in row for row in last)


def test_resume_continues(trained):
    config = trained / 'unet_shapes_clicks.py'
    printed = call(
        'tools/train.py', config, '--work-dir', trained, '--resume', '--cfg-options', 'train_cfg.max_iters=6',
        'train_cfg.val_interval=6',
    )  # fmt: skip
    assert 'resumed epoch: 0, iter: 4' in printed
    assert (trained / 'iter_6.pth').exists()


def test_evaluation(trained):
    printed = call('tools/test.py', trained / 'unet_shapes_clicks.py', trained / 'iter_4.pth', '--work-dir', trained)
    assert 'mIoU' in printed


def test_mmsegs_own_tool_trains_a_users_config(trained, tmp_path):
    """A config outside of this project that lists the plugin, run by the tool that mmseg ships."""
    tool = Path(mmseg.__file__).parent / '.mim/tools/train.py'
    cfg = mmengine.Config.fromfile(trained / 'unet_shapes_clicks.py')
    cfg.train_cfg.max_iters = 1
    cfg.train_cfg.val_interval = 1
    cfg.dump(tmp_path / 'mine.py')
    call(tool, tmp_path / 'mine.py', '--work-dir', tmp_path / 'out', cwd=tmp_path)
    assert (tmp_path / 'out' / 'last_checkpoint').exists()


def test_stages_with_both_tools(trained, tmp_path):
    """mmseg's own tool runs two stages; started again by ours, nothing is left to do."""
    tool = Path(mmseg.__file__).parent / '.mim/tools/train.py'
    cfg = mmengine.Config.fromfile(trained / 'unet_shapes_clicks.py')
    cfg.train_cfg.update(max_iters=1, val_interval=1)
    cfg.runner_type = 'StagedRunner'
    cfg.stages = {'first': {}, 'second': {'load_from': '{stages.first}'}}
    cfg.load_from = None
    cfg.dump(tmp_path / 'pipeline.py')
    call(tool, tmp_path / 'pipeline.py', '--work-dir', tmp_path / 'out', cwd=tmp_path)
    assert (tmp_path / 'out/02_second/iter_1.pth').exists()
    printed = call('tools/train.py', tmp_path / 'pipeline.py', '--work-dir', tmp_path / 'out', '--resume')
    assert "stage 2/2 'second' is finished" in printed
    assert 'Iter(train)' not in printed
    arguments = ('--work-dir', tmp_path / 'out', '--resume', 'iter_1.pth')
    printed = call('tools/train.py', tmp_path / 'pipeline.py', *arguments, expect=1)
    assert 'stages find their checkpoints in the work dir' in printed


def test_inferencer(trained, tmp_path):
    cfg = mmengine.Config.fromfile(trained / 'unet_shapes_clicks.py')
    # The demo draws its pictures; a model that is to read files needs the loader of files, as all other recipes have.
    cfg.test_dataloader.dataset.pipeline = [{'type': 'LoadImageFromFile'}, {'type': 'PackSegInputs'}]
    cfg.dump(tmp_path / 'files.py')
    script = f"""
    import numpy as np
    from mmseg.apis import MMSegInferencer
    import mmseg_wsss.plugin
    config, checkpoint = {str(tmp_path / 'files.py')!r}, {str(trained / 'iter_4.pth')!r}
    inferencer = MMSegInferencer(config, checkpoint, device='cpu')
    image = np.random.default_rng(0).integers(0, 255, (70, 90, 3), dtype=np.uint8)
    result = inferencer(image, return_datasamples=True)
    np.save({str(tmp_path / 'labels.npy')!r}, result.pred_sem_seg.data.numpy())
    """
    (tmp_path / 'infer.py').write_text(textwrap.dedent(script))
    call(tmp_path / 'infer.py', cwd=tmp_path)
    labels = np.load(tmp_path / 'labels.npy')
    assert labels.shape == (1, 70, 90)
    assert labels.max() < 7
