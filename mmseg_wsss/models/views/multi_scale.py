"""The three scales of DeepLabv2 with one network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import Tensor

from ...structures import LossInputs
from .base import Network, Views


@MODELS.register_module()
class MultiScaleViews(Views):
    """The network on the image and on smaller copies, with the maximum of the logits (DeepLabv2, 2016).

    Each loss of the model is run on every scale and on the maximum, and logged as ``scale_1.<name>``,
    ``scale_0_75.<name>``, ..., ``max.<name>``; all are summed. Auxiliary heads only use the full scale. Inference
    uses the maximum on the grid of the full scale.

    Args:
        scales: Scales in addition to 1, each between 0 and 1.
        align_corners: How the logits of the smaller copies are resized to the full scale; None uses the setting of the
            head. The published code of LPG does not align corners here, but does when it resizes the maximum to the
            image: ``align_corners=False`` here and ``True`` in the head.

    Raises:
        ValueError: If a scale is out of range or appears twice, or there are none.
    """

    def __init__(self, scales: Sequence[float] = (0.5, 0.75), align_corners: bool | None = None) -> None:
        if not scales or len(set(scales)) != len(scales) or not all(0 < scale < 1 for scale in scales):
            raise ValueError(f'scales must be one or more different numbers between 0 and 1, got {tuple(scales)}')
        self.scales = tuple(scales)
        self.align_corners = align_corners

    def for_losses(self, network: Network, first: LossInputs, inputs: Tensor) -> dict[str, LossInputs]:
        """Return ``scale_1``, one view for each other scale, and ``max``."""
        views = {'scale_1': first}
        for scale, copy in zip(self.scales, self._smaller(inputs), strict=True):
            features, logits = network(copy)
            views[f'scale_{scale:g}'.replace('.', '_')] = replace(first, logits=logits, features=tuple(features))
        highest = self._maximum([view.logits for view in views.values()], first.align_corners)
        return {**views, 'max': replace(first, logits=highest)}

    def trained(self, batch: LossInputs) -> Mapping[str, LossInputs]:
        """Return all views, each of which has its own losses."""
        return {f'{name}.': view for name, view in batch.views.items()}

    def look(self, network: Network, inputs: Tensor, *, align_corners: bool) -> tuple[Sequence[Tensor], Tensor]:
        """Return the features of the full scale and the maximum of the logits, (B, C, H, W)."""
        features, logits = network(inputs)
        smaller = [network(copy)[1] for copy in self._smaller(inputs)]
        return features, self._maximum([logits, *smaller], align_corners)

    def _smaller(self, inputs: Tensor) -> list[Tensor]:
        return [F.interpolate(inputs, scale_factor=s, mode='bilinear', align_corners=False) for s in self.scales]

    def _maximum(self, maps: Sequence[Tensor], of_the_head: bool) -> Tensor:
        """Return the maximum on the grid of the first map."""
        corners = of_the_head if self.align_corners is None else self.align_corners
        size = maps[0].shape[2:]
        resized = [F.interpolate(x, size, mode='bilinear', align_corners=corners) for x in maps[1:]]
        return torch.stack([maps[0], *resized]).amax(dim=0)
