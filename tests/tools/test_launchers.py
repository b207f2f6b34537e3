"""The launch scripts, with launchers that print what they are asked to run."""

import os
import subprocess
from pathlib import Path

import pytest

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
