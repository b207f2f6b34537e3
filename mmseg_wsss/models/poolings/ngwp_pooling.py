"""The pooling of single-stage segmentation from tags."""

import torch
from mmseg.registry import MODELS
from torch import Tensor, nn

from ...functional import focal_mask_penalty, ngwp


@MODELS.register_module()
class NGWPPooling(nn.Module):
    """Normalised global weighted pooling plus the penalty on small masks (Araslanov and Roth, 2020).

    See :func:`mmseg_wsss.functional.ngwp` and :func:`mmseg_wsss.functional.focal_mask_penalty`. The defaults are those
    of the published numbers.

    Args:
        eps: Added to the size of a mask, in pixels of the logits.
        exponent: The larger, the sooner a mask is large enough.
        floor: The smaller, the harsher the penalty on an empty mask.

    Raises:
        TypeError: If a setting is no number.
        ValueError: If ``eps`` or ``floor`` is not above 0, or ``exponent`` below 0.
    """

    def __init__(self, eps: float = 1.0, exponent: float = 3.0, floor: float = 0.01) -> None:
        super().__init__()
        self.eps = eps
        self.exponent = exponent
        self.floor = floor
        # Any map will do to refuse wrong settings now and not in the first iteration.
        nothing = torch.zeros(1, 2, 1, 1)
        self(nothing, nothing)

    def forward(self, logits: Tensor, probs: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return the scores of the foreground classes, (B, C-1) in float32.

        Args:
            logits: (B, C, H, W), channel 0 the background.
            probs: Their softmax, (B, C, H, W).
            mask: 1 inside the image, (B, 1, H, W); other pixels do not count.
        """
        logits, probs = logits[:, 1:], probs[:, 1:]
        penalty = focal_mask_penalty(probs, exponent=self.exponent, floor=self.floor, mask=mask)
        return ngwp(logits, probs, eps=self.eps, mask=mask) + penalty
