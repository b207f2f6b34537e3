"""Every command in docs/reproduce.md names a config that is there and settings that its parts know."""

import re
import shlex
from pathlib import Path

import pytest

from tests.helpers.commands import check_command
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


@pytest.fixture(scope='module')
def environment(tmp_path_factory):
    return write_miniatures(tmp_path_factory.mktemp('data'))


@pytest.mark.parametrize('command', [command for _, command in COMMANDS])
def test_command(command, environment, monkeypatch, tmp_path):
    monkeypatch.chdir(ROOT)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr('mmseg_wsss.models.refiners.dense_crf.find_spec', lambda name: True)  # is optional
    check_command(shlex.split(command), tmp_path)
