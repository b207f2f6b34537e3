"""The launch scripts, with launchers that print what they are asked to run."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.engine.test_processes import free_port
from tests.helpers.trainings import training_config, write_config

TOOLS = Path(__file__).parents[2] / 'tools'


@pytest.fixture
def launchers(tmp_path):
    """A folder with a torchrun and an srun that print their arguments, one per line."""
    for name in ('torchrun', 'srun'):
        (tmp_path / name).write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
        (tmp_path / name).chmod(0o755)
    return {**os.environ, 'PATH': f'{tmp_path}:{os.environ["PATH"]}'}


def call(script, *arguments, environment):
    done = subprocess.run(
        ['bash', str(TOOLS / script), *arguments], capture_output=True, text=True, check=True, env=environment
    )
    return done.stdout.splitlines()


@pytest.mark.parametrize(
    ('script', 'arguments', 'command'),
    [
        ('dist_train.sh', ['c.py', '2', '--resume'], ['train.py', 'c.py', '--launcher', 'pytorch', '--resume']),
        (
            'dist_test.sh',
            ['c.py', 'w.pth', '2', '--tta'],
            ['test.py', 'c.py', 'w.pth', '--launcher', 'pytorch', '--tta'],
        ),
        (
            'slurm_train.sh',
            ['part', 'job', 'c.py', '--resume'],
            ['train.py', 'c.py', '--launcher', 'slurm', '--resume'],
        ),
        (
            'slurm_test.sh',
            ['part', 'job', 'c.py', 'w.pth', '--tta'],
            ['test.py', 'c.py', 'w.pth', '--launcher', 'slurm', '--tta'],
        ),
    ],
)
def test_the_tool_gets_its_arguments(launchers, script, arguments, command):
    launched = call(script, *arguments, environment={**launchers, 'GPUS': '8', 'GPUS_PER_NODE': '2', 'PORT': '1234'})
    tool = len(launched) - len(command)
    assert Path(launched[tool]) == TOOLS / command[0]
    assert launched[tool + 1 :] == command[1:]
    expected = {'--master_port=1234', '--nproc_per_node=2'}
    if script.startswith('slurm'):
        expected = {
            'part',
            '--job-name=job',
            '--gres=gpu:2',
            '--ntasks=8',
            '--ntasks-per-node=2',
            '--kill-on-bad-exit=1',
        }
    assert expected <= set(launched[:tool])


@pytest.mark.parametrize('script', ['dist_train.sh', 'dist_test.sh', 'slurm_train.sh', 'slurm_test.sh'])
def test_a_missing_argument_ends_the_script(launchers, script):
    done = subprocess.run(
        ['bash', str(TOOLS / script), 'c.py'], capture_output=True, text=True, check=False, env=launchers
    )
    assert done.returncode != 0
    assert 'unbound variable' in done.stderr
    assert done.stdout == ''


def children(pid):
    return [int(child) for child in Path(f'/proc/{pid}/task/{pid}/children').read_text().split()]


def alive(pid):
    status = Path(f'/proc/{pid}/stat')
    return status.exists() and status.read_text().rpartition(')')[2].split()[0] != 'Z'  # nothing may reap it here


def wait(until, seconds=300):
    for _ in range(seconds * 10):
        if until():
            return
        time.sleep(0.1)
    raise AssertionError(f'nothing happened in {seconds} s')


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != 'linux', reason='/proc is of Linux')
def test_two_processes_train_without_a_gpu_and_end_when_their_launcher_is_killed(tmp_path):
    cfg = training_config(custom_hooks=[{'type': 'ExactResumeHook'}])
    cfg.train_cfg.max_iters = 100_000
    config = write_config(cfg, tmp_path / 'config.py')
    path = f'{Path(sys.executable).parent}:{os.environ["PATH"]}'
    environment = {
        **os.environ, 'PATH': path, 'PYTHONPATH': str(TOOLS.parent), 'PORT': str(free_port()), 'OMP_NUM_THREADS': '1'
    }  # fmt: skip
    command = ['bash', str(TOOLS / 'dist_train.sh'), str(config), '2', '--work-dir', str(tmp_path / 'out')]
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as script:
        try:
            wait(lambda: script.poll() is not None or (tmp_path / 'out/iter_2.pth').exists())
            assert script.poll() is None
            (launcher,) = children(script.pid)
            ranks = children(launcher)
            assert len(ranks) == 2
        finally:
            for child in children(script.pid) if script.poll() is None else ():
                os.kill(child, signal.SIGKILL)
        assert script.wait(60) != 0
    wait(lambda: not any(map(alive, ranks)), seconds=60)
