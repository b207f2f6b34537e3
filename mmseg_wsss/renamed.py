"""Old names of registered types, which load for one release with a warning about the new names.

A type that was renamed, or whose settings moved into parts, keeps its old name as a function that turns the old
settings into the new ones, warns, and builds the new type (:func:`register_renamed`). The same translations make
old and new settings comparable (:func:`in_new_names`), so that a stage that was finished under an old name is still
recognised with a config that has the new one.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any

from mmengine.registry import Registry

Settings = dict[str, Any]
Translation = Callable[[Settings], Settings]
REMOVED_IN = '0.2.0'
_TRANSLATIONS: dict[str, Translation] = {}


def register_renamed(registry: Registry, name: str, translation: Translation) -> Callable[..., Any]:
    """Register an old name, which builds the new type with a warning.

    Args:
        registry: The registry of the type.
        name: The old name.
        translation: Takes the old settings, ``type`` among them, and returns the new ones; it must not change what it
            gets.

    Returns:
        The registered function of the old settings, which returns the part.
    """

    def build(**settings: Any) -> Any:
        new = translation({'type': name, **settings})
        changed = ', '.join(f'{key}={value!r}' for key, value in new.items() if settings.get(key) is not value)
        left_out = [key for key in settings if key not in new]
        rest = f' and without {", ".join(left_out)}' if left_out else ''
        warnings.warn(
            f'{name} is called {new["type"]} now, and the old name will be removed in version {REMOVED_IN}: write '
            f'dict({changed}, ...){rest}',
            FutureWarning,
            stacklevel=2,
        )
        return registry.build(new)

    build.__name__ = build.__qualname__ = name
    build.__doc__ = f'Build what ``{name}`` is called today; see :func:`register_renamed`.'
    registry.register_module(name=name, module=build)
    register_equal(name, translation)
    return build


def register_equal(name: str, translation: Translation) -> None:
    """Register another form of the settings of a type with the same results, for :func:`in_new_names`.

    Args:
        name: The type.
        translation: Takes settings, ``type`` among them, and returns those to compare; it must not change what it gets.
    """
    _TRANSLATIONS[name] = translation


def in_new_names(config: Any) -> Any:
    """Return nested settings with all old names translated, for comparisons.

    Args:
        config: Dicts and lists of plain values, which are not changed.

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
