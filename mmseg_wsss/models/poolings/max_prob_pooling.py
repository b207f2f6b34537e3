"""The pooling of networks that classify single pixels."""

import torch
from mmseg.registry import MODELS
from torch import Tensor, nn

from ...functional import probs_to_logits
from ...functional.importance_sampling import check_eps


@MODELS.register_module()
class MaxProbPooling(nn.Module):
    r"""The largest probability of a class, as the logit that importance sampling classifies.

    Its sigmoid is that probability, but for ``eps``. Scores of a network that was trained with
    ``ImportanceSamplingLoss``, where logits mean something beside those of other classes only.

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
        """Return the scores of the foreground classes, (B, C-1) in float32.

        Args:
            logits: Not used; poolings share one signature.
            probs: (B, C, H, W), channel 0 the background.
            mask: 1 inside the image, (B, 1, H, W); other pixels do not count. An image without any has probability 0.
        """
        probs = probs[:, 1:].float()
        if mask is not None:
            probs = torch.where(mask >= 1, probs, 0)
        return probs_to_logits(probs.amax(dim=(2, 3)), eps=self.eps)
