"""Poolings, which reduce maps of class scores to one score per image and foreground class.

All share one signature, ``pooling(logits, probs, mask=None)``:

- ``logits``: class scores, (B, C, H, W), where channel 0 is the background;
- ``probs``: their probabilities, (B, C, H, W);
- ``mask``: 1 inside the image, (B, 1, H, W); other pixels do not count. None means that all pixels count.

They return the scores of the foreground classes, (B, C-1) in float32.
"""

import torch
from mmseg.registry import MODELS
from torch import Tensor, nn

from ..functional import focal_mask_penalty, ngwp, probs_to_logits
from ..functional.importance_sampling import check_eps


@MODELS.register_module()
class AveragePooling(nn.Module):
    """The mean of the logits, as in plain class activation maps, in which all pixels have the same weight."""

    def forward(self, logits: Tensor, probs: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return the scores, (B, C-1); 0 for an image without a pixel inside. ``probs`` are not read."""
        scores = logits[:, 1:].float()
        if mask is None:
            return scores.mean(dim=(2, 3))
        inside = mask >= 1
        return torch.where(inside, scores, 0).sum(dim=(2, 3)) / inside.sum(dim=(2, 3)).clamp(min=1)


@MODELS.register_module()
class MaxPooling(nn.Module):
    """The largest logit, as in multiple instance learning, where the most confident pixel represents the image."""

    def forward(self, logits: Tensor, probs: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return the scores, (B, C-1); 0 for an image without a pixel inside. ``probs`` are not read."""
        scores = logits[:, 1:].float()
        if mask is None:
            return scores.amax(dim=(2, 3))
        inside = mask >= 1
        largest = torch.where(inside, scores, -torch.inf).amax(dim=(2, 3))
        return torch.where(inside.any(dim=3).any(dim=2), largest, 0)


@MODELS.register_module()
class MaxProbPooling(nn.Module):
    r"""The largest probability of a class, as the logit that importance sampling classifies.

    Its sigmoid is that probability except for ``eps``. It gives the scores of a network that was trained with
    ``ImportanceSamplingLoss``, where only the differences between the logits of classes have a meaning.

    Args:
        eps: See :func:`mmseg_wsss.functional.probs_to_logits`.

    Raises:
        ValueError: If ``eps`` is not between 0 and 1.
    """

    def __init__(self, eps: float = 1e-3) -> None:
        super().__init__()
        check_eps(eps)
        self.eps = eps

    def forward(self, logits: Tensor, probs: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return the scores, (B, C-1); for an image without a pixel inside, those of probability 0.

        ``logits`` are not read.
        """
        probs = probs[:, 1:].float()
        if mask is not None:
            probs = torch.where(mask >= 1, probs, 0)
        return probs_to_logits(probs.amax(dim=(2, 3)), eps=self.eps)


@MODELS.register_module()
class NGWPPooling(nn.Module):
    """Normalised global weighted pooling plus the penalty on small masks (Araslanov and Roth, 2020).

    See :func:`mmseg_wsss.functional.ngwp` and :func:`mmseg_wsss.functional.focal_mask_penalty`. The defaults are those
    of the published numbers.

    Args:
        eps: Value added to the size of a mask, in pixels of the logits.
        exponent: Exponent of the penalty; the larger, the smaller a mask may be without a penalty.
        floor: Floor of the penalty; the smaller, the larger the penalty on an empty mask.
        size_penalty: Whether small masks are penalised. Otherwise the scores are only nGWP, as in the row "no size
            penalty" of table 1a.

    Raises:
        TypeError: If a setting is not a number.
        ValueError: If ``eps`` or ``floor`` is not above 0, or ``exponent`` below 0.

    Example:
        >>> logits = torch.zeros(1, 2, 4, 4)
        >>> NGWPPooling()(logits, logits.softmax(dim=1))  # 0.125 * log(0.51)
        tensor([[-0.0842]])
        >>> NGWPPooling(size_penalty=False)(logits, logits.softmax(dim=1))
        tensor([[0.]])
    """

    def __init__(self, eps: float = 1.0, exponent: float = 3.0, floor: float = 0.01, size_penalty: bool = True) -> None:
        super().__init__()
        self.eps = eps
        self.exponent = exponent
        self.floor = floor
        self.size_penalty = size_penalty
        # A call with any map finds wrong settings now instead of in the first iteration.
        nothing = torch.zeros(1, 2, 1, 1)
        self(nothing, nothing)

    def forward(self, logits: Tensor, probs: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return the scores, (B, C-1)."""
        logits, probs = logits[:, 1:], probs[:, 1:]
        penalty = focal_mask_penalty(probs, exponent=self.exponent, floor=self.floor, mask=mask)
        scores = ngwp(logits, probs, eps=self.eps, mask=mask)
        return scores + penalty if self.size_penalty else scores
