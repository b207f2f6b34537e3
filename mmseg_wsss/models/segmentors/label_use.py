"""The labels that the losses of a model learn from, by names that the checks of the data compare."""

from __future__ import annotations

from torch import nn

from ..losses import BaseWeakLoss
from .mask_generator import MaskGenerator

LabelUse = dict[str, tuple[str, ...] | None]
"""For the name of each loss, the fields of ``LossInputs`` that it learns from; None if this is not known."""


def label_use(model: nn.Module) -> LabelUse:
    """Return the labels that each loss of a model learns from.

    Args:
        model: A segmentor; those of mmseg learn from labelled pixels.

    Example:
        >>> from mmseg_wsss.models.losses import PartialCrossEntropyLoss
        >>> model = nn.Module()
        >>> model.losses = nn.ModuleDict({'loss_ce': PartialCrossEntropyLoss()})
        >>> label_use(model)
        {'loss_ce': ('labels',)}
    """
    if isinstance(model, MaskGenerator):
        return {'loss_mask': ('labels', 'boxes')}
    named = dict(getattr(model, 'losses', nn.ModuleDict()).named_children())
    for prefix, losses in getattr(model, 'auxiliary_losses', nn.ModuleDict()).named_children():
        named.update({f'{prefix}.{name}': loss for name, loss in losses.named_children()})
    if not named:
        return {'loss_decode': ('labels',)}
    return {name: loss.learns_from if isinstance(loss, BaseWeakLoss) else None for name, loss in named.items()}
