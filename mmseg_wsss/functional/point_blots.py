r"""Point blots: small regions of similar colour around the points of an image, robust to moves of the points.

Akiva, Dana: "Towards Single Stage Weakly Supervised Semantic Segmentation", 2021 (PMP), 3.3. The paper names the
steps but not the numbers. The defaults here were chosen on photos of VOC with human clicks (longer side 160); the
figures are in configs/pmp/README.md. Without ``min_probability`` the walker labels the whole image.

Shape letters: P points, C classes that have a point, H x W pixels.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.special import rel_entr
from skimage.segmentation import random_walker
from skimage.transform import resize

from .checks import check_integer, check_positive, check_share

Colours = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Labels = npt.NDArray[np.int64]

RULES = ('expand', 'intersect')
UNCLAIMED = -1
# Up to this number of pixels the direct solver is used, which is exact and two to three times as fast as the other. It
# takes 0.7 GB here and 1.9 GB at 1024 x 768, in every data worker.
_DIRECT_PIXELS = 2**18


class Perturbation(NamedTuple):
    """Maximum moves of the points in the last iteration; earlier iterations use a share of them."""

    rotation: float  # degrees, in both directions, about the middle of the image
    scaling: float  # a factor from 1 - scaling to 1 + scaling for each axis
    shift: float  # along each axis, as a share of the diagonal


class Acceptance(NamedTuple):
    """When a candidate is accepted, and how it is used."""

    rule: str
    max_divergence: float
    min_overlap: float
    num_bins: int


def point_blots(
    image: npt.NDArray[Any],
    points: npt.NDArray[np.floating[Any]],
    classes: npt.NDArray[np.integer[Any]],
    *,
    rule: str = 'expand',
    num_iters: int = 5,
    beta: float = 500.0,
    min_probability: float = 0.8,
    max_rotation: float = 6.0,
    max_scaling: float = 0.1,
    max_shift: float = 0.03,
    max_divergence: float = 0.5,
    min_overlap: float = 0.5,
    num_bins: int = 16,
    max_side: int | None = 160,
    ignore_index: int = 255,
    rng: np.random.Generator | int = 0,
) -> npt.NDArray[np.uint8]:
    r"""Grow each point to the region of a random walker, and expand it by the regions of moved points.

    1. A random walker (Grady, 2006) from all points gives every pixel a probability of each class. The connected pixels
       of at least ``min_probability`` around a point are its blot :math:`b`.
    2. ``num_iters`` times, a random affine map moves all points, by up to i / ``num_iters`` of its range in iteration
       i, and the walker starts again. The connected region of the class with the largest IoU with :math:`b` is a
       candidate :math:`\tilde b`, accepted if

       .. math:: \mathrm{KL}(h(b) \,\Vert\, h(\tilde b)) < \varphi \quad \text{and} \quad
                 \mathrm{IoU}(b, \tilde b) > \delta

       where :math:`h` is the colour histogram. An accepted candidate expands the current blot,
       :math:`b \leftarrow b \cup \tilde b`, and the next iteration compares with the expanded one.

    A pixel in the final blots of two classes gets the class of the first walk if that is one of them, otherwise none.
    Points always keep their pixel; if two points share a pixel, the later one wins. If only one class has points, the
    blots are the points, because the walker needs two classes. Points outside the image are left out.

    Differs from the paper, which does not give a probability and does not define the class of a pixel in two blots.

    Args:
        image: (H, W), (H, W, 1) or (H, W, 3) of uint8, or of floats in [0, 1].
        points: (x, y) in edge coordinates, (P, 2): pixel i covers [i, i + 1).
        classes: Class ids, (P,), from 0 to 254.
        rule: ``'expand'``, as in the paper ("accepted as an expansion", successively); ``'intersect'`` compares every
            candidate with the region of step 1 and keeps the pixels in that region and in all accepted ones, or only
            the points if none is accepted: fewer pixels.
        num_iters: Number of perturbations; 0 keeps the regions of step 1. Each costs one walk.
        beta: Resistance of the walker to crossing an edge, above 0; the paper does not give it. With the 130 of
            scikit-image blots are hardly larger than their points, with 3000 those of small objects leak.
        min_probability: Probability that pixels of a blot must have, in [0, 1].
        max_rotation: Maximum rotation of the points, in degrees.
        max_scaling: Maximum scaling of the points, in [0, 1).
        max_shift: Maximum shift of the points, as a share of the diagonal, at least 0.
        max_divergence: :math:`\varphi`, in nats, averaged over the channels.
        min_overlap: :math:`\delta`, in [0, 1].
        num_bins: Bins of a histogram per channel; each starts with a count of 1, so that no divergence is infinite.
        max_side: A larger image is reduced to this longer side, and the result is enlarged; None means never. A walk
            takes about 0.07 s on 160 x 120 pixels, six times that at twice the side, and minutes beyond 2^18 pixels.
        ignore_index: The value outside all blots, from 0 to 255; must not be a class id of a point.
        rng: Source of randomness, or a seed.

    Returns:
        Class ids, ``ignore_index`` outside all blots, (H, W).

    Raises:
        TypeError: If the image is neither uint8 nor floating-point, or class ids are not integers.
        ValueError: If shapes do not match, or colours or a setting are out of range.

    Example:
        >>> image = np.zeros((8, 8), np.uint8)
        >>> image[:, 4:] = 255
        >>> blots = point_blots(image, np.array([[1.5, 4.5], [6.5, 4.5]]), np.array([0, 3]))
        >>> np.unique(blots[:, 4:]).tolist()
        [3]
    """
    colours, points, classes = _check(image, points, classes)
    perturbation = Perturbation(max_rotation, max_scaling, max_shift)
    acceptance = Acceptance(rule, max_divergence, min_overlap, num_bins)
    _check_settings(num_iters, beta, max_side, min_probability, perturbation, acceptance)
    if not 0 <= ignore_index <= 255 or ignore_index in classes:
        raise ValueError(f'ignore_index must be from 0 to 255 and not a class id of a point, got {ignore_index}')
    height, width = colours.shape[:2]
    scale = 1.0 if max_side is None else min(1.0, max_side / max(height, width))
    if scale < 1:
        size = (max(1, round(scale * height)), max(1, round(scale * width)))
        colours = resize(colours, size, anti_aliasing=True)  # type: ignore[no-untyped-call]
    factor = np.array([colours.shape[1] / width, colours.shape[0] / height])
    inside = ((points >= 0) & (points < [width, height])).all(axis=1)
    points, classes = points[inside], classes[inside]
    present, labels = np.unique(classes, return_inverse=True)
    small = np.full(colours.shape[:2], ignore_index, dtype=np.uint8)
    if len(present) > 1:
        seeds = points * factor
        regions = _regions(colours, seeds, labels, beta, min_probability)
        moves = _perturbed(seeds, colours.shape[:2], num_iters, perturbation, np.random.default_rng(rng))
        candidates = [_regions(colours, moved, labels, beta, min_probability) for moved in moves]
        claims = np.zeros((len(present), *small.shape), dtype=bool)
        for label, blot in _blots(regions, seeds, labels):
            claims[label] |= _followed(blot, label, candidates, colours, acceptance)
        settled = _settled(claims, regions)
        small[settled >= 0] = present[settled[settled >= 0]]
    rows, columns = (np.arange(n) * m // n for n, m in zip((height, width), small.shape, strict=True))
    result: npt.NDArray[np.uint8] = small[rows[:, None], columns]
    x, y = np.floor(points).astype(np.int64).T
    result[y, x] = classes
    return result


def histogram_divergence(colours: Colours, first: Mask, second: Mask, num_bins: int = 16) -> float:
    """Return the Kullback-Leibler divergence of the colours in two masks, averaged over the channels.

    Args:
        colours: Colours in [0, 1], (H, W, channels).
        first: First mask, (H, W).
        second: Second mask, (H, W).
        num_bins: Bins of a histogram, each of which starts with a count of 1.
    """

    def histograms(mask: Mask) -> Colours:
        counts = [np.histogram(channel, num_bins, (0, 1))[0] + 1 for channel in colours[mask].T]
        return np.stack([count / count.sum() for count in counts])

    return float(rel_entr(histograms(first), histograms(second)).sum(axis=1).mean())


def _regions(colours: Colours, points: Colours, labels: Labels, beta: float, min_probability: float) -> Labels:
    """Return the label that the walker is sure of, (H, W); ``UNCLAIMED`` elsewhere."""
    height, width = colours.shape[:2]
    x, y = np.floor(points).astype(np.int64).T
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    markers = np.zeros((height, width), dtype=np.int64)
    markers[y[inside], x[inside]] = labels[inside] + 1
    present = np.unique(markers[markers > 0])
    if len(present) < 2 or (markers > 0).all():  # only one class, or nothing left to label
        return markers - 1
    numbers = np.searchsorted(present, markers) + 1
    flat = colours.max() == colours.min()
    probs = random_walker(
        # the walker divides by the contrast; without any, beta=0 on another picture gives the same result
        np.indices((height, width)).sum(axis=0).astype(float)[..., None] if flat else colours,
        np.where(markers > 0, numbers, 0),
        beta=0.0 if flat else beta,
        mode='bf' if height * width <= _DIRECT_PIXELS else 'cg_j',
        channel_axis=-1,
        return_full_prob=True,
    )
    return np.where(probs.max(axis=0) >= min_probability, present[probs.argmax(axis=0)] - 1, UNCLAIMED)


def _blots(regions: Labels, points: Colours, labels: Labels) -> list[tuple[int, Mask]]:
    """Return the connected regions that contain a point of their class."""
    x, y = np.floor(points).astype(np.int64).T
    blots = []
    for label in np.unique(labels).tolist():
        numbers, _ = ndimage.label(regions == label)
        own = labels == label
        kept = np.unique(numbers[y[own], x[own]])
        blots += [(label, numbers == number) for number in kept[kept > 0]]
    return blots


def _perturbed(
    points: Colours, size: tuple[int, ...], num_iters: int, limits: Perturbation, rng: np.random.Generator
) -> list[Colours]:
    """Return the points after random affine maps of increasing range."""
    middle = np.array([size[1], size[0]]) / 2
    moved = []
    for iteration in range(1, num_iters + 1):
        share = iteration / num_iters
        angle = np.deg2rad(share * limits.rotation * rng.uniform(-1, 1))
        scaling = 1 + share * limits.scaling * rng.uniform(-1, 1, 2)
        shift = share * limits.shift * np.hypot(size[0], size[1]) * rng.uniform(-1, 1, 2)
        rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        moved.append((points - middle) @ (rotation * scaling).T + middle + shift)
    return moved


def _followed(blot: Mask, label: int, candidates: list[Labels], colours: Colours, acceptance: Acceptance) -> Mask:
    """Return the blot after the candidates of all iterations, in their order."""
    expands = acceptance.rule == 'expand'
    current, accepted = blot.copy(), 0
    for regions in candidates:
        compared = current if expands else blot
        numbers, count = ndimage.label(regions == label)
        if not count:
            continue
        common = np.bincount(numbers[compared], minlength=count + 1)[1:]
        union = np.bincount(numbers.ravel(), minlength=count + 1)[1:] + compared.sum() - common
        best = int((common / union).argmax())
        candidate = numbers == best + 1
        divergence = histogram_divergence(colours, compared, candidate, acceptance.num_bins)
        if common[best] / union[best] > acceptance.min_overlap and divergence < acceptance.max_divergence:
            current = current | candidate if expands else current & candidate
            accepted += 1
    return current if expands or accepted or not candidates else np.zeros_like(blot)


def _settled(claims: Mask, regions: Labels) -> Labels:
    """Return the label of each pixel in the blots; that of the first walk if blots of two classes overlap."""
    holders = claims.sum(axis=0)
    first = np.take_along_axis(claims, regions.clip(0)[None], axis=0)[0] & (regions != UNCLAIMED)
    alone = np.where(holders == 1, claims.argmax(axis=0), UNCLAIMED)
    return np.where((holders > 1) & first, regions, alone)


def _check(image: Any, points: Any, classes: Any) -> tuple[Colours, Colours, Labels]:
    """Return the image as (H, W, channels) in [0, 1], points and classes; raise unless they match."""
    colours, points, classes = np.asarray(image), np.asarray(points, dtype=np.float64), np.asarray(classes)
    if colours.dtype != np.uint8 and not np.issubdtype(colours.dtype, np.floating):
        raise TypeError(f'image must be of uint8, or of floats in [0, 1], got {colours.dtype}')
    colours = colours[..., None] if colours.ndim == 2 else colours
    if colours.ndim != 3 or colours.shape[2] not in (1, 3) or 0 in colours.shape:
        raise ValueError(f'image must be (H, W), (H, W, 1) or (H, W, 3), got {np.shape(image)}')
    colours = colours / 255 if colours.dtype == np.uint8 else colours.astype(np.float64)
    if not (colours.min() >= 0 and colours.max() <= 1):  # NaN, too
        raise ValueError(
            f'an image of floats must lie in [0, 1], got {colours.min()} to {colours.max()}: divide it, or use uint8'
        )
    if points.ndim != 2 or points.shape[1] != 2 or classes.shape != points.shape[:1]:
        raise ValueError(f'points must be (P, 2) and classes (P,), got {points.shape} and {classes.shape}')
    if not np.issubdtype(classes.dtype, np.integer):
        raise TypeError(f'classes must be integers, got {classes.dtype}')
    if len(classes) and not 0 <= classes.min() <= classes.max() < 255:
        raise ValueError(f'classes must be ids from 0 to 254, got {classes.min()} to {classes.max()}')
    return colours, points, classes


def _check_settings(
    num_iters: int, beta: float, max_side: int | None, min_probability: float, moves: Perturbation, taken: Acceptance
) -> None:
    if taken.rule not in RULES:
        raise ValueError(f'unknown rule {taken.rule!r}: choose from {", ".join(RULES)}')
    check_positive(beta, 'beta')
    check_positive(taken.max_divergence, 'max_divergence')
    side = 1 if max_side is None else max_side
    whole = {'num_iters': (num_iters, 0), 'num_bins': (taken.num_bins, 1), 'max_side': (side, 1)}
    for name, (number, least) in whole.items():
        check_integer(number, name, least)
    check_share(min_probability, 'min_probability')
    check_share(taken.min_overlap, 'min_overlap')
    # written so that NaN fails, too
    if not (0 <= moves.rotation < math.inf and 0 <= moves.shift < math.inf and 0 <= moves.scaling < 1):
        raise ValueError(
            'max_rotation and max_shift must be finite and not negative, and max_scaling must lie in [0, 1), got '
            f'{moves.rotation}, {moves.shift} and {moves.scaling}'
        )
