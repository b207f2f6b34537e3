"""Maps of padded, mirrored and resized views of images, mapped back to the size of their files.

Shape letters: B batch, C channels, h x w the input of a network.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ...functional.checks import is_integer
from ...functional.grids import MOST_PIXELS, pool_mask

Meta = Mapping[str, Any]
MODES = ('whole', 'slide')
FLIPS = {'horizontal': 2, 'vertical': 1}
SLIDE = (
    "use windows: model.test_cfg=dict(mode='slide', crop_size=(1024, 1024), stride=(768, 768)), or --window 1024 of "
    'wsss predict and wsss test'
)
RESIZE = (
    "put dict(type='Resize', scale=(1024, 1024), keep_ratio=True) after LoadImageFromFile in its test pipeline (labels "
    'keep the size of the file), or cut the images into tiles'
)


def metas_of(inputs: Tensor, data_samples: Sequence[Any] | None) -> list[dict[str, Any]]:
    """Return the meta information of the samples; without samples, each image has the size of its file."""
    if data_samples is not None:
        return [sample.metainfo for sample in data_samples]
    size = tuple(inputs.shape[2:])
    return [{'ori_shape': size, 'img_shape': size, 'pad_shape': size, 'padding_size': [0] * 4} for _ in inputs]


def padding_of(meta: Meta) -> Sequence[int]:
    """Return the padding of the preprocessor: left, right, top, bottom."""
    padding: Sequence[int] = meta.get('img_padding_size', meta.get('padding_size', (0, 0, 0, 0)))
    return padding


def check_at_once(inputs: Tensor, test_cfg: Meta | None, name: str, cure: str = SLIDE) -> None:
    """Raise an error for a large image that a network on the CPU would read at once.

    Args:
        inputs: Preprocessed images, (B, channels, h, w).
        test_cfg: See :func:`windows`.
        name: Name of the image, for the message.
        cure: What to do, for the message.

    Raises:
        ValueError: If the image has more than ``MOST_PIXELS`` pixels and the network does not read it in windows. On a
            GPU, torch says when memory is short.
    """
    height, width = inputs.shape[2:]
    slides = (test_cfg or {}).get('mode', 'whole') == 'slide'
    if not slides and inputs.device.type == 'cpu' and height * width > MOST_PIXELS:
        raise ValueError(f'{name}: the network would read {width} x {height} pixels at once; {cure}')


def check_windows(test_cfg: Meta | None) -> None:
    """Check how whole images are predicted.

    Args:
        test_cfg: ``mode``, ``crop_size`` and ``stride``; see :func:`windows`.

    Raises:
        ValueError: If the mode is unknown, a size is missing or is not a pair of positive integers, or there would be
            gaps between the windows.
    """
    settings = test_cfg or {}
    mode = settings.get('mode', 'whole')
    if mode not in MODES:
        raise ValueError(f'model.test_cfg.mode must be {" or ".join(map(repr, MODES))}, got {mode!r}')
    if mode == 'whole':
        return
    for key in ('crop_size', 'stride'):
        if key not in settings:
            raise ValueError(f"model.test_cfg with mode='slide' needs crop_size and stride, and has no {key}")
        pair = settings[key]
        if not (isinstance(pair, Sequence) and len(pair) == 2 and all(map(is_integer, pair))):
            raise ValueError(
                f'model.test_cfg.{key} must be (height, width) in pixels, such as (512, 512), got {pair!r}'
            )
    crop, stride = settings['crop_size'], settings['stride']
    if stride[0] > crop[0] or stride[1] > crop[1]:
        raise ValueError(
            f'model.test_cfg.stride={tuple(stride)} is larger than crop_size={tuple(crop)}: no window would contain '
            'the pixels in between'
        )


def windows(size: tuple[int, int], test_cfg: Meta | None) -> Iterator[tuple[slice, slice]]:
    """Yield the rows and columns of each window of sliding inference, or of the whole image.

    The last window of a row or column ends at the border; an image smaller than a window is one window.

    Args:
        size: (h, w).
        test_cfg: ``mode``, ``'whole'`` or ``'slide'``; the latter with ``crop_size`` and ``stride``, (rows, columns).

    Raises:
        ValueError: See :func:`check_windows`.

    Example:
        >>> slide = dict(mode='slide', crop_size=(8, 8), stride=(6, 6))
        >>> [(rows.start, rows.stop) for rows, columns in windows((20, 8), slide)]
        [(0, 8), (6, 14), (12, 20)]
    """
    check_windows(test_cfg)
    slides = test_cfg is not None and test_cfg.get('mode') == 'slide'
    crop, stride = (test_cfg['crop_size'], test_cfg['stride']) if test_cfg and slides else (size, size)
    rows, columns = (_intervals(*sides) for sides in zip(size, crop, stride, strict=True))
    yield from ((row, column) for row in rows for column in columns)


def _intervals(side: int, crop: int, stride: int) -> list[slice]:
    number = max(math.ceil((side - crop) / stride), 0) + 1
    ends = [min(index * stride + crop, side) for index in range(number)]
    return [slice(max(end - crop, 0), end) for end in ends]


def mean_of_windows(
    predict: Callable[[Tensor], tuple[Tensor, Tensor | None]], inputs: Tensor, test_cfg: Meta | None
) -> tuple[Tensor, Tensor | None]:
    """Return the mean maps, (B, C, h, w), and the largest scores over all windows.

    Args:
        predict: Returns the maps of a window at its size, (B, C, h', w'), and scores, (B, K), or None.
        inputs: Preprocessed images, (B, channels, h, w).
        test_cfg: See :func:`windows`.
    """
    height, width = inputs.shape[2:]
    counts = inputs.new_zeros(1, 1, height, width)
    total, all_scores = inputs.new_zeros(0), list[Tensor]()
    for rows, columns in windows((height, width), test_cfg):
        maps, scores = predict(inputs[:, :, rows, columns])
        if not total.numel():  # the maps of a large image are there once
            dtype = torch.promote_types(inputs.dtype, maps.dtype)
            total = maps.new_zeros(*maps.shape[:2], height, width, dtype=dtype)
        total[:, :, rows, columns] += maps
        counts[:, :, rows, columns] += 1
        all_scores += [] if scores is None else [scores]
    return total.div_(counts), torch.stack(all_scores).amax(dim=0) if all_scores else None


def inside_cells(metas: Sequence[Meta], inputs: Tensor, grid: Sequence[int], test_cfg: Meta | None) -> Tensor | None:
    """Return 1 where a cell of a grid does not contain padding, (B, 1, *grid); None if there is no padding.

    The position of a window of sliding inference is unknown, so padding counts there, and the result is None.
    """
    paddings = [padding_of(meta) for meta in metas]
    if (test_cfg or {}).get('mode', 'whole') != 'whole' or not any(map(any, paddings)):
        return None
    height, width = inputs.shape[2:]
    inside = inputs.new_zeros(len(metas), 1, height, width, dtype=torch.float32)
    for image, (left, right, top, bottom) in zip(inside, paddings, strict=True):
        image[:, top : height - bottom, left : width - right] = 1
    return pool_mask(inside, (grid[0], grid[1]))


def to_file(maps: Tensor, meta: Meta, *, align_corners: bool = False) -> Tensor:
    """Undo padding, mirroring and resizing.

    Args:
        maps: Maps of one view, (C, h, w).
        meta: The meta information of its sample.
        align_corners: How maps are resized.

    Returns:
        Maps of the size of the file, (C, H, W).

    Raises:
        ValueError: If the view was flipped in an unknown direction.
    """
    left, right, top, bottom = padding_of(meta)
    maps = maps[:, top : maps.shape[1] - bottom, left : maps.shape[2] - right]
    if meta.get('flip'):
        direction = meta.get('flip_direction')
        if direction not in FLIPS:
            raise ValueError(f'flip_direction must be one of {", ".join(FLIPS)}, got {direction!r}')
        maps = maps.flip(FLIPS[direction])
    size = tuple(meta['ori_shape'][:2])
    if maps.shape[1:] == size:
        return maps
    return F.interpolate(maps[None], size, mode='bilinear', align_corners=align_corners)[0]


def resizing_of(meta: Meta) -> float:
    """Return how far the size of a view is from that of its file; 0 for the file itself."""
    return abs(math.log(meta['img_shape'][0] / meta['ori_shape'][0])) if 'img_shape' in meta else 0.0
