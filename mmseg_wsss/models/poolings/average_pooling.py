"""The pooling of plain class activation maps."""

import torch
from mmseg.registry import MODELS
from torch import Tensor, nn


@MODELS.register_module()
class AveragePooling(nn.Module):
    """The mean of the logits: every pixel of the image votes for a class with the same weight."""

    def forward(self, logits: Tensor, probs: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return the scores of the foreground classes, (B, C-1) in float32.

        Args:
            logits: (B, C, H, W), channel 0 the background.
            probs: Not used; poolings share one signature.
            mask: 1 inside the image, (B, 1, H, W); other pixels do not count. An image without any scores 0.
        """
        scores = logits[:, 1:].float()
        if mask is None:
            return scores.mean(dim=(2, 3))
        inside = mask >= 1
        return torch.where(inside, scores, 0).sum(dim=(2, 3)) / inside.sum(dim=(2, 3)).clamp(min=1)
