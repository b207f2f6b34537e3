"""The named losses of a model: building, running, logging and summing them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from mmengine.logging import MessageHub
from mmseg.registry import MODELS
from torch import Tensor, nn

from ...structures import LossInputs
from ..losses import BaseWeakLoss
from ..losses.affinity_loss import AffinityInputs

LABELLED_PIXELS = 'labelled_pixels'
NEEDED = {
    LossInputs: 'a head that classifies gives class logits, which this loss does not read: remove it, or use '
    'AffinityNetwork',
    AffinityInputs: 'an AffinityHead gives features instead of class logits: use AffinityLoss',
}


def build_losses(config: Mapping[str, Any], key: str, num_classes: int, *, reads: type = LossInputs) -> nn.ModuleDict:
    """Build the losses of a config.

    Args:
        config: ``dict(type=...)`` by name; None instead of a loss removes it.
        key: The key of the config in ``model``, for the messages.
        num_classes: Number of classes, including the background.
        reads: Type of the inputs of the losses.

    Raises:
        TypeError: If there are no losses, or one has a wrong name, is not a config, or reads other inputs.
        ValueError: If a setting of a loss is for another number of classes.
    """
    if not isinstance(config, Mapping):
        raise TypeError(
            f"model.{key} must be a dict of losses by name, such as dict(loss_ce=dict(type='...')), got "
            f'{type(config).__name__}'
        )
    config = {name: settings for name, settings in config.items() if settings is not None}
    if not config:
        raise TypeError(f"model.{key} is empty: name at least one, such as dict(loss_ce=dict(type='...'))")
    built = nn.ModuleDict()
    for name, settings in config.items():
        if name in (LABELLED_PIXELS, 'loss') or '.' in name or '/' in name:
            raise TypeError(f'model.{key}: {name!r} is already used or contains a dot or a slash; choose another name')
        if not isinstance(settings, Mapping) or 'type' not in settings:
            raise TypeError(f"model.{key}.{name} must be dict(type='...', ...), or None to remove it, got {settings!r}")
        loss = MODELS.build(settings)
        if not isinstance(loss, BaseWeakLoss):
            raise TypeError(
                f'model.{key}.{name} is a {type(loss).__name__}, which does not take LossInputs: losses here derive '
                'from BaseWeakLoss (for plain cross-entropy use PartialCrossEntropyLoss)'
            )
        if loss.reads is not reads:
            raise TypeError(f'model.{key}.{name} is a {type(loss).__name__}: {NEEDED[reads]}')
        loss.check_num_classes(num_classes)
        built[name] = loss
    return built


def run_losses(losses: nn.Module, inputs: LossInputs | AffinityInputs, prefix: str = '') -> dict[str, Tensor]:
    """Return the losses and their statistics by name; they are computed in float32, also with ``--amp``."""
    results = {}
    with torch.autocast(inputs.zero.device.type, enabled=False):
        for name, loss in losses.named_children():
            results[prefix + name] = loss(inputs)
            if isinstance(loss, BaseWeakLoss):
                results.update({f'{prefix}{name}/{key}': value for key, value in loss.statistics.items()})
    return results


def count_labelled(labels: Tensor, ignore_index: int) -> dict[str, Tensor]:
    """Return the number of labelled pixels of a batch, for the log."""
    return {LABELLED_PIXELS: (labels != ignore_index).sum().float()}


def with_total(logged: dict[str, Tensor], names: Iterable[str]) -> tuple[Tensor, dict[str, Tensor]]:
    """Return the sum of all losses regardless of their names, and the logged values with this sum as ``loss``.

    mmengine's own sum is over all names that contain "loss", including statistics.

    Args:
        logged: The log values of mmengine's ``parse_losses``.
        names: The names of all values except the sum. The number of labelled pixels and statistics, which have a slash
            in their name, are not losses.
    """
    losses = [logged[name] for name in names if name != LABELLED_PIXELS and '/' not in name]
    total = sum(losses[1:], start=losses[0])
    return total, {**logged, 'loss': total}


def training_progress() -> float:
    """Fraction of the training that is done, in [0, 1]; 1 outside a Runner."""
    hub = MessageHub.get_current_instance()
    max_iters = hub.get_info('max_iters')
    return 1.0 if not max_iters else min(hub.get_info('iter', 0) / max_iters, 1.0)
