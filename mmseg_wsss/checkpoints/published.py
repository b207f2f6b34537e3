"""Weights that the authors of the methods published, converted to the names of this project."""

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
    """The result of :func:`translate_published`.

    Args:
        layout: The layout of the file.
        state_dict: The weights by their names in this project.
        unused: Names in the file that the network does not need.
    """

    layout: PublishedLayout
    state_dict: dict[str, Tensor]
    unused: tuple[str, ...]


def read_published(path: str | Path) -> dict[str, Tensor]:
    """Read tensors by name from a file of ``torch.save`` without running code in it.

    Args:
        path: A dictionary of tensors, or one with such a ``state_dict`` and plain values, as in Lightning.

    Raises:
        CheckpointError: If the file does not exist, cannot be read or has other content.
    """
    return weights_of(load_checkpoint(path), str(path))


def translate_published(weights: Mapping[str, Tensor], source: str, model: nn.Module, path: str) -> PublishedWeights:
    """Convert the weights of a published file to the names, the order and the data types of a network.

    The file and the network must have the same weights, except for the numbers of batches that batch norms have
    counted, which are 0 if the file does not have them.

    Args:
        weights: The weights from :func:`read_published`.
        source: The code that saved the file, a key of ``LAYOUTS``.
        model: The network of a config.
        path: Path of the file, for messages.

    Raises:
        ValueError: If the source is unknown or does not have this network, or if names or shapes do not match; the
            message has the names of the file.
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
            f'the weights fit but the backbone of the config differs from {layout.network} of '
            f'{source}: it has {wrong}, expected {dict(layout.settings)}'
        )
    return PublishedWeights(layout, _renamed(layout, weights, model), _unused(layout, weights))


def _own(layout: PublishedLayout, model: nn.Module) -> dict[str, Tensor]:
    """Return the weights of the network that must be in the file."""
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
