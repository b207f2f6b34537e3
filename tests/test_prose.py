"""The prose of the project keeps to the plain English of the PyTorch documentation."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PHRASES = {
    r'\bnobody\b': 'say what is missing: "unlabelled", "without tags"',
    r'(?<![Tt]here )\bis no (?!longer)(?:[a-z]|:class:|``)': '"is not a ..."',
    r'\bAs (?:of|in) (?:``|:\w+:)': '"Same as in ..."',
    r'\bwhole numbers?\b': '"integer", "positive integer"',
    r'\bin (?:the )?place of\b': '"instead of"',
    r'\bof one (?:size|shape|length)\b': '"of the same size"',
    r'\b(?:one|an?) \w+ (?:id )?a line\b': '"one ... per line"',
    r'\bThe same (?:of|by)\b': 'say what is meant',
    r'\bwants (?:a|to|the)\b': '"needs"',
    r'\blearnt\b': '"learned"',
    r'\b(?:go|goes|going) on (?:from|training|with)\b': '"resume from", "continue"',
    r'\bdo(?:es)? not fit each other\b': '"do not match"',
    r'\b(?:says so|without a word|dearer|by hand alone)\b': 'plainer words',
    r'\bknows no\b': '"does not have", "is exact"',
    r'^\s+\w+: (?:Of|Its) (?:the |weights)': 'a whole phrase: "Seed of the ..."',
    r"help='of ": 'a whole phrase: "seed of ..."',
}
"""Phrases that must not come back, and what to write instead."""


def texts():
    for folder, suffixes in {'mmseg_wsss': ['py'], 'configs': ['py', 'md'], 'docs': ['md'], 'tools': ['py']}.items():
        for suffix in suffixes:
            yield from sorted((ROOT / folder).rglob(f'*.{suffix}'))
    yield from (ROOT / name for name in ('README.md', 'CONTRIBUTING.md', 'SECURITY.md'))


@pytest.mark.parametrize('phrase', PHRASES)
def test_phrases_stay_away(phrase):
    found = [
        f'{file.relative_to(ROOT)}:{number}: {line.strip()}'
        for file in texts()
        for number, line in enumerate(file.read_text(encoding='utf-8').splitlines(), 1)
        if re.search(phrase, line)
    ]
    assert not found, f'write {PHRASES[phrase]}:\n' + '\n'.join(found)
