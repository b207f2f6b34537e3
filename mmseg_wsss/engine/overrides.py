"""Settings of the command line, which must change a config: one that would have no effect is an error."""

from __future__ import annotations

import argparse
import ast
import difflib
import inspect
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mmengine.config import Config, DictAction
from mmengine.runner import Runner

from ..datasets.formats.values import shown
from .own_data import VARIABLES, fill_own_data, is_own_data

ALIASES = {'train_cfg.max_iters': 'iterations', 'train_dataloader.batch_size': 'batch'}
"""Settings that are variables of the recipes for own data."""
FAULTS = (AttributeError, AssertionError, IndexError, KeyError, TypeError, ValueError)
MAX_PLACES = 3
SIMILAR = 0.75
"""Ratio of common letters from which a key is taken to be misspelt."""
OTHER_KEYS = (
    'allow_missing',
    'amp',
    'compile',
    'custom_imports',
    'find_unused_parameters',
    'model_wrapper_cfg',
    'only',
    'runner_type',
    'stages',
    'test_pipeline',
    'tta_model',
    'tta_pipeline',
)
"""Top-level keys that are read in addition to those of the runner."""


class Overrides(argparse.Action):
    """``KEY=VALUE ..`` as a dict, in mmengine's notation of values."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        """Parse the values of one option."""
        try:
            settings = parse_overrides(values)
        except ValueError as error:
            raise argparse.ArgumentError(None, str(error)) from error
        setattr(namespace, self.dest, {**(getattr(namespace, self.dest) or {}), **settings})


def parse_overrides(options: Sequence[str]) -> dict[str, Any]:
    """Return ``KEY=VALUE ..`` as a dict; values with braces are Python's.

    Raises:
        ValueError: If one is not of this form.

    Example:
        >>> parse_overrides(['model.losses.x.radius=3', 'a=1,b'])
        {'model.losses.x.radius': 3, 'a': [1, 'b']}
    """
    settings = {}
    for option in options:
        key, mark, text = option.partition('=')
        if not key or not mark:
            raise ValueError(f'--cfg-options must be KEY=VALUE, got {option!r}')
        try:
            is_python = '{' in text and text.startswith(('{', '[', '('))  # others are texts such as it_{}.pth
            settings[key] = ast.literal_eval(text) if is_python else DictAction._parse_iterable(text)
        except (SyntaxError, *FAULTS) as error:
            raise ValueError(f'--cfg-options {key}: {shown(text)} is not a value: {error}') from error
    return settings


def override(cfg: Config, settings: Mapping[str, Any]) -> None:
    """Override settings of a config, and fill in the variables of a recipe for own data.

    Args:
        cfg: The config, changed in place.
        settings: Settings by key, such as ``{'model.losses.x.radius': 3}``.

    Raises:
        ValueError: If a setting cannot be made, or would have no effect.
    """
    settings = dict(settings)
    for key in ('model', 'train_dataloader', 'train_cfg', 'default_hooks'):
        if is_own_data(cfg) and key in settings and not isinstance(settings[key], Mapping):
            raise ValueError(f'--cfg-options {key} must be a dict of settings, got {shown(settings[key])}')
    if is_own_data(cfg):
        settings = {ALIASES.get(key, key): value for key, value in settings.items()}
    for key in settings:
        _check_key(cfg, key)
    if not is_own_data(cfg):
        _merge(cfg, settings)
        return
    variables = {key: value for key, value in settings.items() if key in VARIABLES}
    _merge(cfg, variables)
    fill_own_data(cfg)
    _merge(cfg, {key: value for key, value in settings.items() if key not in variables})  # what was scaled
    wanted = cfg.to_dict()
    fill_own_data(cfg)
    for key in settings:
        if _value(wanted, key) != _value(cfg.to_dict(), key):
            raise ValueError(
                f'--cfg-options {key}={shown(settings[key])} has no effect: the variables of the recipe (crop, scale, '
                f'images, ..) make it {shown(_value(cfg.to_dict(), key))}: change the variable'
            )


def _merge(cfg: Config, settings: Mapping[str, Any]) -> None:
    try:
        cfg.merge_from_dict(dict(settings))  # all or, after an error, none
    except FAULTS as error:
        for key, value in settings.items():
            values = cfg.to_dict()
            try:
                cfg.merge_from_dict({key: value})
            except FAULTS as fault:
                raise ValueError(f'--cfg-options {key}={shown(value)}: {_reason(values, key, fault)}') from error
        raise


def _reason(values: Any, key: str, error: Exception) -> str:
    """Which part of a key is not there, or the message of the error."""
    path: list[str] = []
    for part in key.split('.')[:-1]:
        path.append(part)
        values = _child(values, part)
        if values is None:
            return f'{".".join(path)} is None or missing'
        if not isinstance(values, Mapping | list | tuple):
            return f'{".".join(path)} is {shown(values)}, which has no settings'
    return ' '.join(str(error).split())


def _check_key(cfg: Config, key: str) -> None:
    """Reject a first part that no part of a training reads, if it is clear what was meant."""
    top = key.partition('.')[0]
    variables = VARIABLES if is_own_data(cfg) else ()
    known = {*inspect.signature(Runner.__init__).parameters, *OTHER_KEYS, *variables}
    if top in known:
        return
    if top not in cfg:
        places = _meant(cfg.to_dict(), key)[:MAX_PLACES]
        close = difflib.get_close_matches(top, [*cfg, *known], n=1, cutoff=SIMILAR)
        meant = places or list(map(repr, close))
        if meant:
            raise ValueError(f'--cfg-options {key}: the config has no {top!r}; did you mean {" or ".join(meant)}?')
    elif isinstance(cfg[top], Mapping | Sequence) and cfg[top] and not isinstance(cfg[top], str):
        values = cfg.to_dict()
        if key != top and _value(values, key.rpartition('.')[0]) is None:
            return  # the merge says what is missing
        copies = [place for place in _places(values) if '.' in place and _value(values, place) == values[top]]
        if copies:
            raise ValueError(
                f'--cfg-options {key}: {top} is a variable of the config, which {copies[0]} has copied already: '
                f'override {" and ".join(copy + key[len(top) :] for copy in copies[:MAX_PLACES])}'
            )


def _meant(values: Any, key: str) -> list[str]:
    """The places that a key without its first parts may stand for, such as ``losses.x.start`` for that of a model."""
    parts = key.split('.')
    for count in range(len(parts), 0, -1):
        end = '.'.join(parts[:count])
        found = [place + key[len(end) :] for place in _places(values) if place.endswith(f'.{end}')]
        if found:
            return found
    return []


def _places(values: Any, path: str = '') -> Iterator[str]:
    """Yield the keys of all nested settings."""
    items = values.items() if isinstance(values, Mapping) else enumerate(values) if isinstance(values, list) else ()
    for key, item in items:
        place = f'{path}.{key}' if path else str(key)
        yield place
        yield from _places(item, place)


def _value(values: Any, key: str) -> Any:
    for part in key.split('.'):
        values = _child(values, part)
    return values


def _child(values: Any, part: str) -> Any:
    if isinstance(values, list | tuple):
        return values[int(part)] if part.isdecimal() and int(part) < len(values) else None
    return values.get(part) if isinstance(values, Mapping) else None
