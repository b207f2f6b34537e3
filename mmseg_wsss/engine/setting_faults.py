"""Errors in a config, in one line: the key, the actual value, and the nearest valid name."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from types import FrameType
from typing import Any

from mmengine.registry import OPTIMIZERS, Registry

from ..datasets.formats.files import nearest
from ..datasets.formats.values import is_whole

FAULTS_OF_SETTINGS = (AssertionError, ImportError, KeyError, OSError, TypeError, ValueError)
"""Errors that a wrong setting or file raises while a training is built."""
UNEXPECTED = re.compile(r"got an unexpected keyword argument '(\w+)'")
UNREGISTERED = re.compile(r'^(\w+) is not in the (\S+) registry')
MAX_NAMES = 12


def describe_fault(error: BaseException, cfg: Mapping[str, Any]) -> str:
    """Return the message of an error in one line, with the key of the part that was being built.

    Args:
        error: An error with its traceback.
        cfg: The whole config.

    Returns:
        Such as ``"model.losses.loss_crf (GatedCRFLoss): radius must be a positive integer, got 2.5"``.
    """
    text = error.args[0] if isinstance(error, KeyError) and error.args else error
    message = ' '.join(str(text).split()) or type(error).__name__
    frame = _innermost_build(error)
    if frame is None:
        return message
    part, kind = frame.f_locals['cfg'], frame.f_locals.get('obj_cls')
    if not isinstance(part, Mapping):
        return message
    message = _with_nearest_name(message, kind, frame.f_locals.get('registry'))
    place = _path_of(part, cfg, _same) or _path_of(part, cfg, _same_but_added) or 'a part of the config'
    named = part.get('type')
    title = named if isinstance(named, str) else getattr(named, '__name__', None)
    return f'{place} ({title}): {message}' if title else f'{place}: {message}'


def was_being_built(error: BaseException) -> bool:
    """Return whether an error was raised while mmengine built a part of a config."""
    return _innermost_build(error) is not None


def _innermost_build(error: BaseException) -> FrameType | None:
    """Return the active frame of mmengine's builder."""
    found, traceback = None, error.__traceback__
    while traceback is not None:
        if traceback.tb_frame.f_code.co_name == 'build_from_cfg' and 'cfg' in traceback.tb_frame.f_locals:
            found = traceback.tb_frame
        traceback = traceback.tb_next
    return found


def check_settings(cfg: Mapping[str, Any]) -> None:
    """Check settings for which mmengine's errors do not name the key, or which it accepts though they are wrong.

    Raises:
        ValueError: If the length of the training is not a number of iterations or epochs, or the optimizer is unknown.
    """
    loop = cfg.get('train_cfg') or {}
    for key in ('max_iters', 'max_epochs'):
        length = loop.get(key, 0)
        if not is_whole(length) or length < 0:
            raise ValueError(f'train_cfg.{key} must be a non-negative integer, got {length!r}')
    kind = ((cfg.get('optim_wrapper') or {}).get('optimizer') or {}).get('type')
    if isinstance(kind, str):
        with OPTIMIZERS.switch_scope_and_registry(None) as registry:
            if registry.get(kind) is None:
                message = f'{kind} is not in the mmengine::optimizer registry'
                raise ValueError(f'optim_wrapper.optimizer ({kind}): {_with_nearest_name(message, None, registry)}')


def _same(value: Mapping[str, Any], part: Mapping[str, Any]) -> bool:
    return dict(value) == dict(part)


def _same_but_added(value: Mapping[str, Any], part: Mapping[str, Any]) -> bool:
    """Whether a builder has only added keys, such as the parameters of an optimizer."""
    return 'type' in value and all(key in part and part[key] == known for key, known in value.items())


def _path_of(
    part: Mapping[str, Any],
    value: Any,
    same: Callable[[Mapping[str, Any], Mapping[str, Any]], bool],
    path: str = '',
) -> str | None:
    """Return the first key in a config whose value is the ``same`` as ``part``."""
    if isinstance(value, Mapping):
        if path and same(value, part):
            return path
        items: Collection[tuple[Any, Any]] = value.items()
    elif isinstance(value, Sequence) and not isinstance(value, str):
        items = list(enumerate(value))
    else:
        return None
    below = (_path_of(part, item, same, f'{path}.{key}' if path else str(key)) for key, item in items)
    return next((found for found in below if found is not None), None)


def _with_nearest_name(message: str, kind: Any, registry: Any) -> str:
    unexpected, unregistered = UNEXPECTED.search(message), UNREGISTERED.match(message)
    if unexpected and kind is not None:
        names = [name for name in _arguments(kind) if name != 'self']
        return f'unknown key {unexpected[1]!r}; {_hint(unexpected[1], names)}'
    if unregistered and isinstance(registry, Registry):
        name = unregistered[1]
        hint = nearest(name, _registered(registry)).partition(' Choose from')[0]
        hint = hint if hint.startswith('did you mean') else 'is the module that registers it in custom_imports?'
        return f'{name} is not registered in {unregistered[2]}; {hint}'
    return message


def _hint(name: str, choices: Collection[str]) -> str:
    hint = nearest(name, choices)
    return hint if len(choices) <= MAX_NAMES else hint.partition(' Choose from')[0].replace('Choose from', 'it takes')


def _arguments(kind: Any) -> list[str]:
    """Return the names of the arguments of a class and of the classes that it passes them to."""
    names: dict[str, None] = {}
    for base in inspect.getmro(kind) if inspect.isclass(kind) else [kind]:
        try:
            parameters = inspect.signature(base.__init__ if inspect.isclass(base) else base).parameters.values()
        except (TypeError, ValueError):  # for builtins
            continue
        variadic = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
        names |= dict.fromkeys(item.name for item in parameters if item.kind not in variadic)
        if not any(item.kind is inspect.Parameter.VAR_KEYWORD for item in parameters):
            break
    return list(names)


def _registered(registry: Registry) -> list[str]:
    names = list(registry.module_dict)
    return names if registry.parent is None else [*names, *_registered(registry.parent)]
