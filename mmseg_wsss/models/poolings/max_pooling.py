"""The pooling of multiple instance learning."""

import torch
from mmseg.registry import MODELS
from torch import Tensor, nn


@MODELS.register_module()
class MaxPooling(nn.Module):
    """The largest logit: the pixel that is surest of a class speaks for the image."""

    def forward(self, logits: Tensor, probs: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return the scores of the foreground classes, (B, C-1) in float32.

        Args:
            logits: (B, C, H, W), channel 0 the background.
            probs: Not used; poolings share one signature.
            mask: 1 inside the image, (B, 1, H, W); other pixels do not count. An image without any scores 0.
        """
        scores = logits[:, 1:].float()
        if mask is None:
            return scores.amax(dim=(2, 3))
        inside = mask >= 1
        largest = torch.where(inside, scores, -torch.inf).amax(dim=(2, 3))
        return torch.where(inside.any(dim=3).any(dim=2), largest, 0)
