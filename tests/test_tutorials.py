"""The configs that the pages name exist, and the tutorial on pseudo-labels is run, at a small size."""

import re
from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.registry import VISBACKENDS, init_default_scope
from mmseg.registry import DATASETS, MODELS

from mmseg_wsss.cli.main import main
from tests.helpers.shell import commands_of
from tests.helpers.trainings import ROOT, run_tool

FOLDERS = ('tutorials', 'how_to', 'migration')
PAGES = [
    *(page for folder in FOLDERS for page in sorted((ROOT / 'docs' / folder).glob('*.md'))),
    ROOT / 'docs/methods.md',
]
SMALL = {
    'train_cfg.max_iters': 2,
    'train_cfg.val_interval': 2,
    'train_dataloader.batch_size': 2,
    'train_dataloader.dataset.num_images': 4,
    'val_dataloader.dataset.num_images': 2,
    'default_hooks.checkpoint.interval': 2,
    'log_level': 'ERROR',
}


def blocks(page, language):
    return re.findall(rf'```{language}\n(.*?)```', page.read_text(), re.DOTALL)


@pytest.mark.parametrize('page', PAGES, ids=lambda page: page.stem)
def test_the_configs_that_a_page_names_exist(page):
    names = {path.name for path in (ROOT / 'configs').rglob('*.py')}
    written = {'config.py', 'student.py', 'board.py', 'base.py'}
    text = page.read_text()
    assert [name for name in re.findall(r'configs/([\w/]+\.py)', text) if not (ROOT / 'configs' / name).is_file()] == []
    if page.parent.name != 'migration':  # the other columns name the files of other codes
        found = set(re.findall(r'`(?:\w+/)*(\w+\.py)', text))
        files = {path.name for folder in ('tools', 'tests') for path in (ROOT / folder).rglob('*.py')}
        of_mmseg = {'get_flops.py', 'browse_dataset.py', 'analyze_logs.py'}
        assert found - names - written - files <= of_mmseg


def test_from_clicks_to_a_plain_network(tmp_path, monkeypatch):
    """Every step of the tutorial: training, pseudo-labels, and the student, whose config is that of the page."""
    page = ROOT / 'docs/tutorials/clicks_to_mmseg.md'
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'configs').symlink_to(ROOT / 'configs')
    (student,) = blocks(page, 'python')
    Path('student.py').write_text(student)
    small = ['--cfg-options', *(f'{key}={value}' for key, value in SMALL.items())]
    steps = [words[1:] for words in commands_of(page.read_text())]
    assert [words[0] for words in steps] == ['browse', 'train', 'report', 'pseudo-labels', 'train', 'report']
    for words in steps:
        if words[0] == 'train':
            run_tool('train', *words[1:], *small)
        elif words[0] == 'pseudo-labels':
            words[2] = words[2].replace('iter_600', 'iter_2')
            assert main([*words, '--cfg-options', 'train_dataloader.dataset.num_images=4']) == 0
        elif words[0] == 'report':
            assert main(words) == 0
    assert len(list(Path('work_dirs/labels').rglob('shapes_*.png'))) >= 4
    assert Path('work_dirs/student/iter_2.pth').is_file()
    cfg = Config.fromfile('student.py')
    assert cfg.model.type == 'EncoderDecoder'
    assert type(MODELS.build(cfg.model)).__module__.startswith('mmseg.')
    assert DATASETS.build(cfg.train_dataloader.dataset | {'num_images': 4}).label_root == 'work_dirs/labels'


def test_the_lines_for_loggers(tmp_path, monkeypatch):
    """Each config of the page has both backends, and TensorBoard writes where it is installed."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'configs').symlink_to(ROOT / 'configs')
    found = []
    for number, text in enumerate(blocks(ROOT / 'docs/how_to/loggers.md', 'python')):
        Path(f'{number}.py').write_text(text)
        backends = Config.fromfile(f'{number}.py').visualizer.vis_backends
        assert backends[0].type == 'LocalVisBackend'
        found.append(backends[1].type)
        assert VISBACKENDS.get(backends[1].type) is not None
    assert found == ['TensorboardVisBackend', 'WandbVisBackend']
    pytest.importorskip('torch.utils.tensorboard')
    init_default_scope('mmseg')
    small = SMALL | {'visualizer.name': 'board'}  # another training of this process may have made the usual one
    run_tool('train', '0.py', '--work-dir', 'run', '--cfg-options', *(f'{k}={v}' for k, v in small.items()))
    assert list(Path('run').rglob('events.out.tfevents*'))
