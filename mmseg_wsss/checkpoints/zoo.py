"""Trained networks that come with the project, by the names in the ``metafile.yml`` of their methods."""

from __future__ import annotations

import difflib
import hashlib
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError

import yaml

from ..files import whole_file

BASE = 'MMSEG_WSSS_ZOO'
"""Environment variable: a folder, or a URL, that holds the files, used instead of the addresses in the metafiles."""


@dataclass(frozen=True)
class ZooModel:
    """A trained network.

    Args:
        name: Name of the model, which is that of its config.
        long_name: Name that also says method, batch, schedule, data and crop.
        method: The method that it was trained with.
        config: The config.
        weights: Address of the checkpoint.
        sha256: SHA-256 of the checkpoint, in hexadecimal digits.
        metrics: Scores by name, in percent.
        dataset: The data of the scores.
        metadata: Further entries, such as the labels that it was trained on and the terms of the data.
    """

    name: str
    long_name: str
    method: str
    config: Path
    weights: str
    sha256: str
    metrics: Mapping[str, float]
    dataset: str
    metadata: Mapping[str, Any]

    @property
    def file_name(self) -> str:
        """The name of the checkpoint, which ends with the first eight digits of its SHA-256."""
        return self.weights.rpartition('/')[2]


def zoo_models(configs: str | Path) -> dict[str, ZooModel]:
    """Return the models whose metafile names a checkpoint, by name.

    Args:
        configs: The folder of the configs, with ``METHOD/metafile.yml``.
    """
    found = {}
    for path in sorted(Path(configs).glob('*/metafile.yml')):
        for entry in yaml.safe_load(path.read_text(encoding='utf-8'))['Models']:
            if 'Weights' not in entry:
                continue
            metadata, result = dict(entry['Metadata']), entry['Results'][0]
            name = Path(entry['Config']).stem
            found[name] = ZooModel(
                name=name,
                long_name=entry['Name'],
                method=metadata.pop('Method', entry['In Collection']),
                config=Path(configs).parent / entry['Config'],
                weights=entry['Weights'],
                sha256=metadata.pop('SHA256'),
                metrics=result['Metrics'],
                dataset=result['Dataset'],
                metadata=metadata,
            )
    return found


def choose_model(name: str, models: Mapping[str, ZooModel]) -> ZooModel:
    """Return a model by its name.

    Args:
        name: The short or long name that the user gave.
        models: The models by name, from :func:`zoo_models`.

    Raises:
        ValueError: If no model has this name; similar names are suggested.
    """
    for model in models.values():
        if name in (model.name, model.long_name):
            return model
    near = difflib.get_close_matches(name, models, cutoff=0.4)
    hint = f'did you mean {" or ".join(near)}?' if near else '"wsss zoo" lists the names'
    raise ValueError(f'{name!r} is not the name of a model: {hint}')


def fetch_checkpoint(model: ZooModel, folder: str | Path, *, local: str | Path | None = None) -> Path:
    """Return the path of the checkpoint in ``folder``; it is copied or downloaded once, and its SHA-256 is checked.

    The first of these that is given or exists is used: the environment variable ``MMSEG_WSSS_ZOO``, a folder or a URL;
    ``local``, if it has the file; the address in the metafile.

    Args:
        model: The model.
        folder: The folder to write to.
        local: Folder that may hold the checkpoints, such as ``zoo`` of a clone.

    Raises:
        CheckpointError: If the file cannot be had, or has another SHA-256; it is not kept then.
    """
    import torch  # takes seconds, and the list of the models does not need it

    from .loading import CheckpointError

    target = Path(folder) / model.file_name
    if target.is_file() and sha256_of(target) == model.sha256:
        return target
    base = os.environ.get(BASE)
    near = Path(local) / model.file_name if local is not None else None
    source = (
        f'{base.rstrip("/")}/{model.file_name}' if base else str(near if near and near.is_file() else model.weights)
    )
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch) / model.file_name
        try:
            if '://' in source:
                torch.hub.download_url_to_file(source, str(copy), progress=False)
            else:
                shutil.copyfile(source, copy)
        except (OSError, URLError, ValueError) as error:
            raise CheckpointError(
                f'{source}, the checkpoint of {model.name!r}, could not be had: {error}. Download it elsewhere and set '
                f'{BASE} to its folder'
            ) from error
        actual = sha256_of(copy)
        if actual != model.sha256:
            raise CheckpointError(
                f'{source} has the SHA-256 {actual}, expected {model.sha256} of {model.name!r}: the file is damaged or '
                'another one; it was not kept'
            )
        with copy.open('rb') as read, whole_file(target) as write:
            shutil.copyfileobj(read, write)
    return target


def sha256_of(path: str | Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal digits."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()
