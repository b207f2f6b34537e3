"""Every message that docs/faq.md quotes is one of the code."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
GAP = '…'


def templates():
    """The strings of the package, with a gap for every value that is put in."""
    found = []
    for path in sorted((ROOT / 'mmseg_wsss').rglob('*.py')):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.JoinedStr):
                parts = [part.value if isinstance(part, ast.Constant) else GAP for part in node.values]
                found.append(''.join(parts))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(node.value)
    return found


def quotes():
    """The quoted messages."""
    return re.findall(r'^> (.+)$', (ROOT / 'docs/faq.md').read_text(), re.MULTILINE)


@pytest.fixture(scope='module')
def known():
    return templates()


@pytest.mark.parametrize('quote', quotes())
def test_the_message_is_in_the_code(quote, known):
    """A gap of the page stands for one or several values of the code."""
    pieces = [re.escape(piece) for piece in quote.split(GAP)]
    pattern = re.compile('.*?'.join(pieces))
    assert any(pattern.search(template) for template in known)
    assert sum(character.isalpha() for character in quote) > 10


def test_there_are_twenty_symptoms_at_least():
    headings = re.findall(r'^### (\d+)\. ', (ROOT / 'docs/faq.md').read_text(), re.MULTILINE)
    assert headings == [str(number) for number in range(1, len(headings) + 1)]
    assert len(headings) >= 20
