"""Errors in a config, in one line: the key, the actual value, and the nearest valid name."""

from __future__ import annotations

import difflib
import inspect
import logging
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from types import FrameType
from typing import Any

from mmengine.model import BaseModel
from mmengine.registry import OPTIMIZERS, Registry
from mmengine.runner import Runner

from ..datasets.formats.files import nearest
from ..datasets.formats.values import is_number, is_whole, shown
from ..models.segmentors.inference import check_windows
from .loop_faults import check_loop, type_name

FAULTS_OF_SETTINGS = (AssertionError, AttributeError, ImportError, IndexError, KeyError, OSError, TypeError, ValueError)
"""Errors that a wrong setting or file raises while a training is built."""
UNEXPECTED = re.compile(r"got an unexpected keyword argument '(\w+)'")
UNREGISTERED = re.compile(r'^(\w+) is not in the (\S+) registry')
WORKER = 'Original Traceback (most recent call last):'
MAX_NAMES = 12
SIMILAR = 0.935
PARTS = ('default_hooks', 'env_cfg', 'model', 'optim_wrapper', 'randomness', 'train_cfg', 'train_dataloader')
"""Parts of a config that are dicts."""
SEGMENTORS = ('EncoderDecoder', 'CascadeEncoderDecoder', 'MultimodalEncoderDecoder', 'WeakEncoderDecoder')
"""Networks that predict whole images or windows; others may have their own modes."""
BUILDERS = {'build_from_cfg': 'cfg', 'build_dataloader': 'dataloader'}
"""Functions of mmengine that build a part, and the names of its config in them."""
METRICS_OF_IOU = ('IoUMetric', 'SubsetIoUMetric')
IOU_METRICS = ('mIoU', 'mDice', 'mFscore')


def describe_fault(error: BaseException, cfg: Mapping[str, Any]) -> str:
    """Return the message of an error in one line, with the key of the part that was being built.

    Args:
        error: An error with its traceback.
        cfg: The whole config.

    Returns:
        Such as ``"model.losses.loss_crf (GatedCRFLoss): radius must be a positive integer, got 2.5"``.
    """
    text = error.args[0] if isinstance(error, KeyError) and error.args else error
    message = ' '.join(_without_worker(str(text)).split()) or type(error).__name__
    frame = _innermost_build(error)
    if frame is None:
        place = _running_module(error)
        return f'{place}, in the first iteration: {message}' if place else message
    part, kind = frame.f_locals[BUILDERS[frame.f_code.co_name]], frame.f_locals.get('obj_cls')
    if not isinstance(part, Mapping):
        return message
    message = _with_nearest_name(message, kind, frame.f_locals.get('registry'))
    places = (_path_of(part, cfg, same) for same in (_same, _same_but_added, _same_but_taken))
    place = next(filter(None, places), 'a part of the config')
    named = part.get('type')
    title = named if isinstance(named, str) else getattr(named, '__name__', None)
    return f'{place} ({title}): {message}' if title else f'{place}: {message}'


def _without_worker(text: str) -> str:
    """The error in a message of PyTorch that contains the traceback of a worker process."""
    if WORKER not in text:
        return text
    lines = text.splitlines()
    last = max((index for index, line in enumerate(lines) if line.startswith('  ')), default=-1)
    return '\n'.join(lines[last + 1 :])


def was_being_built(error: BaseException) -> bool:
    """Return whether an error was raised while mmengine built a part of a config."""
    return _innermost_build(error) is not None


def _running_module(error: BaseException) -> str:
    """Return the name of the part of a network whose forward raised an error; an empty text if none did."""
    names: dict[int, str] = {}
    place, traceback = '', error.__traceback__
    while traceback is not None:
        module = traceback.tb_frame.f_locals.get('self')
        if isinstance(module, BaseModel):
            names = {id(part): name for name, part in module.named_modules(prefix='model')}
        if id(module) in names:
            place = f'{names[id(module)]} ({type(module).__name__})'
        traceback = traceback.tb_next
    return place


def _innermost_build(error: BaseException) -> FrameType | None:
    """Return the active frame of mmengine's builders."""
    found, traceback = None, error.__traceback__
    while traceback is not None:
        if BUILDERS.get(traceback.tb_frame.f_code.co_name) in traceback.tb_frame.f_locals:
            found = traceback.tb_frame
        traceback = traceback.tb_next
    return found


def check_settings(cfg: Mapping[str, Any]) -> None:
    """Check settings for which mmengine's errors do not name the key, or which it accepts though they are wrong.

    Raises:
        ValueError: If the length of the training is not a number of iterations or epochs, the optimizer or a metric is
            unknown, or another setting has a value of the wrong kind.
    """
    _check_kinds(cfg)
    _check_inference(cfg)
    check_loop(cfg)
    loop = cfg.get('train_cfg') or {}
    for key in ('max_iters', 'max_epochs'):
        length = loop.get(key, 0)
        if not is_whole(length) or length < 0:
            raise ValueError(f'train_cfg.{key} must be a non-negative integer, got {length!r}')
    interval = loop.get('val_interval', 1)
    if not is_whole(interval) or interval < 1:
        raise ValueError(f'train_cfg.val_interval must be a positive integer, got {interval!r}')
    kind = ((cfg.get('optim_wrapper') or {}).get('optimizer') or {}).get('type')
    if isinstance(kind, str):
        with OPTIMIZERS.switch_scope_and_registry(None) as registry:
            if registry.get(kind) is None:
                message = f'{kind} is not in the mmengine::optimizer registry'
                raise ValueError(f'optim_wrapper.optimizer ({kind}): {_with_nearest_name(message, None, registry)}')


def _check_kinds(cfg: Mapping[str, Any]) -> None:
    for key in ('model', 'train_dataloader', 'optim_wrapper', 'train_cfg'):
        if key not in cfg:
            raise ValueError(f'the config has no {key}: expected the config of a training')
    for key in cfg:
        meant = next((name for name in inspect.signature(Runner.__init__).parameters if _is_misspelt(key, name)), None)
        if meant is not None and not _contains(cfg.get(meant), cfg[key]):
            raise ValueError(f'{key} is not a part of a training, so it would have no effect; did you mean {meant!r}?')
    for key in PARTS:
        is_default = key == 'default_hooks' and cfg.get(key) is None
        if key in cfg and not is_default and not isinstance(cfg[key], Mapping):
            raise ValueError(f'{key} must be a dict of settings, got {shown(cfg[key])}')
    for key in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        if isinstance(dataset := (cfg.get(key) or {}).get('dataset'), list):
            raise ValueError(
                f"{key}.dataset is a list: several data sets are dict(type='ConcatDataset', datasets=[...]), got "
                f'{shown(dataset)}'
            )
    if (found := _array_in(dict(cfg.items()))) is not None:
        raise ValueError(f'{found} is an array, and configs are saved as text: use lists and numbers (.tolist())')
    wanted = cfg.get('load_from')
    if wanted is not None and not isinstance(wanted, str):
        raise ValueError(f'load_from must be a path, a URL or None, got {shown(wanted)}')
    level = cfg.get('log_level', 'INFO')
    if not isinstance(level, int) and not isinstance(logging.getLevelName(str(level)), int):
        raise ValueError(f"log_level must be a level such as 'INFO' or 'WARNING', got {shown(level)}")
    seed = cfg.get('randomness', {}).get('seed')
    if seed is not None and not (is_whole(seed) and 0 <= seed < 2**32):
        raise ValueError(f'randomness.seed must be an integer from 0 to 2**32 - 1, or None, got {shown(seed)}')
    rate = (cfg.get('optim_wrapper', {}).get('optimizer') or {}).get('lr')
    if rate is not None and not is_number(rate):
        raise ValueError(f'optim_wrapper.optimizer.lr must be a learning rate such as 1e-3, got {shown(rate)}')


def _array_in(value: Any, path: str = '') -> str | None:
    """Return the key of a value of numpy or torch in a config."""
    if hasattr(value, '__array__') and not isinstance(value, type):
        return path
    items = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list | tuple) else ()
    below = (_array_in(item, f'{path}.{key}' if path else str(key)) for key, item in items)
    return next((found for found in below if found is not None), None)


def _is_misspelt(key: str, name: str) -> bool:
    """Whether a key is a name with two letters exchanged, or with one more or less; ``name_2`` is a second one."""
    if key == name or len(name) < 5 or (key.startswith(name) and not key[len(name)].isalpha()):
        return False
    return sorted(key) == sorted(name) or difflib.SequenceMatcher(None, key, name).ratio() > SIMILAR


def _contains(part: Any, value: Any) -> bool:
    """Whether a part of a config was made of the value of a variable."""
    if isinstance(part, str) and isinstance(value, str):
        return value in part
    nested = part.values() if isinstance(part, Mapping) else part if isinstance(part, list | tuple) else ()
    return part == value or any(_contains(item, value) for item in nested)


def _check_inference(cfg: Mapping[str, Any]) -> None:
    """Check what is only used after the training has begun: how whole images are predicted, and the metrics."""
    model = cfg.get('model')
    if isinstance(model, Mapping) and type_name(model) in SEGMENTORS:
        check_windows(model.get('test_cfg'))
    for split in ('val_evaluator', 'test_evaluator'):
        found = cfg.get(split)
        for index, metric in enumerate(found if isinstance(found, list) else [found]):
            names = metric.get('iou_metrics', ()) if isinstance(metric, Mapping) else ()
            for name in [names] if isinstance(names, str) else names:
                if name not in IOU_METRICS and type_name(metric) in METRICS_OF_IOU:
                    key = f'{split}.{index}' if isinstance(found, list) else split
                    raise ValueError(f'{key}.iou_metrics: unknown metric {name!r}; {nearest(str(name), IOU_METRICS)}')


def _same(value: Mapping[str, Any], part: Mapping[str, Any]) -> bool:
    return dict(value) == dict(part)


def _same_but_added(value: Mapping[str, Any], part: Mapping[str, Any]) -> bool:
    """Whether a builder has only added keys, such as the parameters of an optimizer."""
    return 'type' in value and all(key in part and part[key] == known for key, known in value.items())


def _same_but_taken(value: Mapping[str, Any], part: Mapping[str, Any]) -> bool:
    """Whether a builder has only taken keys, such as the optimizer of an ``optim_wrapper``."""
    return 'type' in part and all(key in value and value[key] == known for key, known in part.items())


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
