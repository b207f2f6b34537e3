"""Several processes on one machine without a GPU: one training, one number, and no process left behind."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
import torch.multiprocessing as mp
from mmengine.dist import is_distributed

from mmseg_wsss.checkpoints.loading import load_checkpoint
from mmseg_wsss.engine.hooks.equal_buffers_hook import EqualBuffersHook
from mmseg_wsss.engine.processes import connect, disconnect
from mmseg_wsss.engine.training import train
from tests.helpers.trainings import run_tool, training_config, write_config

ROOT = Path(__file__).parents[2]


def rank_of(rank, port):
    os.environ |= {
        'RANK': str(rank),
        'LOCAL_RANK': str(rank),
        'WORLD_SIZE': '2',
        'MASTER_ADDR': '127.0.0.1',
        'MASTER_PORT': str(port),
    }


def free_port():
    with socket.socket() as listener:
        listener.bind(('127.0.0.1', 0))
        return listener.getsockname()[1]


def config(work_dir):
    cfg = training_config(work_dir, launcher='pytorch')
    cfg.val_dataloader.dataset.num_images = 15  # the last one is for one process alone
    cfg.optim_wrapper.optimizer.lr = 0.5
    cfg.train_cfg.val_interval = 4
    return cfg


def _train(rank, port, work_dir):
    rank_of(rank, port)
    train(config(work_dir))
    disconnect()


def test_the_logged_score_is_that_of_the_checkpoint(tmp_path):
    work_dir = tmp_path / 'two'
    mp.start_processes(_train, (free_port(), work_dir), nprocs=2, start_method='fork')
    (log,) = work_dir.glob('*/vis_data/scalars.json')
    (logged,) = [row for row in map(json.loads, log.read_text().splitlines()) if 'mIoU' in row]
    cfg = config(work_dir)
    cfg.launcher = 'none'
    cfg.test_dataloader = cfg.val_dataloader
    file = write_config(cfg, tmp_path / 'config.py')
    run_tool('test', file, work_dir / 'iter_4.pth', '--work-dir', tmp_path / 'test')
    (scores,) = (tmp_path / 'test').glob('*/*.json')
    tested = json.loads(scores.read_text())
    assert {key: logged[key] for key in ('aAcc', 'mIoU', 'mAcc')} == {
        key: tested[key] for key in ('aAcc', 'mIoU', 'mAcc')
    }
    assert load_checkpoint(work_dir / 'iter_4.pth')['meta']['iter'] == 4


def _buffers(rank, port, path):
    rank_of(rank, port)
    connect(training_config(launcher='pytorch'))
    runner = type('Runner', (), {'model': torch.nn.BatchNorm2d(3)})
    runner.model.running_mean.fill_(rank + 5.0)
    runner.model.num_batches_tracked.fill_(rank + 7)
    EqualBuffersHook().before_val_epoch(runner)
    torch.save(runner.model.state_dict(), f'{path}/{rank}.pth')
    disconnect()


def test_buffers_are_those_of_the_first_process(tmp_path):
    mp.start_processes(_buffers, (free_port(), tmp_path), nprocs=2, start_method='fork')
    for rank in range(2):
        state = torch.load(tmp_path / f'{rank}.pth')
        assert state['running_mean'].tolist() == [5, 5, 5]
        assert state['num_batches_tracked'] == 7


def _late(rank, port, path):
    rank_of(rank, port)
    cfg = training_config(launcher='pytorch')
    connect(cfg)
    connect(cfg)  # as that of the next stage
    assert is_distributed()
    if rank == 1:
        time.sleep(1)
        (path / 'late').touch()
    disconnect()
    assert not is_distributed()
    if rank == 0:
        assert (path / 'late').exists()
        (path / 'seen').touch()


def test_the_first_process_waits_for_the_last(tmp_path):
    mp.start_processes(_late, (free_port(), tmp_path), nprocs=2, start_method='fork')
    assert (tmp_path / 'seen').exists()


def test_one_process_has_nothing_to_share():
    disconnect()
    EqualBuffersHook().before_val_epoch(None)


@pytest.mark.skipif(sys.platform != 'linux', reason='prctl(2) is of Linux')
def test_a_process_ends_with_its_launcher():
    """The launcher is killed, so that it can tell its processes nothing."""
    child = (
        'import time; from mmseg_wsss.engine.processes import _end_with_parent; _end_with_parent(); '
        'print("ready", flush=True); time.sleep(600)'
    )
    launcher = (
        f'import subprocess, sys; child = subprocess.Popen([sys.executable, "-c", {child!r}]); '
        'print(child.pid, flush=True); child.wait()'
    )
    environment = {**os.environ, 'PYTHONPATH': str(ROOT)}
    with subprocess.Popen([sys.executable, '-c', launcher], stdout=subprocess.PIPE, text=True, env=environment) as run:
        pid = int(run.stdout.readline())
        assert run.stdout.readline() == 'ready\n'
        run.send_signal(signal.SIGKILL)
    for _ in range(600):
        status = Path(f'/proc/{pid}/stat')
        if not status.exists() or status.read_text().rpartition(')')[2].split()[0] == 'Z':  # nothing may reap it here
            return
        time.sleep(0.1)
    os.kill(pid, signal.SIGKILL)
    raise AssertionError(f'process {pid} is still there')
