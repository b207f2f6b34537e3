"""Every command in a Bash block of a page exists, with its options, its config and the settings that it changes."""

import re

import pytest

from tests.helpers.commands import check_command, check_targets, merged
from tests.helpers.miniatures import write_miniatures
from tests.helpers.shell import commands_of
from tests.helpers.trainings import ROOT

PAGES = [
    *(ROOT / name for name in ('README.md', 'CONTRIBUTING.md', 'SECURITY.md')),
    *sorted((ROOT / 'docs').rglob('*.md')),
    *sorted((ROOT / 'configs').rglob('*.md')),
]
FOUND = {page.relative_to(ROOT).as_posix(): commands_of(page.read_text()) for page in PAGES}
ALL = {tuple(words): page for page, commands in FOUND.items() for words in commands}


@pytest.fixture(scope='module')
def environment(tmp_path_factory):
    return write_miniatures(tmp_path_factory.mktemp('data'))


@pytest.mark.parametrize(('words', 'page'), ALL.items(), ids=map(' '.join, ALL))
def test_a_command_is_one_of_the_project(words, page, environment, monkeypatch, tmp_path):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr('mmseg_wsss.models.refiners.dense_crf.find_spec', lambda name: True)  # is optional
    monkeypatch.chdir(ROOT)
    try:
        check_command(words, tmp_path)
    except SystemExit as error:
        raise AssertionError(f'{page}: the arguments are wrong') from error


def test_there_are_commands_on_the_pages():
    assert len(ALL) > 150
    assert {words[0] for words in ALL} >= {'wsss', 'python', 'make', 'pip', 'tensorboard', 'tools/slurm_train.sh'}
    pages = {'README.md', 'docs/faq.md', 'docs/results.md', 'docs/formats.md', 'configs/pmp/README.md'}
    assert [page for page in pages if len(FOUND[page]) < 5] == []


def test_blocks_are_read_as_a_shell_reads_them():
    text = """
```bash
export A=... B='x y'   # a comment
C=configs/a
tools/x.sh "$B" \\
    ${C}_b.py && wsss check
for k in 1 2; do
    N=3 wsss run $k
done
```
```python
not = a
```
```bash
wsss last $C > file
```
"""
    assert commands_of(text) == [
        ['tools/x.sh', 'x y', 'configs/a_b.py'],
        ['wsss', 'check'],
        ['wsss', 'run', '1'],
        ['wsss', 'run', '2'],
        ['wsss', 'last', 'configs/a'],
    ]
    with pytest.raises(AssertionError, match='D: unbound variable'):
        commands_of('```bash\nwsss $D\n```')


CLICKS = 'configs/gated_crf/unet_shapes_clicks.py'


@pytest.mark.parametrize(
    'command',
    [
        'wsss chek',
        'wsss report --htlm x.html run',
        'wsss convert coco',
        f'wsss train {CLICKS} --cfg-options model.lossses.loss_ce=None',
        f'wsss train {CLICKS} --cfg-options iterations=3',
        f'wsss train {CLICKS} --cfg-options model.losses.loss_gated_crf.wieght=3',
        'wsss train configs/gated_crf/unet_shape_clicks.py',
        f'python tools/train.py {CLICKS} --resumed',
        'python tools/train.py configs/gated_crf/unet_shape_clicks.py',
        'python tools/benchmark/op.py',
        'python tools/benchmark/ops.py --outptu x',
        'python -m pytest tests/test_page_command.py',
        'make dmeo',
        'pip install -e .[onedle]',
        f'tools/dist_trian.sh {CLICKS} 4',
        f'tools/dist_train.sh {CLICKS} --resume',
        'curl x',
    ],
)
def test_wrong_commands_are_found(command, environment, monkeypatch, tmp_path):
    monkeypatch.chdir(ROOT)
    with pytest.raises((AssertionError, SystemExit, KeyError, OSError, TypeError)):
        check_command(command.split(), tmp_path)


def test_settings_that_change_nothing_are_found():
    with pytest.raises(AssertionError, match='has no train_cfgs.max_iters'):
        merged(CLICKS, {'train_cfgs.max_iters': 3})
    assert (
        merged(CLICKS, {'train_dataloader.dataset.pipeline.0.type': 'X'}).train_dataloader.dataset.pipeline[0].type
        == 'X'
    )


def test_programs_of_other_files_are_targets():
    """The workflow, the container and the script of CI call targets of the Makefile."""
    for name in ('.github/workflows/ci.yml', '.ci/run', 'docker/Dockerfile'):
        text = re.sub(r'\$\{\{.*?\}\}', '', (ROOT / name).read_text()).replace('", "', ' ')
        calls = re.findall(r'(?m)(?:run: |RUN |CMD \["|^)make ([\w =./${}-]+)', text)
        assert calls, name
        for call in calls:
            check_targets([word for word in call.split() if '=' not in word])
