"""Weights that the authors of the methods trained with their own code, under the names of this project."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from .loading import load_checkpoint
from .published_layouts import LAYOUTS, PublishedLayout
from .weights import WeightDifferences, compare_weights, weights_of

PYRAMID_BRANCHES = 5


@dataclass(frozen=True)
class PublishedWeights:
    """What :func:`translate_published` made of a file.

    Args:
        layout: Whose names the file has.
        state_dict: The weights by their names here.
        unused: Names in the file that the network does without.
    """

    layout: PublishedLayout
    state_dict: dict[str, Tensor]
    unused: tuple[str, ...]


def read_published(path: str | Path) -> dict[str, Tensor]:
    """Read tensors by name from a file of ``torch.save`` without running code that the file may hold.

    Args:
        path: A dictionary of tensors, or one that has it under ``state_dict`` beside plain values, as Lightning writes.

    Raises:
        CheckpointError: If there is no such file, or it cannot be read or holds anything else.
    """
    return weights_of(load_checkpoint(path), str(path))


def translate_published(weights: Mapping[str, Tensor], source: str, model: nn.Module, path: str) -> PublishedWeights:
    """Give the weights of a published file the names, the order and the data types of a network.

    Every weight of the file has to find its place, and every weight of the network has to be in the file, but the
    numbers of batches that batch norms have counted: those are 0 where the file has none.

    Args:
        weights: As :func:`read_published` returns them.
        source: Whose code saved the file, a key of ``LAYOUTS``.
        model: The network of a config.
        path: Of the file, for messages.

    Raises:
        ValueError: If the source is unknown, if it has no such network, or if names or shapes do not match; with the
            names of the file.
    """
    if source not in LAYOUTS:
        raise ValueError(f'unknown source {source!r}: choose from {", ".join(LAYOUTS)}')
    fitting = [layout for layout in LAYOUTS[source] if layout.is_of(model)]
    if not fitting:
        kinds = ' with '.join(type(getattr(model, name, None)).__name__ for name in ('backbone', 'decode_head'))
        raise ValueError(f'the network of the config ({kinds}) does not belong to {source}: {_choices(source)}')
    results = [_differences(layout, weights, model) for layout in fitting]
    layout, differences = min(zip(fitting, results, strict=True), key=lambda pair: len(pair[1]))
    if len(differences):
        raise ValueError(
            f'{path} does not hold {layout.network} of {source} as the config has it, by the names of the file: '
            f'{differences}; {_choices(source)}'
        )
    wrong = {key: getattr(model.backbone, key, None) for key, value in layout.settings.items()}
    if wrong != dict(layout.settings):
        raise ValueError(
            f'the weights fit but the backbone of the config computes something else than {layout.network} of '
            f'{source}: it has {wrong}, expected {dict(layout.settings)}'
        )
    return PublishedWeights(layout, _renamed(layout, weights, model), _unused(layout, weights))


def _own(layout: PublishedLayout, model: nn.Module) -> dict[str, Tensor]:
    """Return the weights of the network that the file must have."""
    own = model.state_dict()
    return own if layout.decode_head else {name: x for name, x in own.items() if name.startswith('backbone.')}


def _unused(layout: PublishedLayout, weights: Mapping[str, Tensor]) -> tuple[str, ...]:
    return tuple(name for name in weights if name.startswith(layout.unused)) if layout.unused else ()


def _prefix(layout: PublishedLayout, weights: Mapping[str, Tensor]) -> str:
    return layout.prefix if any(name.startswith(layout.prefix) for name in weights) else ''


def _differences(layout: PublishedLayout, weights: Mapping[str, Tensor], model: nn.Module) -> WeightDifferences:
    unused, prefix = set(_unused(layout, weights)), _prefix(layout, weights)
    own = {prefix + layout.published_name(name): value for name, value in _own(layout, model).items()}
    return compare_weights(own, {name: value for name, value in weights.items() if name not in unused})


def _renamed(layout: PublishedLayout, weights: Mapping[str, Tensor], model: nn.Module) -> dict[str, Tensor]:
    prefix, renamed = _prefix(layout, weights), {}
    for name, own in _own(layout, model).items():
        value = weights.get(prefix + layout.published_name(name), torch.zeros_like(own))
        if name == layout.pyramid:
            value = value.roll(value.shape[1] // PYRAMID_BRANCHES, dims=1)
        renamed[name] = value.to(own.dtype).contiguous()
    return renamed


def _choices(source: str) -> str:
    kinds = [
        f'{layout.network} ({", ".join(f"configs/{name}.py" for name in layout.configs)})' for layout in LAYOUTS[source]
    ]
    return f'the configs for {source} are those of {"; ".join(kinds)}'
