"""Label files as the measurements used them, and the sums of these files."""

import hashlib
import sys
from pathlib import Path

import numpy as np
from PIL import Image

DIGITS = 8  # of a SHA-256, enough to tell which file differs


def save_labels(path: Path, labels: np.ndarray, palette: list[int]) -> None:
    """Write class ids as a PNG with a palette."""
    image = Image.fromarray(labels.astype(np.uint8), 'L')
    image.putpalette(palette)
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, optimize=True)


def table(path: Path) -> tuple[list[str], dict[str, list[str]]]:
    """Read ``sums.txt``: the patterns of the file names, and the first digits of the SHA-256 of each file by id."""
    head, *lines = path.read_text().splitlines()
    patterns = head.split()[1:]
    return patterns, {words[0]: words[1:] for words in map(str.split, lines)}


def make_table(root: Path, patterns: list[str], ids: list[str]) -> str:
    """Return the text of a table for the files of a folder."""
    lines = [' '.join(['id', *patterns])]
    lines += [' '.join([name, *(digest(root / text.format(name))[:DIGITS] for text in patterns)]) for name in ids]
    return '\n'.join(lines) + '\n'


def digest(path: Path) -> str:
    """Return the SHA-256 of a file, or an empty string if it does not exist."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ''


def differing(root: Path, sums: Path) -> list[str]:
    """Return the files that are missing or are not those that were measured.

    Args:
        root: The folder of the data.
        sums: A folder with ``sums.txt`` and, for single files, ``files.sha256`` as ``sha256sum`` writes it.
    """
    expected: dict[str, str] = {}
    patterns, rows = table(sums / 'sums.txt')
    for column, pattern in enumerate(patterns):
        expected |= {pattern.format(name): sums[column] for name, sums in rows.items()}
    singles = sums / 'files.sha256'
    if singles.is_file():
        for line in singles.read_text().splitlines():
            value, name = line.split()
            expected[name] = value
    found = {name: digest(root / name) for name in expected}
    wrong = [name for name in expected if not found[name].startswith(expected[name])]
    return [name if found[name] else f'{name} (missing)' for name in wrong]


def report(root: Path, sums: Path) -> None:
    """Print which files differ; exit with status 1 if any does."""
    names = differing(root, sums)
    if not names:
        print(f'{root}: every file is the one that was measured')
        return
    folders: dict[str, int] = {}
    for name in names:
        folder = name.rpartition('/')[0]
        folders[folder] = folders.get(folder, 0) + 1
    counts = ', '.join(f'{number} in {folder}' for folder, number in folders.items())
    first = '\n'.join(f'  {name}' for name in names[:20])
    more = f'\n  and {len(names) - 20} others' if len(names) > 20 else ''
    print(f'{root}: not the files that were measured: {counts}\n{first}{more}', file=sys.stderr)
    print('Another version of Pillow or libjpeg may write other bytes of the same JPEG or PNG.', file=sys.stderr)
    raise SystemExit(1)
