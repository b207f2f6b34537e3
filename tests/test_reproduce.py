"""Every command in docs/reproduce.md names a config that is there and settings that its parts know."""

import re
import shlex
from pathlib import Path

import pytest
import torch
from mmengine.config import Config, DictAction
from mmseg.registry import MODELS, TASK_UTILS, TRANSFORMS

from mmseg_wsss.cli.main import build_parser
from mmseg_wsss.engine.stages.config import parse_stages
from tests.helpers.miniatures import write_miniatures

ROOT = Path(__file__).parents[1]
SECTIONS = re.split(r'^## ', (ROOT / 'docs/reproduce.md').read_text(), flags=re.MULTILINE)[1:]


def expanded(text, variables):
    """Replace $X and ${X} until nothing is left to replace."""
    while '$' in text:
        text = re.sub(r'\$\{?(\w+)\}?', lambda match: variables[match[1]], text)
    return text


def commands():
    """Yield (section, command) of every command in a table, its shell variables replaced."""
    for section in SECTIONS:
        title = section.splitlines()[0]
        variables = {}
        for block in re.findall(r'```bash\n(.*?)```', section, re.DOTALL):
            for line in block.splitlines():
                name, _, value = line.partition('=')
                variables[name] = value.strip("'")
        rows = [line for line in section.splitlines() if line.startswith('|')]
        for code in re.findall(r'`([^`]+)`', '\n'.join(rows)):
            if code.startswith(('python ', 'wsss ')):
                yield title, expanded(code, variables)


COMMANDS = sorted(set(commands()))


def test_each_paper_has_its_section():
    authors = ('Akiva', 'Araslanov', 'Obukhov', 'Xie', 'Jonnarth')
    assert [next(a for a in authors if a in section.splitlines()[0]) for section in SECTIONS] == list(authors)
    for author in authors:
        assert sum(author in title for title, _ in COMMANDS) > 10


def merged(path, options):
    cfg = Config.fromfile(ROOT / path)
    pairs = (option.split('=', maxsplit=1) for option in options)
    cfg.merge_from_dict({key: DictAction._parse_iterable(value) for key, value in pairs})
    return cfg


def check_training(cfg):
    """Build what the settings are for; the backbone apart and without numbers in it, for it is large."""
    whole = cfg.model.type == 'MaskGenerator'  # gives its backbone the number of inputs
    with torch.device('meta'):
        MODELS.build(cfg.model if whole else cfg.model.backbone)
    if not whole:
        MODELS.build({**cfg.model, 'backbone': {'type': 'ResNet', 'depth': 18, 'base_channels': 4}})
    for step in cfg.train_dataloader.dataset.pipeline:
        TRANSFORMS.build(step)


@pytest.fixture(scope='module')
def environment(tmp_path_factory):
    return write_miniatures(tmp_path_factory.mktemp('data'))


@pytest.mark.parametrize('command', [command for _, command in COMMANDS])
def test_command(command, environment, monkeypatch, tmp_path):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr('mmseg_wsss.models.refiners.dense_crf.find_spec', lambda name: True)  # is optional
    program, *words = shlex.split(command)
    if program == 'wsss':
        arguments = build_parser(words[0]).parse_args(words)
        if hasattr(arguments, 'config'):
            check_training(merged(arguments.config, getattr(arguments, 'cfg_options', [])))
        return
    script, path, *words = words
    assert (ROOT / script).is_file()
    options = words[words.index('--cfg-options') + 1 :] if '--cfg-options' in words else []
    cfg = merged(path, options)
    if 'stages' not in cfg:
        check_training(cfg)
        return
    cfg.work_dir = str(tmp_path)
    for stage in parse_stages(cfg):
        if stage.is_task:
            TASK_UTILS.build(stage.config['task'])
        else:
            check_training(Config(stage.config))
