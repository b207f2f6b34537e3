"""Everything that a weak loss may need, in one place.

Shape letters: B batch, C classes, H x W the grid of the logits, h x w the input image.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor

from ..functional.checks import compute_dtype

REFERENCE_KEY: Final = 'reference'
"""Key of ``LossInputs.maps`` for the full masks of the training images, which serve for comparison only."""
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True, eq=False)
class LossInputs:
    """What :class:`~mmseg_wsss.models.segmentors.WeakEncoderDecoder` hands to every loss.

    Args:
        logits: Class scores of the head before softmax, (B, C, H, W), at the head's own resolution; narrower types
            become float32.
        image: RGB in [0, 1], (B, 3, h, w). A grey image has three equal channels.
        labels: Class ids, (B, h, w) int64; ``ignore_index`` where unlabelled.
        valid: 1 inside the original image, 0 outside of it after augmentation or padding, (B, 1, h, w) float.
        tags: Foreground classes 1 .. C-1 of the image, (B, C-1) float of 0 and 1; a row of NaN if it has no tags.
        boxes: Per image (K, 5) float: x1, y1, x2, y2 in edge coordinates of the input image, class id.
        points: Per image (P, 3) float: x, y in edge coordinates of the input image (also outside of it), class id.
        maps: Maps that a transform of the pipeline computed, by name, (B, K, h, w); 0 in the padding of the batch.
        features: Outputs of the backbone (or neck), finest first; the tensors that the head received, in float16 or
            bfloat16 with ``--amp``.
        views: Other views of the same batch by name, if ``model.views`` makes any (``SiameseViews``).
        progress: Fraction of the training done, in [0, 1]; 1 outside a Runner.
        ignore_index: The value of unlabelled pixels.
        align_corners: How the head's logits are resized.
    """

    logits: Tensor
    image: Tensor
    labels: Tensor
    valid: Tensor
    tags: Tensor | None = None
    boxes: tuple[Tensor, ...] = ()
    points: tuple[Tensor, ...] = ()
    maps: Mapping[str, Tensor] = field(default_factory=dict)
    features: tuple[Tensor, ...] = field(default=(), repr=False)
    views: Mapping[str, LossInputs] = field(default_factory=dict, repr=False)
    progress: float = 1.0
    ignore_index: int = 255
    align_corners: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, 'logits', self.logits.to(compute_dtype(self.logits)))

    def view(self, name: str) -> LossInputs:
        """Return a view of the batch by name; ``'first'`` is the batch itself.

        Raises:
            KeyError: If the view does not exist.
        """
        if name != 'first' and name not in self.views:
            raise KeyError(
                f'a loss asks for the view {name!r}, and the views of its batch are '
                f'{", ".join(("first", *self.views))}: '
                "model.views=dict(type='SiameseViews', ...) makes second, refined and second_refined"
            )
        return self if name == 'first' else self.views[name]

    @property
    def num_images(self) -> int:
        """Number of images in the batch, B."""
        return len(self.logits)

    @property
    def zero(self) -> Tensor:
        """A loss of 0 that is connected to the graph of the logits."""
        return self.logits[:0].sum()

    @cached_property
    def standardised_image(self) -> Tensor:
        """RGB minus the ImageNet mean, divided by the ImageNet standard deviation, (B, 3, h, w)."""
        mean = self.image.new_tensor(IMAGENET_MEAN).view(1, 3, 1, 1)
        std = self.image.new_tensor(IMAGENET_STD).view(1, 3, 1, 1)
        return (self.image - mean) / std

    @cached_property
    def probs(self) -> Tensor:
        """Softmax of the logits over the classes in float32, (B, C, H, W)."""
        return torch.softmax(self.logits.float(), dim=1)

    @cached_property
    def valid_cells(self) -> Tensor:
        """1 for the cells of the logits' grid whose pixels are all valid, otherwise 0, (B, 1, H, W) float."""
        left_out = (self.valid < 1).to(self.valid.dtype)
        size = (self.logits.shape[2], self.logits.shape[3])
        return 1 - F.adaptive_max_pool2d(left_out, size)

    @cached_property
    def full_logits(self) -> Tensor:
        """The logits resized to the labels' size, (B, C, h, w)."""
        return F.interpolate(self.logits, self.labels.shape[1:], mode='bilinear', align_corners=self.align_corners)
