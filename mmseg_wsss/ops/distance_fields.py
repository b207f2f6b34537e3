"""Distance fields of a few points: all classes of an image at a time, in float32.

Squared distances between pixels are integers, which float32 holds exactly up to 2 ** 24, so the nearest points are
those of the reference. Many points, as of scribbles, and points that are thousands of pixels apart are left to it.

Shape letters: P points, K classes that have a point, H x W pixels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import reduce

import torch
from torch import Tensor

from ..functional import distance_fields as reference
from ..functional.distance_fields import check_arguments
from .dispatch import require_backend

# Number of pairs of a point and a pixel that are held at a time.
_PAIRS = 2**20
# The largest distance along an axis for which the square of the distance is exact in float32.
_FAR = 2896


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
    backend: str = 'auto',
) -> tuple[Tensor, Tensor]:
    """Compute :func:`mmseg_wsss.functional.distance_fields` fast for few points.

    Args:
        points: Same as in the reference. If there are many, or some are thousands of pixels away, the reference
            computes the fields.
        classes: Same as in the reference.
        size: Same as in the reference.
        form: Same as in the reference.
        normalisation: Same as in the reference.
        background: Same as in the reference.
        mask: Same as in the reference.
        backend: ``'auto'`` or ``'torch'``.

    Returns:
        Fields in [0, 1], (K, H, W) float32, and the class id of each, (K,) int64 in ascending order.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If shapes do not match, a setting is unknown or the backend does not support the call.

    Example:
        >>> points, classes = torch.tensor([[0.5, 0.5], [3.5, 0.5]]), torch.tensor([0, 2])
        >>> fields, present = distance_fields(points, classes, (1, 5))
        >>> present.tolist(), fields[1, 0, 3].item()
        ([0, 2], 1.0)
    """
    require_backend(backend)
    height, width = check_arguments(points, classes, size, form, normalisation, mask)
    pixels = points.double().floor()
    exact = len(points) > 0 and float(pixels.abs().amax()) + max(height, width) <= _FAR
    if not exact or len(points) * height * width > _PAIRS:
        return reference(
            points, classes, size, form=form, normalisation=normalisation, background=background, mask=mask
        )
    pixels = pixels.float()
    ids = classes.tolist()
    present = sorted(set(ids))
    members = [[place for place, own in enumerate(ids) if own == label] for label in present]
    across = (torch.arange(width, device=points.device) - pixels[:, :1]).square()
    down = (torch.arange(height, device=points.device) - pixels[:, 1:]).square()
    squares = down[:, :, None] + across[:, None, :]
    nearest = torch.stack([reduce(torch.minimum, [squares[place] for place in own]) for own in members])
    distances = nearest.sqrt()
    if normalisation == 'diagonal':
        reach = distances.new_full((len(present), 1, 1), math.hypot(height, width))
    else:
        inner = distances if mask is None else torch.where(mask >= 1, distances, 0)
        reach = inner.amax(dim=(1, 2), keepdim=True).clamp_(min=1e-6)
    shares = distances / reach
    fields = (1 - shares).clamp_(min=0)
    if background in present and len(present) > 1:
        ground = present.index(background)
        gate = shares[ground].clamp(max=1)
        for place, own in enumerate(members):
            if place == ground:
                continue
            if form == 'ratio':
                both = distances[ground] + distances[place]
                fields[place] = torch.where(both > 0, distances[ground] / both, 1)
            elif form == 'product':
                fields[place] *= gate
            else:
                seeds = _seed_gates(pixels[own], pixels[members[ground]], reach[ground, 0, 0])
                seed = seeds[0] if len(own) == 1 else _of_nearest(squares[own], nearest[place], seeds)
                # a point of the background on a point of the class gives 0 / 0
                fields[place] *= torch.where(seed > 0, gate / seed, 1).clamp_(max=1)
    if mask is not None:
        fields = torch.where(mask >= 1, fields, 0)
    return fields, torch.tensor(present, dtype=torch.long, device=classes.device)


def _seed_gates(pixels: Tensor, ground: Tensor, reach: Tensor) -> Tensor:
    """Return the gate at each pixel, (P,), with the operations of the map, so that their quotient is exactly 1."""
    squares = (pixels[:, None] - ground[None]).square().sum(dim=2).amin(dim=1)
    return (squares.sqrt() / reach).clamp_(max=1)


def _of_nearest(squares: Tensor, nearest: Tensor, values: Tensor) -> Tensor:
    """Return the value of the nearest of P points at each pixel, (H, W), the smallest one if several are as near."""
    chosen = (torch.where(own == nearest, value, torch.inf) for own, value in zip(squares, values, strict=True))
    return reduce(torch.minimum, chosen)
