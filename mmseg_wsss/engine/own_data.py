"""Recipes for your own data: variables of a config are written into the parts that use them.

A config inherits values and not formulas: ``crop = 160`` does not change the pipelines that the base config has already
made with its own ``crop``. The recipes in ``configs/own_data`` therefore define their variables once, and
:func:`fill_own_data` writes them into all parts that use them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.registry import RUNNERS
from mmengine.runner import Runner

from ..datasets.formats import normalise_source, read_source_classes
from ..datasets.formats.files import nearest
from ..datasets.formats.values import is_number, is_whole, shown

MARK = 'img_suffix'
"""A variable that other configs do not have at the top level."""
VARIABLES = (
    'background',
    'batch',
    'classes',
    'crop',
    'data_root',
    'images',
    'img_suffix',
    'iterations',
    'loading',
    'masks',
    'mean',
    'palette',
    'scale',
    'std',
    'weak_labels',
    'window',
)
RESIZES = ('RandomResize', 'Resize', 'WeakResize')
Settings = dict[str, Any]


@RUNNERS.register_module()
class OwnDataRunner(Runner):
    """A ``Runner`` for the recipes in ``configs/own_data``; see :func:`fill_own_data`."""

    @classmethod
    def from_cfg(cls, cfg: Config | Mapping[str, Any]) -> Runner:
        """Build a runner from a config, after its variables are written into the parts that use them."""
        cfg = cfg if isinstance(cfg, Config) else Config(dict(cfg))
        fill_own_data(cfg)
        return super().from_cfg(cfg)


def is_own_data(cfg: Mapping[str, Any]) -> bool:
    """Whether a config inherits from a recipe for your own data."""
    return MARK in cfg and 'weak_labels' in cfg


def fill_own_data(cfg: Config) -> None:
    """Write the variables of a recipe for your own data into the parts that use them; other configs do not change.

    ``iterations`` is the length of the training; everything that is counted in iterations keeps its share of it.
    ``batch`` is the batch size, ``crop`` the side of all training crops, ``scale`` the longer side of the resized
    images, and ``window`` the side of the windows of inference, or None. ``images``, ``masks`` (None: nothing is
    measured), ``img_suffix`` and ``weak_labels`` are the paths of the data. ``loading`` are settings of
    ``LoadImageFromFile``; ``mean`` and ``std`` are those of the images. ``background=False`` means that class 0 is not
    a background: boxes are filled, and nothing is drawn outside of them. ``classes`` and ``palette`` are read from the
    label file unless they are set.

    A second call does not change anything.

    Args:
        cfg: The config, changed in place.

    Raises:
        TypeError: If a variable that must be a number is not one.
        ValueError: If a number is out of range, or a variable is misspelt.
    """
    if not is_own_data(cfg):
        return
    _check(cfg)
    if cfg.get('classes') is None:
        classes, palette = read_source_classes(normalise_source(cfg.weak_labels, str(cfg.data_root)))
        cfg.classes = list(classes)
        if cfg.get('palette') is None:
            cfg.palette = None if palette is None else [list(colour) for colour in palette]
        _check_values(cfg)  # the palette may be for other classes
    filled = _filled(cfg.to_dict(), cfg.to_dict())
    _set_length(filled)
    _set_windows(filled)
    if filled.get('masks') is None:
        _measure_nothing(filled)
    for key, value in filled.items():
        cfg[key] = value


def _check(cfg: Config) -> None:
    for key in ('iterations', 'batch', 'crop', 'scale', 'window'):
        value = cfg[key]
        is_count = isinstance(value, int) and not isinstance(value, bool) and value > 0
        if not is_count and (key != 'window' or value is not None):
            raise ValueError(f'{cfg.filename}: {key} must be a positive integer, got {value!r}')
    _check_values(cfg)
    length = cfg.train_cfg.get('max_iters')
    ends = [item['end'] for item in cfg.get('param_scheduler') or [] if item.get('end')]
    if ends and length not in (max(ends), cfg.iterations):
        raise ValueError(
            f'{cfg.filename}: train_cfg.max_iters={shown(length)} has no effect, because iterations = {cfg.iterations} '
            'is the length of the training: change iterations. A param_scheduler of your own must end at '
            'train_cfg.max_iters, and is scaled with it'
        )
    for key, value in cfg.items():
        if key in VARIABLES or isinstance(value, Mapping | list):
            continue
        hint = nearest(key, VARIABLES)
        if hint.startswith('did you mean') and key not in KNOWN:
            raise ValueError(f'{cfg.filename}: {key!r} is not a variable of the recipes for own data; {hint}')


def _check_values(cfg: Config) -> None:
    """Check the variables that are not counts."""

    def fault(key: str, expected: str) -> ValueError:
        return ValueError(f'{cfg.filename}: {key} must be {expected}, got {shown(cfg.get(key))}')

    for key in ('images', 'img_suffix', 'data_root', 'masks'):
        if not isinstance(cfg[key], str) and (key != 'masks' or cfg[key] is not None):
            raise fault(key, 'a path' + ', or None without validation' * (key == 'masks'))
    named = cfg.get('classes') is not None  # then the labels may be in any format
    if not isinstance(cfg.weak_labels, (str, Mapping, list, tuple) if named else str):
        raise fault('weak_labels', 'a path' + ', or settings of a format with the classes of the config' * named)
    if not isinstance(cfg.get('background', True), bool):
        raise fault('background', 'True or False')
    if not isinstance(cfg.get('loading') or {}, Mapping):
        raise fault('loading', "settings of the loader such as dict(color_type='unchanged')")
    classes, palette = cfg.get('classes'), cfg.get('palette')
    if classes is not None and not (_is_list(classes) and all(isinstance(name, str) for name in classes)):
        raise fault('classes', "a list of names such as ['background', 'cat'], or None for those of the labels")
    for key in ('mean', 'std'):
        value = cfg.get(key)
        if value is not None and not (_is_list(value) and value and all(map(is_number, value))):
            raise fault(key, 'a list of numbers, one per band')
    if cfg.get('std') is not None and min(cfg.std) <= 0:
        raise fault('std', 'a list of positive numbers')
    if palette is not None and not (_is_list(palette) and all(map(_is_colour, palette))):
        raise fault('palette', 'a list of colours [red, green, blue] in 0..255, or None for those of the labels')
    if palette is not None and classes is not None and len(palette) != len(classes):
        raise fault('palette', f'a list of {len(classes)} colours, one per class')


def _is_list(value: Any) -> bool:
    return isinstance(value, list | tuple)


def _is_colour(value: Any) -> bool:
    return _is_list(value) and len(value) == 3 and all(is_whole(part) and 0 <= part <= 255 for part in value)


KNOWN = ('load_from', 'resume', 'launcher', 'work_dir', 'default_scope', 'log_level', 'runner_type', 'backbone', 'head')
"""Top-level keys of a config that are not variables of these recipes, although their names are similar."""


def _filled(value: Any, variables: Settings) -> Any:
    """Return nested settings, with the variables written into every part that has a rule."""
    if isinstance(value, list | tuple):
        return type(value)(_filled(item, variables) for item in value)
    if not isinstance(value, Mapping):
        return value
    settings = {key: _filled(item, variables) for key, item in value.items()}
    for applies, change in RULES:
        if applies(settings):
            settings |= change(settings, variables)
    return settings


def _is(*types: str) -> Callable[[Settings], bool]:
    return lambda settings: settings.get('type') in types


def _resize(step: Settings, variables: Settings) -> Settings:
    return {'scale': (variables['scale'],) * 2} if 'scale' in step else {}


def _crop(step: Settings, variables: Settings) -> Settings:
    return {'crop_size': (variables['crop'],) * 2}


def _load(step: Settings, variables: Settings) -> Settings:
    return dict(variables.get('loading') or {})


def _draw(step: Settings, variables: Settings) -> Settings:
    return {'draw_boxes': True} if step.get('draw_boxes') == 'core' and not variables.get('background', True) else {}


def _preprocess(settings: Settings, variables: Settings) -> Settings:
    numbers = {key: list(variables[key]) for key in ('mean', 'std') if variables.get(key) is not None}
    colours = {'bgr_to_rgb': False} if len(numbers.get('mean', '123')) != 3 else {}
    return {**numbers, **colours, 'size': (variables['crop'],) * 2}


def _dataset(settings: Settings, variables: Settings) -> Settings:
    meta = {key: variables[key] for key in ('classes', 'palette') if variables.get(key) is not None}
    prefix = {**settings.get('data_prefix', {}), 'img_path': variables['images']}
    if 'seg_map_path' in prefix:
        prefix['seg_map_path'] = variables['masks']
    return {
        'data_root': variables['data_root'],
        'data_prefix': prefix,
        'weak_labels': variables['weak_labels'],
        'img_suffix': variables['img_suffix'],
        'metainfo': meta,
    }


def _pseudo_labels(settings: Settings, variables: Settings) -> Settings:
    return {'img_path': str(Path(variables['data_root']) / variables['images'])}


def _head(settings: Settings, variables: Settings) -> Settings:
    return {'num_classes': len(variables['classes'])}


RULES: tuple[tuple[Callable[[Settings], bool], Callable[[Settings, Settings], Settings]], ...] = (
    (_is(*RESIZES), _resize),
    (lambda settings: 'type' in settings and 'crop_size' in settings, _crop),
    (_is('LoadImageFromFile'), _load),
    (_is('RasterizeWeakAnnotations'), _draw),
    (_is('SegDataPreProcessor'), _preprocess),
    (_is('WeakSegDataset'), _dataset),
    (_is('PseudoLabelDataset'), _pseudo_labels),
    (lambda settings: 'type' in settings and 'num_classes' in settings, _head),
)


def _set_length(cfg: Settings) -> None:
    """Scale everything that is counted in iterations."""
    loop, loader = cfg['train_cfg'], cfg['train_dataloader']
    loader['batch_size'] = cfg['batch']
    factor = cfg['iterations'] / loop['max_iters']

    def stretch(settings: Settings, *keys: str) -> None:
        settings.update({key: max(1, round(settings[key] * factor)) for key in keys if settings.get(key)})

    stretch(loop, 'max_iters', 'val_interval')
    for scheduler in cfg.get('param_scheduler') or []:
        stretch(scheduler, 'begin', 'end')
    for hook in [cfg['default_hooks'].get('checkpoint'), *(cfg.get('custom_hooks') or [])]:
        stretch(hook or {}, 'interval')


def _set_windows(cfg: Settings) -> None:
    side = cfg.get('window')
    if side is None:
        return
    stride = max(1, side * 3 // 4)
    cfg['model']['test_cfg'] = {'mode': 'slide', 'crop_size': (side, side), 'stride': (stride, stride)}


def _measure_nothing(cfg: Settings) -> None:
    """Remove everything that needs validation masks; the test data still defines how images are read."""
    cfg.update({'val_dataloader': None, 'val_cfg': None, 'val_evaluator': None})
    (cfg['default_hooks'].get('checkpoint') or {}).pop('save_best', None)
    cfg['test_dataloader']['dataset']['data_prefix'].pop('seg_map_path', None)
    cfg['custom_hooks'] = [hook for hook in cfg.get('custom_hooks') or [] if hook['type'] != 'ResultSheetHook']
