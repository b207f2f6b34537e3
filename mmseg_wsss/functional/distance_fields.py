r"""Expanding distance fields: the proximity of pixels to the points of a class.

Akiva, Dana: "Towards Single Stage Weakly Supervised Semantic Segmentation", 2021 (PMP). Multiplied with the predicted
probabilities, a field keeps a pseudo-mask near the points; during training, the fields expand.

Shape letters: P points, K classes that have a point, H x W pixels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from .checks import describe, is_integer

FORMS = ('anchored', 'ratio', 'product')
NORMALISATIONS = ('maximum', 'diagonal')
# Number of pairs of a column of points and a pixel that are computed at a time.
_PAIRS = 2**23


@torch.no_grad()
def distance_fields(
    points: Tensor,
    classes: Tensor,
    size: Sequence[int],
    *,
    form: str = 'anchored',
    normalisation: str = 'maximum',
    background: int | None = 0,
    mask: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    r"""Return the proximity of every pixel to the points of each class, for the classes that have a point.

    With :math:`d_c(i) = \min_{p \in c} \lVert i - p \rVert`, the proximity :math:`P_c = 1 - d_c / Z_c` clipped to
    [0, 1], and the gate :math:`g = 1 - P_{bg}`, which reduces the foreground where the background has been clicked:

    .. math::
        D_{bg} = P_{bg}, \qquad
        D_c(i) = \begin{cases}
            P_c(i) \min(1, g(i) / g(p_c(i))) & \text{anchored} \\
            d_{bg}(i) / (d_{bg}(i) + d_c(i)) & \text{ratio} \\
            P_c(i)\, g(i) & \text{product}
        \end{cases}

    :math:`p_c(i)` is the point of the class that is nearest to :math:`i`. In the first two forms **every point has the
    value 1 in the field of its class**, as in the text of section 3.2.2: the seed point is the pixel with the highest
    confidence, 1. The product is the printed formula: there a point has the value of the gate, and the field is
    usually largest elsewhere, on the far side of the points of the background (configs/pmp/README.md has figures).
    Distances are Euclidean, exact, and measured between pixel centres. Points outside of the map count like all others.

    Differs from the paper: there, :math:`D` is called a distance, but only a proximity has its highest value at the
    points. The paper does not define :math:`Z`, nor explain how its formula agrees with its text.

    Args:
        points: (x, y) of the points in edge coordinates of the map, (P, 2): pixel i covers [i, i + 1).
        classes: Class ids, (P,), of any integer type.
        size: (H, W).
        form: ``'anchored'``, ``'ratio'`` or ``'product'``. Without a point of the background all three equal the
            proximity. If a point of the background lies on a point of the class, the first two give 1 to both.
        normalisation: ``'maximum'``: :math:`Z` is the largest distance in the map for each class, so that every
            proximity reaches 0; ``'diagonal'``: :math:`Z` is the length of the diagonal of the map.
        background: The class whose field is inverted and multiplied with the others, or None.
        mask: 1 inside the image, (H, W); anything below is outside, such as padding: fields are 0 there, and its
            distances are not part of any maximum. None means that the whole map is inside.

    Returns:
        Fields in [0, 1], (K, H, W) float32, and the class id of each, (K,) int64 in ascending order. Without points
        both are empty. The function synchronises with a GPU to read the classes.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If shapes do not match or a setting is unknown.

    Example:
        >>> points, classes = torch.tensor([[0.5, 0.5], [3.5, 0.5]]), torch.tensor([0, 2])
        >>> fields, present = distance_fields(points, classes, (1, 5))
        >>> present.tolist(), fields[1, 0, 3].item()
        ([0, 2], 1.0)
    """
    height, width = check_arguments(points, classes, size, form, normalisation, mask)
    present = torch.tensor(sorted(set(classes.tolist())), dtype=torch.long, device=classes.device)
    pixels = points[:, :2].double().floor()
    inside = torch.ones(height, width, dtype=torch.bool, device=points.device) if mask is None else mask >= 1
    diagonal = math.hypot(height, width) if normalisation == 'diagonal' else None

    def scaled(distances: Tensor) -> Tensor:
        """Return the largest distance, at least 1e-6, because the distance is 0 in a map of one pixel."""
        largest = torch.where(inside, distances, 0).amax() if diagonal is None else distances.new_tensor(diagonal)
        return largest.clamp(min=1e-6)

    ground = pixels[:0] if background is None else pixels[classes == background]
    seed_gates = pixels.new_ones(len(pixels))
    if len(ground):
        to_ground, _ = _nearest(ground, ground[:, 0], height, width)
        reach = scaled(to_ground)
        seed_gates = (_to_nearest(pixels, ground) / reach).clamp(max=1)
    fields = points.new_zeros((len(present), height, width), dtype=torch.float32)
    for field, label in zip(fields, present, strict=True):
        own = classes == label
        distances, seed_gate = _nearest(pixels[own], seed_gates[own], height, width)
        result = (1 - distances / scaled(distances)).clamp(0, 1)
        if len(ground) and label != background:
            gate = (to_ground / reach).clamp(max=1)
            if form == 'anchored':
                # a point of the background on a point of the class gives 0 / 0
                result = result * torch.where(seed_gate > 0, gate / seed_gate, 1).clamp(max=1)
            elif form == 'ratio':
                both = to_ground + distances
                result = torch.where(both > 0, to_ground / both, 1)
            else:
                result = result * gate
        field.copy_(result)
    return torch.where(inside, fields, 0), present


def expand_distance_fields(fields: Tensor, scores: Tensor | float) -> Tensor:
    r"""Expand fields by a score of the training progress: :math:`D \leftarrow \mathrm{clip}(D + E, 0, 1)`.

    Args:
        fields: :math:`D`, (K, H, W) or (B, K, H, W), in [0, 1].
        scores: :math:`E`, one number, or one for each field, (K,) or (B, K); may be negative.

    Returns:
        Fields of the same shape, in [0, 1].

    Raises:
        TypeError: If ``fields`` is not a floating-point tensor.
        ValueError: If the number of scores is not that of the fields.

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
    r"""Return the amount by which fields expand after an epoch.

    .. math:: \max(\min(\gamma, \eta), \omega), \qquad \gamma = L(e - 1) / L(e) - 1

    Fields expand if the loss falls and shrink if it rises. Computed as (L(e-1) - L(e)) / |L(e)|, which is the same for
    a positive loss and has the right sign for a negative one.

    Args:
        previous_loss: :math:`L(e - 1)`, mean over the previous epoch.
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
            f'losses must be finite, got {previous_loss} and {loss}: exclude such iterations from the mean'
        )
    gain = previous_loss - loss
    # a loss that has fallen to exactly 0 gives the largest step
    step = gain / abs(loss) if loss else math.copysign(math.inf, gain) if gain else 0.0
    return max(min(step, max_step), min_step)


def _nearest(pixels: Tensor, values: Tensor, height: int, width: int) -> tuple[Tensor, Tensor]:
    """Return the distance of every pixel of the map to the nearest point, and the point's value, (H, W) float64.

    If several points are equally near, the smallest value is returned. The distance transform of scipy only supports
    points inside the map, and runs on the CPU.
    """
    # first within each column that contains points, then across columns, because scribbles have thousands of points
    columns, column = pixels[:, 0].unique(return_inverse=True)  # type: ignore[no-untyped-call]
    across = (torch.arange(width, device=pixels.device) - columns[:, None]).square()
    down = (torch.arange(height, device=pixels.device) - pixels[:, 1:]).square()
    place = column[:, None].expand_as(down)
    best = down.new_full((len(columns), height), torch.inf)
    best = best.scatter_reduce(0, place, down, 'amin')
    # squares of integers are exact, so equal distances compare equal
    value = torch.where(down == best[column], values[:, None], torch.inf)
    value = torch.full_like(best, torch.inf).scatter_reduce(0, place, value, 'amin')
    nearest, chosen = (pixels.new_full((height, width), torch.inf) for _ in range(2))
    step = max(1, _PAIRS // (height * width))
    for start in range(0, len(columns), step):
        part = slice(start, start + step)
        squares = best[part, :, None] + across[part, None, :]
        closest = squares.amin(dim=0)
        theirs = torch.where(squares == closest, value[part, :, None], torch.inf).amin(dim=0)
        chosen = torch.where(closest < nearest, theirs, torch.where(closest > nearest, chosen, chosen.minimum(theirs)))
        nearest = nearest.minimum(closest)
    return nearest.sqrt(), chosen


def _to_nearest(pixels: Tensor, others: Tensor) -> Tensor:
    """Return the distance of each pixel to the nearest of other pixels, (P,) float64."""
    norms = others.square().sum(dim=1)
    # integers, for which the expanded square is exact
    parts = [
        (norms - 2 * part @ others.T).amin(dim=1) + part.square().sum(dim=1)
        for part in torch.split(pixels, max(1, _PAIRS // len(others)))
    ]
    return torch.cat(parts).sqrt()


def check_arguments(points: Any, classes: Any, size: Any, form: Any, normalisation: Any, mask: Any) -> tuple[int, int]:
    """Return the height and the width of the map; raise unless the arguments of :func:`distance_fields` match."""
    if not isinstance(points, Tensor) or not points.is_floating_point():
        raise TypeError(f'points must be a floating-point tensor (P, 2), got {describe(points)}')
    if points.ndim != 2 or points.shape[1] != 2:
        raise ValueError(f'points must have the shape (P, 2), x and y of each, got {tuple(points.shape)}')
    if not isinstance(classes, Tensor) or classes.is_floating_point() or classes.is_complex():
        raise TypeError(f'classes must be an integer tensor (P,), got {describe(classes)}')
    if classes.shape != points.shape[:1]:
        raise ValueError(f'classes must be {len(points)} ids, one per point, got {tuple(classes.shape)}')
    if len(size) != 2 or not all(map(is_integer, size)):
        raise ValueError(f'size must be (height, width), two positive integers, got {size!r}')
    check_settings(form, normalisation)
    if mask is not None and (not isinstance(mask, Tensor) or mask.shape != tuple(size)):
        raise ValueError(f'mask must be a tensor of the size {tuple(size)}, got {describe(mask)}')
    return int(size[0]), int(size[1])


def check_settings(form: Any, normalisation: Any) -> None:
    """Raise unless the form and the normalisation of the fields are known."""
    if form not in FORMS:
        raise ValueError(f'unknown form {form!r}: choose from {", ".join(FORMS)}')
    if normalisation not in NORMALISATIONS:
        raise ValueError(f'unknown normalisation {normalisation!r}: choose from {", ".join(NORMALISATIONS)}')
