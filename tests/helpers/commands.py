"""Whether a command that a page shows exists, with its options, its config and the settings that it changes."""

import argparse
import ast
import re
from pathlib import Path

import torch
from mmengine.config import Config, DictAction
from mmseg.registry import MODELS, TASK_UTILS, TRANSFORMS

from mmseg_wsss.cli._tools import load_tool
from mmseg_wsss.cli.main import build_parser
from mmseg_wsss.engine.stages.config import parse_stages
from tests.helpers.trainings import ROOT

PLACEHOLDERS = {'CONFIG', 'config.py', 'my_config.py', 'student.py', 'board.py'}
OF_OTHERS = {'cp', 'docker', 'git', 'mim', 'tensorboard', 'torchrun'}


def check_command(words, folder):
    """Raise an error if a command of this project would not be understood.

    Args:
        words: The words of the command.
        folder: A folder for what the stages of a config would write.
    """
    program, *rest = words
    if program == 'torchrun' and 'mmseg_wsss.cli.main' in words:  # a command of this project in several processes
        program, rest = 'wsss', words[words.index('mmseg_wsss.cli.main') + 1 :]
    if program == 'wsss':
        parser = build_parser(rest[0])
        check_run(parser, rest, folder)
    elif program == 'make':
        check_targets(rest)
    elif program == 'pip':
        check_extras(rest)
    elif program == 'python':
        check_python(rest, folder)
    elif program.endswith('.sh'):
        assert (ROOT / program).is_file(), program
        check_script(Path(program).stem, rest, folder)
    else:
        assert program in OF_OTHERS, f'{program} is not a command that the pages may use'


def check_run(parser, words, folder):
    """Check the arguments of a command, and the config with its settings."""
    args = parser.parse_args(words)
    path = getattr(args, 'config', None)
    if path is None or path in PLACEHOLDERS:
        return
    options = getattr(args, 'cfg_options', None) or {}
    if isinstance(options, list):
        options = dict(option.split('=', maxsplit=1) for option in options)
        options = {key: DictAction._parse_iterable(value) for key, value in options.items()}
    check_settings(merged(path, options), folder)


def check_targets(words):
    """Check the targets of the Makefile; NAME=VALUE is a variable."""
    targets = set(re.findall(r'^([\w-]+):', (ROOT / 'Makefile').read_text(), re.MULTILINE))
    assert {word for word in words if '=' not in word} <= targets


def check_extras(words):
    """Check the extras of an installation of this project."""
    text = (ROOT / 'pyproject.toml').read_text().split('[project.optional-dependencies]')[1].split('\n[')[0]
    extras = re.findall(r'^(\w+) = \[', text, re.MULTILINE)
    named = re.findall(r'(?:\.|mmseg[-_]wsss)\[([\w,]+)\]', ' '.join(words))
    assert {extra for text in named for extra in text.split(',')} <= set(extras)


def check_python(words, folder):
    """Check a program, its options, and, for a training, its config."""
    if words[0] == '-c':
        ast.parse(words[1])
    elif words[:2] == ['-m', 'pytest']:
        files = [word for word in words if word.startswith('tests/')]
        assert files
        assert [file for file in files if not (ROOT / file).exists()] == []
    else:
        path = ROOT / words[0]
        assert path.is_file(), words[0]
        if path.stem in ('train', 'test'):
            check_script(path.stem, words[1:], folder)
            return
        options = {word for word in words[1:] if word.startswith('-')}
        texts = [file.read_text() for file in (path, *path.parent.glob('_*.py'))]
        assert options <= set(re.findall(r"'(--?[a-z][\w-]*)'", ' '.join(texts))), words


def check_script(name, words, folder):
    """Check the arguments of tools/train.py and tools/test.py, also behind those of a script that starts them."""
    if name.startswith('slurm'):
        words = words[2:]  # partition, name of the job
    if name.startswith('dist'):
        last = 1 if name == 'dist_train' else 2  # the number of GPUs, behind the config and the checkpoint
        assert words[last].isdigit(), words
        words = [*words[:last], *words[last + 1 :]]
    parser = argparse.ArgumentParser()
    load_tool(name.removeprefix('dist_').removeprefix('slurm_')).add_arguments(parser)
    check_run(parser, words, folder)


def merged(path, options):
    """A config with its settings, each of which changes something that is there."""
    cfg = Config.fromfile(ROOT / path)
    for key in options:
        part = cfg
        for step in key.split('.'):
            if isinstance(part, (list, tuple)):
                part = part[int(step)]
                continue
            if step not in part and isinstance(part.get('config'), str):  # a stage
                part = Config.fromfile((ROOT / path).parent / part.config)
            if step not in part:
                assert 'type' in part or f'model.losses.{step}.type' in options, f'{path} has no {key}'
                break  # a setting that has a default value: building the part checks its name
            part = part[step]
    cfg.merge_from_dict(options)
    return cfg


def check_settings(cfg, folder):
    """Build the parts of a config, or of each of its stages."""
    if 'stages' not in cfg:
        check_training(cfg)
        return
    cfg.work_dir = str(folder)
    for stage in parse_stages(cfg):
        if stage.is_task:
            TASK_UTILS.build(stage.config['task'])
        else:
            check_training(Config(stage.config))


def check_training(cfg):
    """Build what the settings are for; the backbone apart and without numbers in it, for it is large."""
    whole = cfg.model.type == 'MaskGenerator'  # gives its backbone the number of inputs
    with torch.device('meta'):
        MODELS.build(cfg.model if whole else cfg.model.backbone)
    if not whole:
        MODELS.build({**cfg.model, 'backbone': {'type': 'ResNet', 'depth': 18, 'base_channels': 4}})
    for step in cfg.train_dataloader.dataset.get('pipeline', ()):
        TRANSFORMS.build(step)
