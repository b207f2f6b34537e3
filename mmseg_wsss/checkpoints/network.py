"""Networks from their checkpoints, to be used as they are: frozen partners, generators of masks."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.runner import CheckpointLoader
from mmengine.utils import import_modules_from_strings
from mmseg.registry import MODELS
from torch import nn

from ..structures.class_names import plain_name
from .weights import check_fit, weights_of
from .work_dir import is_cut, newest_loadable_checkpoint

Source = str | Path | Mapping[str, Any]


def trained_network(source: Source) -> tuple[nn.Module, Config, dict[str, Any]]:
    """Build the network of a checkpoint and load it; no other file is needed where mmengine wrote it.

    Args:
        source: The checkpoint, or the work dir of its finished training, whose newest one is taken; or
            ``dict(checkpoint=..., config=...)`` with a config file in the place of the config that mmengine keeps in
            the ``meta`` of the checkpoint. The latter is read as data, not run as the code that a config file is.

    Returns:
        The network in evaluation mode and frozen, its config and the checkpoint.

    Raises:
        FileNotFoundError: If a file is missing.
        TypeError: If ``source`` has other keys.
        ValueError: If the work dir is that of a stage that is not finished, if the checkpoint holds no config and none
            is given, if it holds more than plain settings, or if the weights do not fit.
    """
    given = dict(source) if isinstance(source, Mapping) else {'checkpoint': str(source)}
    if 'checkpoint' not in given or not set(given) <= {'checkpoint', 'config'}:
        raise TypeError(f'expected a checkpoint or dict(checkpoint=..., config=...), got {given}')
    path = str(given['checkpoint'])
    if Path(path).is_dir():
        if is_cut(Path(path)):
            raise ValueError(
                f'the training in {path} is not finished: go on with it first, or name the checkpoint itself to take '
                'it as it is'
            )
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
        try:
            cfg = plain_config(text)
        except (SyntaxError, ValueError) as error:
            raise ValueError(
                f'the config in {path} is not plain settings ({error}), and code from a checkpoint is not run: give '
                'dict(checkpoint=..., config=...) with the config file of its training'
            ) from error
        import_modules_from_strings(**cfg.get('custom_imports', {'imports': []}))
    model = MODELS.build(cfg.model)
    weights = weights_of(checkpoint, path)
    check_fit(model, weights, path)
    model.load_state_dict(weights, strict=False)
    return model.eval().requires_grad_(False), cfg, checkpoint


def check_trained_classes(checkpoint: Mapping[str, Any], classes: Sequence[str], source: object) -> None:
    """Refuse a network that was trained on other classes, where its checkpoint names them (mmengine's do).

    Args:
        checkpoint: As :func:`trained_network` returns it.
        classes: Names by id.
        source: Names the checkpoint in the message.

    Raises:
        ValueError: With both lists.
    """
    known = checkpoint.get('meta', {}).get('dataset_meta', {}).get('classes')
    if known is not None and [*map(plain_name, known)] != [*map(plain_name, classes)]:
        raise ValueError(
            f'{source} was trained on {len(known)} classes ({", ".join(known[:4])}, ...), the boxes are of '
            f'{len(classes)} ({", ".join(classes[:4])}, ...): both must be the same, in the same order, for the '
            'probability of a class to be that of this class'
        )


def plain_config(text: str) -> Config:
    """Read a config as mmengine writes it into a checkpoint, without running it.

    Args:
        text: Lines ``name = value``; a value is a literal, or lists, tuples and ``dict(...)`` of values.

    Raises:
        SyntaxError: If it is no Python.
        ValueError: If it is more than that.

    Example:
        >>> plain_config("model = dict(type='Net', scales=(0.5, -1), names={'a-b': [None]})").model.scales
        (0.5, -1)
        >>> plain_config("model = __import__('os').getcwd()")
        Traceback (most recent call last):
            ...
        ValueError: line 1: expected plain settings, got __import__('os').getcwd()
    """
    settings = {}
    for statement in ast.parse(text).body:
        if not isinstance(statement, ast.Assign) or not all(isinstance(name, ast.Name) for name in statement.targets):
            raise ValueError(f'line {statement.lineno}: expected name = value, got {ast.unparse(statement)[:80]}')
        settings.update({name.id: _value(statement.value) for name in statement.targets if isinstance(name, ast.Name)})
    return Config(settings)


def _value(node: ast.expr) -> Any:
    """Return the value of an expression of literals, lists, tuples and dicts."""
    if isinstance(node, ast.List | ast.Tuple):
        values = [_value(item) for item in node.elts]
        return tuple(values) if isinstance(node, ast.Tuple) else values
    if isinstance(node, ast.Dict) and None not in node.keys:
        return {ast.literal_eval(key): _value(item) for key, item in zip(node.keys, node.values, strict=True)}
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == 'dict' and len(node.args) < 2:
        inner = [_value(item) for item in node.args]
        if all(isinstance(item, dict) for item in inner) and all(keyword.arg for keyword in node.keywords):
            return {**(inner[0] if inner else {}), **{word.arg: _value(word.value) for word in node.keywords}}
    try:
        return ast.literal_eval(node)
    except ValueError as error:
        raise ValueError(f'line {node.lineno}: expected plain settings, got {ast.unparse(node)[:80]}') from error
