r"""The kernels of the Gated CRF loss: their features, and a map to inspect them.

Obukhov, Georgoulis, Dai, Van Gool: "Gated CRF Loss for Weakly Supervised Semantic Image Segmentation", 2019, equations
1 and 2.

Shape letters: B batch, K channels of a modality, H x W the grid of the probabilities, h x w the image.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from .checks import check_integer, check_positive, check_shape, compute_dtype, describe

KernelSettings = Mapping[str, float]
FIXED_KEYS = ('weight', 'xy', 'rgb')
"""The fixed keys of a kernel; every other key is the name of a modality."""
# Squares of a sigma, and of a distance divided by a sigma, must be in the range of float32.
_SMALLEST_SIGMA, _LARGEST_SIGMA = 1e-15, 1e15


class Kernel(NamedTuple):
    """One Gaussian of the mixture; None means that a feature is not used."""

    weight: float
    xy: float | None
    rgb: float | None
    modalities: Mapping[str, float]  # sigma of each further feature, by name

    def guides(self) -> dict[str, float]:
        """Return the sigma of every feature that is a tensor, by name: ``rgb`` and the modalities."""
        return {**({} if self.rgb is None else {'rgb': self.rgb}), **self.modalities}


def gated_crf_kernel_map(
    image: Tensor,
    *,
    size: tuple[int, int],
    kernels: Sequence[KernelSettings],
    radius: int = 5,
    modalities: Mapping[str, Tensor] | None = None,
) -> Tensor:
    r"""Draw the kernels of :func:`gated_crf_loss` around some cells, to see which neighbours influence them.

    The grid is divided into adjacent windows of 2 ``radius`` + 1 cells, and a cell :math:`a` gets its kernel
    :math:`K_{ca}` with the cell :math:`c` in the middle of its window, as in figure 2 of the paper. The middle itself
    gets 0, because a cell is not its own neighbour; so do the cells of windows whose middle lies outside the grid.

    Args:
        image: Colours, (B, 3, h, w), in the units of the ``rgb`` sigmas.
        size: The grid (H, W) of the probabilities of the loss.
        kernels: Same as in :func:`gated_crf_loss`.
        radius: Same as in :func:`gated_crf_loss`.
        modalities: Same as in :func:`gated_crf_loss`.

    Returns:
        Values between 0 and the sum of the weights, (B, 1, H, W), in float32, or float64 for a float64 image.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If a setting is out of range, or the names in kernels and modalities differ.

    Example:
        >>> image = torch.zeros(1, 3, 3, 3)
        >>> gated_crf_kernel_map(image, size=(3, 3), kernels=[dict(weight=1, xy=1)], radius=1)[0, 0]
        tensor([[0.3679, 0.6065, 0.3679],
                [0.6065, 0.0000, 0.6065],
                [0.3679, 0.6065, 0.3679]])
    """
    check_radius(radius)
    if len(size) != 2 or min(size) < 1:
        raise ValueError(f'size must be the grid (H, W) of at least one cell, got {size}')
    dtype = compute_dtype(image) if isinstance(image, Tensor) else torch.float32
    batch = len(image) if isinstance(image, Tensor) and image.ndim else 1
    mixture, guides = prepare_guides(kernels, image, modalities, size, dtype, batch)
    rows, columns = (torch.arange(side, device=image.device) for side in size)
    steps = [axis % (2 * radius + 1) - radius for axis in (rows, columns)]
    squared_distance = (steps[0][:, None].square() + steps[1].square()).to(dtype)
    middle_rows, middle_columns = rows - steps[0], columns - steps[1]
    seen = (middle_rows < size[0])[:, None] & (middle_columns < size[1]) & (squared_distance > 0)
    middle_rows, middle_columns = middle_rows.clamp(max=size[0] - 1), middle_columns.clamp(max=size[1] - 1)
    total = torch.zeros_like(guides['rgb'][:, :1])
    for kernel in mixture:
        exponent = torch.zeros_like(total)
        if kernel.xy is not None:
            exponent = exponent + squared_distance / kernel.xy**2
        for name, sigma in kernel.guides().items():
            middle = guides[name][:, :, middle_rows][..., middle_columns]
            exponent = exponent + ((guides[name] - middle) / sigma).square().sum(dim=1, keepdim=True)
        total = total + kernel.weight * torch.exp(-0.5 * exponent)
    return torch.where(seen, total, 0)


def prepare_guides(
    kernels: Sequence[KernelSettings],
    image: Any,
    modalities: Mapping[str, Tensor] | None,
    size: tuple[int, int],
    dtype: torch.dtype,
    batch: int,
) -> tuple[tuple[Kernel, ...], dict[str, Tensor]]:
    """Check kernels and features; return both, the features ``rgb`` and modalities by name and averaged to a grid."""
    if modalities is not None and not isinstance(modalities, Mapping):
        raise TypeError(f"modalities must be a dict such as {{'depth': depth}}, got {describe(modalities)}")
    given = dict(modalities or {})
    mixture = parse_kernels(kernels, tuple(given))
    named = {name for kernel in mixture for name in kernel.modalities}
    if set(given) != named:
        raise ValueError(f'no kernel uses the modalities {sorted(set(given) - named)}: add a sigma, or remove them')
    guides = {}
    for name, guide in {'rgb': image, **given}.items():
        what, channels = ('image', '3') if name == 'rgb' else (f'modalities[{name!r}]', 'K')
        if not isinstance(guide, Tensor) or guide.is_complex():
            raise TypeError(f'{what} must be a tensor (B, {channels}, h, w), got {describe(guide)}')
        check_shape(guide, what, f'({batch}, {channels}, h, w)')
        if len(guide) != batch:
            raise ValueError(
                f'{what} and the other tensors must have the same batch size, got {len(guide)} and {batch}'
            )
        with torch.autocast(guide.device.type, enabled=False):
            guides[name] = F.adaptive_avg_pool2d(guide.detach().to(dtype), size)
    return mixture, guides


def parse_kernels(kernels: Sequence[KernelSettings], modalities: Sequence[str] = ()) -> tuple[Kernel, ...]:
    """Check the mixture of kernels.

    Args:
        kernels: Same as in :func:`gated_crf_loss`.
        modalities: Names that kernels may use in addition to ``xy`` and ``rgb``.

    Raises:
        TypeError: If ``kernels`` is not a sequence of dicts of numbers.
        ValueError: If there are no kernels, or a kernel has unknown keys, no weight, no sigma, or a sigma that is not
            above 0 or whose square is out of the range of float32.
    """
    taken = [name for name in modalities if name in FIXED_KEYS]
    if taken:
        raise ValueError(f'modalities must have names other than {", ".join(FIXED_KEYS)}, got {taken}')
    if isinstance(kernels, Mapping) or not isinstance(kernels, Sequence):
        raise TypeError(f'kernels must be a list of dicts, got {describe(kernels)}; put a single kernel into a list')
    if not kernels:
        raise ValueError('kernels must contain at least one dict such as dict(weight=1, xy=6, rgb=0.1), got none')
    return tuple(_parse_kernel(settings, f'kernels[{i}]', modalities) for i, settings in enumerate(kernels))


def check_radius(radius: Any) -> None:
    """Raise ValueError unless the window is a positive integer."""
    check_integer(radius, 'radius')


def _parse_kernel(settings: KernelSettings, name: str, modalities: Sequence[str]) -> Kernel:
    if not isinstance(settings, Mapping):
        raise TypeError(f'{name} must be a dict such as dict(weight=1, xy=6, rgb=0.1), got {describe(settings)}')
    unknown = set(settings) - {*FIXED_KEYS, *modalities}
    if unknown:
        raise ValueError(
            f'{name} has unknown keys {sorted(unknown)}: choose from {", ".join((*FIXED_KEYS, *modalities))}, or pass '
            'such a tensor in modalities'
        )
    if 'weight' not in settings:
        raise ValueError(f'{name} has no weight: add weight=1, for example')
    values = {key: check_positive(value, f'{name}[{key!r}]') for key, value in settings.items()}
    if len(values) == 1:
        raise ValueError(f'kernel without xy and rgb: {name} needs a sigma for xy (in cells), rgb (in colour), or both')
    for key in sorted(set(values) - {'weight'}):
        if not _SMALLEST_SIGMA <= values[key] <= _LARGEST_SIGMA:
            raise ValueError(
                f'{name}[{key!r}] must be a sigma from {_SMALLEST_SIGMA:g} to {_LARGEST_SIGMA:g}, got {values[key]:g}'
            )
    others = {key: value for key, value in values.items() if key not in FIXED_KEYS}
    return Kernel(values['weight'], values.get('xy'), values.get('rgb'), others)
