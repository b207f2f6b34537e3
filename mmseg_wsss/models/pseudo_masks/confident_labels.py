"""Thresholds as a part of a recipe."""

from mmseg.registry import MODELS
from torch import Tensor, nn

from ...functional import confident_labels
from ...functional.checks import check_share


@MODELS.register_module()
class ConfidentLabels(nn.Module):
    """Label the pixels that exactly one class is confident of (Araslanov and Roth, 2020).

    See :func:`mmseg_wsss.functional.confident_labels`. The defaults are the published setting.

    Args:
        foreground_ratio: Share of its maximum in the image that a foreground class must exceed, in [0, 1].
        background_ratio: The same for the background.
        min_confidence: What every class must exceed, in [0, 1].

    Raises:
        TypeError: If a setting is no number.
        ValueError: If a setting is outside [0, 1].
    """

    def __init__(
        self, foreground_ratio: float = 0.6, background_ratio: float = 0.7, min_confidence: float = 0.2
    ) -> None:
        super().__init__()
        self.foreground_ratio = check_share(foreground_ratio, 'foreground_ratio')
        self.background_ratio = check_share(background_ratio, 'background_ratio')
        self.min_confidence = check_share(min_confidence, 'min_confidence')

    def forward(self, masks: Tensor, mask: Tensor | None = None, ignore_index: int = 255) -> Tensor:
        """Return class ids, (B, h, w) int64, ``ignore_index`` where no class or more than one is confident.

        Args:
            masks: Soft masks, (B, C, h, w), 0 in absent classes.
            mask: 1 inside the image, (B, 1, h, w).
            ignore_index: The unlabelled value.
        """
        return confident_labels(
            masks,
            foreground_ratio=self.foreground_ratio,
            background_ratio=self.background_ratio,
            min_confidence=self.min_confidence,
            ignore_index=ignore_index,
            mask=mask,
        )
