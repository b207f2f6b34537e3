"""The splits that names of files and folders stand for."""

from __future__ import annotations

import re

SPLITS = {
    'train': 'train',
    'training': 'train',
    'val': 'val',
    'valid': 'val',
    'validation': 'val',
    'test': 'test',
}
"""Splits by words in the names of files and folders."""


def split_of_name(name: str) -> str | None:
    """Return the split that a word in the name of a file or folder stands for.

    Example:
        >>> split_of_name('instances_train2017'), split_of_name('trainings'), split_of_name('valid')
        ('train', None, 'val')
    """
    return next((SPLITS[word] for word in re.findall('[a-z]+', name.lower()) if word in SPLITS), None)
