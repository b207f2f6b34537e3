"""Old names of registered parts, which users' configs may still have, for one release."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any

from mmengine.registry import Registry

REMOVED_IN = '0.2.0'
_BUILDS: dict[str, Callable[..., Mapping[str, Any]]] = {}


def register_renamed(registry: Registry, old_name: str, build: Callable[..., Mapping[str, Any]]) -> Callable[..., Any]:
    """Let configs build a part under a name that it no longer has.

    A ``FutureWarning`` says what to write in its place, whenever the old name is built.

    Args:
        registry: Where the old name is registered, and the part under its new name.
        old_name: The former ``type``.
        build: Takes the former settings as keyword arguments and returns the config of today, with its ``type``.

    Returns:
        What is registered: a function of the former settings that returns the part.

    Example:
        >>> from mmengine.registry import Registry
        >>> colours = Registry('colours')
        >>> _ = colours.register_module(name='Mix')(lambda red, blue=0: (red, blue))
        >>> _ = register_renamed(colours, 'Purple', lambda **settings: {'type': 'Mix', 'blue': 9, **settings})
        >>> colours.build({'type': 'Purple', 'red': 4})
        (4, 9)
    """

    def renamed(**settings: Any) -> Any:
        config = dict(build(**settings))
        changed = {key: value for key, value in config.items() if key not in settings or settings[key] is not value}
        left_out = [key for key in settings if key not in config]
        text = ', '.join(f'{key}={value!r}' for key, value in changed.items())
        rest = f' and without {", ".join(left_out)}' if left_out else ''
        others = '' if len(changed) == len(config) else ', ...'
        warnings.warn(
            f'{old_name} is called {config["type"]} now, and the old name will be removed in version {REMOVED_IN}: '
            f'write dict({text}{others}){rest}',
            FutureWarning,
            stacklevel=2,
        )
        return registry.build(config)

    renamed.__name__ = renamed.__qualname__ = old_name
    renamed.__doc__ = f'Build what ``{old_name}`` is called today; see :func:`register_renamed`.'
    registry.register_module(name=old_name, module=renamed)
    _BUILDS[old_name] = build
    return renamed


def with_new_names(config: Any) -> Any:
    """Return a config as it is written today, so that configs from before a renaming compare equal to it.

    Args:
        config: Nested dicts and lists of plain values; it is not changed.

    Example:
        >>> from mmengine.registry import Registry
        >>> _ = register_renamed(Registry('cooks'), 'Boil', lambda **settings: {'type': 'Cook', **settings})
        >>> with_new_names({'steps': [{'type': 'Boil', 'minutes': 4}]})
        {'steps': [{'type': 'Cook', 'minutes': 4}]}
    """
    if isinstance(config, Mapping):
        values = {key: with_new_names(value) for key, value in config.items()}
        build = _BUILDS.get(values['type']) if isinstance(values.get('type'), str) else None
        return values if build is None else dict(build(**{key: x for key, x in values.items() if key != 'type'}))
    return [with_new_names(value) for value in config] if isinstance(config, list | tuple) else config
