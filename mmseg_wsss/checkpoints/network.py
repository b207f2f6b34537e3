"""Trained networks from their checkpoints, for labelling, as frozen partners, or as generators of masks."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.device import get_device
from mmengine.registry import Registry
from mmengine.utils import import_modules_from_strings
from mmseg.registry import MODELS
from torch import nn

from ..openmmlab import without_own_warnings
from ..structures.class_names import plain_name
from .loading import WAY_OUT, UntrustedCheckpointError, are_trusted, load_checkpoint, weights_alone
from .weights import check_fit, weights_of
from .work_dir import is_cut, newest_loadable_checkpoint

Source = str | Path | Mapping[str, Any]
SCOPES = ('mmengine', 'mmseg', 'mmdet', 'mmcv')
"""Packages whose registered names, and modules to import, the config in a checkpoint may name."""
BUILT = ('model', 'test_pipeline')
"""Parts of the config in a checkpoint that are built."""


def build_network(cfg: Config) -> nn.Module:
    """Build the network of a config in evaluation mode, without pretrained weights.

    Args:
        cfg: The config of a training.
    """
    unused = {key: None for key in ('pretrained', 'train_cfg') if key in cfg.model}
    with without_own_warnings():  # of losses, which are not computed here
        network: nn.Module = MODELS.build({**cfg.model, **unused})
    return network.to(get_device()).eval()


def trained_network(source: Source) -> tuple[nn.Module, Config, Mapping[str, Any]]:
    """Build the network of a checkpoint and load its weights; checkpoints of mmengine contain their config.

    Args:
        source: The checkpoint, or the work dir of its finished training, whose newest checkpoint is used; or
            ``dict(checkpoint=..., config=...)`` with a config file instead of the config that mmengine stores in the
            ``meta`` of the checkpoint. The latter is read as data and not run like a config file.

    Returns:
        The network in evaluation mode and frozen, its config and the checkpoint.

    Raises:
        FileNotFoundError: If a file is missing.
        TypeError: If ``source`` has other keys.
        ValueError: If the stage of the work dir is not finished, if the checkpoint has no config and none is given, if
            it contains more than weights and plain settings, or if the weights do not fit.
    """
    given = dict(source) if isinstance(source, Mapping) else {'checkpoint': str(source)}
    if 'checkpoint' not in given or not set(given) <= {'checkpoint', 'config'}:
        raise TypeError(f'expected a checkpoint or dict(checkpoint=..., config=...), got {given}')
    path = str(given['checkpoint'])
    if Path(path).is_dir():
        if is_cut(Path(path)):
            raise ValueError(
                f'the training in {path} is not finished: finish it first, or name the checkpoint itself to use '
                'it as it is'
            )
        path = str(newest_loadable_checkpoint(path) or f'{path}/iter_*.pth')
    checkpoint = load_checkpoint(path)
    cfg = Config.fromfile(given['config']) if given.get('config') is not None else config_of(checkpoint, path)
    with weights_alone(), without_own_warnings():
        model = MODELS.build(cfg.model)
    weights = weights_of(checkpoint, path)
    check_fit(model, weights, path)
    model.load_state_dict(weights, strict=False)
    return model.eval().requires_grad_(False), cfg, checkpoint


def config_of(checkpoint: Mapping[str, Any], source: str) -> Config:
    """Return the config that mmengine stores in a checkpoint, and import the modules that it needs.

    Args:
        checkpoint: The checkpoint.
        source: Name of the checkpoint in messages.

    Raises:
        ValueError: If there is none, if it is not plain settings, or if it names classes that are not registered,
            modules other than the plugin and those of :data:`SCOPES`, or files that may contain code.
    """
    text = checkpoint.get('meta', {}).get('cfg')
    if not isinstance(text, str):
        raise ValueError(f'{source} does not hold the config of its network: give dict(checkpoint=..., config=...)')
    try:
        cfg = plain_config(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise UntrustedCheckpointError(
            f'the config in {source} is not plain settings ({error}), and code from a checkpoint is not run: give '
            'dict(checkpoint=..., config=...) with the config file of its training'
        ) from error
    needed = cfg.get('custom_imports') or {'imports': []}
    if not are_trusted():
        modules = needed.get('imports')
        check_named(source, 'the module', _foreign_modules([modules] if isinstance(modules, str) else modules or []))
    import_modules_from_strings(**needed)
    if not are_trusted():
        check_named(source, 'a type that is not registered,', _foreign_types(cfg.to_dict()))
        parts = {key: cfg[key] for key in BUILT if key in cfg}
        check_named(source, 'a type that is not registered,', _foreign_types(parts, dotted=False))
        check_named(source, 'a file that may hold code,', _files_with_code(parts))
    return cfg


def check_named(source: str, kind: str, names: Iterator[Any]) -> None:
    """Raise an error for a checkpoint whose config names something that must not be imported, built or read.

    Args:
        source: Name of the checkpoint in the message.
        kind: Kind of the names.
        names: Names of this kind in the config.

    Raises:
        UntrustedCheckpointError: If there are any; the message has the first one.
    """
    for name in names:
        raise UntrustedCheckpointError(
            f'the config in {source} names {kind} {name!r}, which is not taken from a checkpoint: {WAY_OUT}, or give '
            'dict(checkpoint=..., config=...) with the config file of its training'
        )


def _foreign_modules(names: Sequence[Any]) -> Iterator[Any]:
    return (
        name
        for name in names
        if name != 'mmseg_wsss.plugin' and not (isinstance(name, str) and name.partition('.')[0] in SCOPES)
    )


def _foreign_types(settings: Any, dotted: bool = True) -> Iterator[str]:
    """Yield each ``type`` that mmengine would look for in all modules; without ``dotted``, only plain names."""
    for key, value in _items(settings):
        names = isinstance(value, str) and key in ('type', '_scope_') and ('.' in value) == dotted
        if names and not (value in SCOPES if key == '_scope_' else _is_registered(value)):
            yield value


def _files_with_code(settings: Any) -> Iterator[str]:
    """Yield files that mmengine would unpickle, or read as YAML with function calls, such as a ``class_weight``."""
    for _, value in _items(settings):
        if isinstance(value, str) and value.lower().endswith(('.pkl', '.pickle', '.yml', '.yaml')):
            yield value


def _items(settings: Any) -> Iterator[tuple[Any, Any]]:
    """Yield (key, value) of nested dicts and lists; entries of lists do not have a key."""
    pairs = settings.items() if isinstance(settings, Mapping) else ((None, value) for value in settings)
    for key, value in pairs:
        yield key, value
        if isinstance(value, Mapping | list | tuple):
            yield from _items(value)


def _is_registered(name: str) -> bool:
    scope, _, own = name.rpartition('.')
    if scope and scope not in SCOPES:
        return False
    for package in (scope,) if scope else ('mmseg', 'mmengine'):
        for registry in vars(import_module(f'{package.replace("mmcv", "mmengine")}.registry')).values():
            if isinstance(registry, Registry):
                registry.import_from_location()
                if own in registry.module_dict:
                    return True
    return False


def check_trained_classes(checkpoint: Mapping[str, Any], classes: Sequence[str], source: object) -> None:
    """Raise an error for a network that was trained on other classes, if its checkpoint names them.

    Args:
        checkpoint: The checkpoint from :func:`trained_network`.
        classes: Names by id.
        source: Name of the checkpoint in the message.

    Raises:
        ValueError: If the classes differ; the message has both lists.
    """
    known = checkpoint.get('meta', {}).get('dataset_meta', {}).get('classes')
    if known is not None and [*map(plain_name, known)] != [*map(plain_name, classes)]:
        raise ValueError(
            f'{source} was trained on {len(known)} classes ({", ".join(known[:4])}, ...), but the boxes have '
            f'{len(classes)} ({", ".join(classes[:4])}, ...): both must be the same, in the same order, for the '
            'probability of a class to be that of this class'
        )


def plain_config(text: str) -> Config:
    """Read a config in the form that mmengine writes into a checkpoint, without running it.

    Args:
        text: Lines ``name = value``; a value is a literal, or lists, tuples and ``dict(...)`` of values.

    Raises:
        SyntaxError: If the text is not Python.
        ValueError: If it contains anything else.

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
        items = zip(node.keys, node.values, strict=True)
        return {ast.literal_eval(key): _value(item) for key, item in items if key}
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == 'dict' and len(node.args) < 2:
        inner = [_value(item) for item in node.args]
        if all(isinstance(item, dict) for item in inner) and all(keyword.arg for keyword in node.keywords):
            return {**(inner[0] if inner else {}), **{word.arg: _value(word.value) for word in node.keywords}}
    try:
        return ast.literal_eval(node)
    except ValueError as error:
        raise ValueError(f'line {node.lineno}: expected plain settings, got {ast.unparse(node)[:80]}') from error
