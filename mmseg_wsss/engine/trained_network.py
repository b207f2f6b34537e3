"""Networks from their checkpoints, to be used as they are: frozen partners, generators of masks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.runner import CheckpointLoader
from mmseg.registry import MODELS
from torch import nn

from .checkpoints import check_weights, newest_loadable_checkpoint

Source = str | Path | Mapping[str, Any]


def trained_network(source: Source) -> tuple[nn.Module, Config, dict[str, Any]]:
    """Build the network of a checkpoint and load it; no other file is needed where mmengine wrote it.

    Args:
        source: The checkpoint, or the work dir of its training, whose newest one is taken; or
            ``dict(checkpoint=..., config=...)`` with a config file in the place of the config that mmengine keeps in
            the ``meta`` of the checkpoint.

    Returns:
        The network in evaluation mode and frozen, its config and the checkpoint.

    Raises:
        FileNotFoundError: If a file is missing.
        TypeError: If ``source`` has other keys.
        ValueError: If the checkpoint holds no config and none is given, or the weights do not fit.
    """
    given = dict(source) if isinstance(source, Mapping) else {'checkpoint': str(source)}
    if 'checkpoint' not in given or not set(given) <= {'checkpoint', 'config'}:
        raise TypeError(f'expected a checkpoint or dict(checkpoint=..., config=...), got {given}')
    path = str(given['checkpoint'])
    if Path(path).is_dir():
        path = str(newest_loadable_checkpoint(path) or f'{path}/iter_*.pth')
    if '://' not in path and not Path(path).is_file():
        raise FileNotFoundError(f'no checkpoint at {path}')
    checkpoint = CheckpointLoader.load_checkpoint(path, map_location='cpu')
    if given.get('config') is not None:
        cfg = Config.fromfile(given['config'])
    else:
        text = checkpoint.get('meta', {}).get('cfg')
        if not isinstance(text, str):
            raise ValueError(f'{path} does not hold the config of its network: give dict(checkpoint=..., config=...)')
        cfg = Config.fromstring(text, '.py')
    model = MODELS.build(cfg.model)
    check_weights(model, path)
    model.load_state_dict(checkpoint.get('state_dict', checkpoint), strict=False)
    return model.eval().requires_grad_(False), cfg, checkpoint
