"""Finding a checkpoint to go on from."""

import pickle
import re
import zipfile
from pathlib import Path

import torch
from mmengine.logging import print_log


def newest_loadable_checkpoint(work_dir: str | Path) -> Path | None:
    """Return the newest ``iter_*.pth`` or ``epoch_*.pth`` that can be read, or None.

    A run that was killed while it wrote leaves half a file behind; that one is named in the log and left alone.

    Args:
        work_dir: Folder of the run.
    """
    numbered = []
    for path in Path(work_dir).glob('*.pth'):
        match = re.fullmatch(r'(?:iter|epoch)_(\d+)', path.stem)
        if match:
            numbered.append((int(match.group(1)), path))
    for _, path in sorted(numbered, reverse=True):
        try:
            torch.load(path, map_location='meta', weights_only=False, mmap=True)
        except (RuntimeError, EOFError, OSError, pickle.UnpicklingError, zipfile.BadZipFile) as error:
            print_log(f'{path} cannot be read ({error}): falling back to an older checkpoint', logger='current')
        else:
            return path
    return None
