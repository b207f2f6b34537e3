"""SEAM as it was published."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mmseg.registry import MODELS
from torch import Tensor

from .siamese_encoder_decoder import SiameseEncoderDecoder


@MODELS.register_module()
class SEAMEncoderDecoder(SiameseEncoderDecoder):
    """``SiameseEncoderDecoder`` whose maps are SEAM's: activations that are refined, and a background that they leave.

    ``pixel_correlation`` refines the highest class of each pixel and what it leaves for the background
    (``refines='activations'`` of ``PixelCorrelation``), and at test time the refined maps alone are the probabilities.
    Trained with ``SEAMLoss``.

    Differs from the published code in how maps are written (``wsss cams``): there, classes that the image does not show
    are left out of a view; here the others are also divided by their sum with the background. Both then divide each map
    by its maximum.

    Args:
        *args: Same as in ``SiameseEncoderDecoder``.
        pixel_correlation: The module that refines, see ``PixelCorrelation``.
        **kwargs: Same as in ``SiameseEncoderDecoder``.
    """

    def __init__(self, *args: Any, pixel_correlation: Mapping[str, Any], **kwargs: Any) -> None:
        settings = {'refines': 'activations', **pixel_correlation}
        super().__init__(*args, pixel_correlation=settings, **kwargs)

    def class_probs(
        self, logits: Tensor, features: Sequence[Tensor], inputs: Tensor, mask: Tensor | None = None
    ) -> Tensor:
        """Return the refined maps, (B, C, H, W)."""
        refined: Tensor = self.pixel_correlation(logits, features, inputs, mask)
        return refined.softmax(dim=1)
