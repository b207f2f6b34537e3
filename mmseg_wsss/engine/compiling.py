"""``compile=`` of a config: ``torch.compile`` of the backbone instead of the whole training step of mmengine."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from typing import Any

from mmengine.config import Config
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from torch import nn

COMPILERS = ('g++', 'clang++', 'c++', 'cl')


def take_compile(cfg: Config) -> dict[str, Any] | None:
    """Check the key ``compile`` of a config and switch off mmengine's own use of it.

    mmengine compiles the whole training step, including the preprocessing of samples and the losses, on which
    ``torch.compile`` fails. Here only the backbone is compiled, where most of the time of a step is spent
    (:func:`compile_backbone`).

    Args:
        cfg: The config; afterwards, its key is ``compile_backbone``.

    Returns:
        The arguments of ``torch.compile``, or None if nothing is to be compiled.

    Raises:
        TypeError: If the key is neither a bool nor a dict.
        ValueError: If the arguments need a C++ compiler and there is none.

    Example:
        >>> cfg = Config({'compile': {'backend': 'eager'}})
        >>> take_compile(cfg), cfg.to_dict()
        ({'backend': 'eager'}, {'compile_backbone': {'backend': 'eager'}})
    """
    settings = cfg.pop('compile', None)
    if settings is None:
        settings = cfg.get('compile_backbone')
    if not settings:
        return None
    if settings is not True and not isinstance(settings, Mapping):
        raise TypeError(
            f'compile must be True, False or a dict of arguments of torch.compile, got {settings!r}: for example '
            "compile=dict(mode='max-autotune')"
        )
    cfg.compile_backbone = settings
    arguments = {} if settings is True else dict(settings)
    if arguments.get('backend', 'inductor') == 'inductor' and not _has_compiler():
        raise ValueError(
            'compile: torch.compile needs a C++ compiler, and none is installed: install one, such as g++, or remove '
            'compile from the config'
        )
    return arguments


def compile_backbone(runner: Runner, arguments: Mapping[str, Any]) -> None:
    """Let the backbone of a network be compiled in the first iteration; the names of its weights do not change.

    Args:
        runner: The runner, before it trains.
        arguments: Arguments of ``torch.compile``.

    Raises:
        TypeError: If the model has no backbone.
    """
    model = runner.model.module if is_model_wrapper(runner.model) else runner.model
    backbone = getattr(model, 'backbone', None)
    if not isinstance(backbone, nn.Module):
        raise TypeError(f'compile: {type(model).__name__} has no backbone to compile: remove compile from the config')
    backbone.compile(**arguments)
    runner.logger.info('The backbone is compiled in the first iterations, which therefore take longer.')


def _has_compiler() -> bool:
    return any(shutil.which(name) for name in (os.environ.get('CXX', ''), *COMPILERS) if name)
