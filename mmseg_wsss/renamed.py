"""Old names of registered types: they load for one release and say what to write instead.

A type that was renamed, or whose settings moved into parts, keeps its old name as a function that turns the old
settings into the new ones, says so, and builds what they name (:func:`register_renamed`). The same translations make
old and new settings comparable (:func:`in_new_names`): a stage of a training that was finished under an old name is
still the stage of the config that has the new one.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any

from mmengine.registry import Registry

Settings = dict[str, Any]
Translation = Callable[[Settings], Settings]
_TRANSLATIONS: dict[str, Translation] = {}


def register_renamed(registry: Registry, name: str, translation: Translation) -> None:
    """Let an old name build what its settings mean now, with a warning.

    Args:
        registry: Where the type was registered.
        name: The old name.
        translation: Takes the old settings, ``type`` among them, and returns the new ones; it must not change what it
            gets.
    """

    def build(**settings: Any) -> Any:
        new = translation({'type': name, **settings})
        parts = ', '.join(f'{key}={value!r}' for key, value in new.items() if settings.get(key) is not value)
        warnings.warn(
            f'{name} is an old name, which the next release will not know: write dict({parts}) with the other settings '
            'as they are',
            FutureWarning,
            stacklevel=2,
        )
        return registry.build(new)

    build.__name__ = build.__qualname__ = name
    registry.register_module(name=name, module=build)
    register_equal(name, translation)


def register_equal(name: str, translation: Translation) -> None:
    """Say how settings of a type are written in another way that gives the same results, for :func:`in_new_names`.

    Args:
        name: The type.
        translation: Takes settings, ``type`` among them, and returns those to compare; it must not change what it gets.
    """
    _TRANSLATIONS[name] = translation


def in_new_names(config: Any) -> Any:
    """Return nested settings with all old names translated, to be compared with others.

    Args:
        config: Dicts and lists of plain values; it is not changed.

    Example:
        >>> register_equal('OldLoss', lambda settings: {**settings, 'type': 'NewLoss'})
        >>> in_new_names({'losses': [{'type': 'OldLoss', 'weight': 2}]})
        {'losses': [{'type': 'NewLoss', 'weight': 2}]}
    """
    if isinstance(config, Mapping):
        names = []
        while isinstance(name := config.get('type'), str) and name in _TRANSLATIONS and name not in names:
            config = _TRANSLATIONS[name](dict(config))
            names.append(name)
        return {key: in_new_names(value) for key, value in config.items()}
    if isinstance(config, list | tuple):
        return [in_new_names(value) for value in config]
    return config
