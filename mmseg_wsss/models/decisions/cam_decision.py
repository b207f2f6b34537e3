"""Labels from plain class activation maps, with a constant score of the background."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import Tensor

from ...functional import normalised_cams
from ...functional.checks import check_share
from .tag_decision import TagDecision


@MODELS.register_module()
class CAMDecision(TagDecision):
    r"""Labels from class activation maps, divided by their maximum, and a constant score of the background.

    .. math::
        m_0 = b, \qquad m_{c,i} = \frac{\max(s_{c,i}, 0)}{\epsilon + \max_j \max(s_{c,j}, 0)}

    with the foreground logits :math:`s`, enlarged to the size of the window, and :math:`\epsilon = 10^{-5}`. The logit
    of the background is not read. The maps :math:`m` are averaged over windows and views, pruned and decided as in
    :class:`TagDecision`; they do not sum to 1. Absent classes have a maximum of 1, too, so pruning has a larger effect
    here than elsewhere.

    This is the baseline of table 2 of Araslanov and Roth (2020), trained with ``ImageTagLoss`` and ``AveragePooling``:
    global average pooling of the logits, as Zhou et al. (2016) train class activation maps.

    Differs from the published code: its inference raises the background to the same power as that of the whole method,
    0.1 to 0.001 with 3; here ``background_power`` is 1 by default.

    Args:
        background_score: :math:`b`, in [0, 1].
        background_power: Same as in :class:`TagDecision`; the score of the background becomes :math:`b^p`.
        **kwargs: ``pooling``, ``score_threshold``, ``known_tags`` and ``refiner`` of :class:`TagDecision`.

    Raises:
        TypeError: If a setting is not a number.
        ValueError: If a setting is out of range.

    Example:
        >>> logits = torch.tensor([7.0, 7.0, -1.0, 4.0]).view(1, 2, 1, 2)
        >>> CAMDecision().class_maps(logits, logits.softmax(dim=1), None, (1, 2), align_corners=True).flatten(1)
        tensor([[0.1000, 0.1000, 0.0000, 1.0000]])
    """

    reads_probs = False

    def __init__(self, background_score: float = 0.1, background_power: float = 1.0, **kwargs: Any) -> None:
        super().__init__(background_power=background_power, **kwargs)
        self.background_score = check_share(background_score, 'background_score')

    def class_maps(
        self, logits: Tensor, probs: Tensor, inside: Tensor | None, size: Sequence[int], *, align_corners: bool
    ) -> Tensor:
        """Return the background score and the normalised maps, (B, C, h, w); maxima leave out cells with padding."""
        scores = F.interpolate(logits[:, 1:], tuple(size), mode='bilinear', align_corners=align_corners)
        if inside is not None:
            scores = torch.where(F.interpolate(inside, tuple(size)) >= 1, scores, 0)
        maps = normalised_cams(scores, winner_takes_all=False)
        return torch.cat([torch.full_like(maps[:, :1], self.background_score), maps], dim=1)
