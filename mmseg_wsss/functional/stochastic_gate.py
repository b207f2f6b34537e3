r"""Stochastic gate: semantics from deep features, outlines from shallow ones.

Araslanov, Roth: "Single-Stage Semantic Segmentation from Image Labels", 2020, section 3.4, equations 9 and 10.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .checks import check_share, describe

FORMS = ('paper', 'reference')


def stochastic_gate(
    deep: Tensor,
    shallow: Tensor,
    rate: float,
    *,
    training: bool,
    form: str = 'paper',
    generator: torch.Generator | None = None,
) -> Tensor:
    r"""Select, independently for every number, either the deep feature or the shallow one.

    .. math::
        \text{training: } (1 - r_i)\, x^d_i + r_i\, x^s_i, \quad r_i \sim \mathrm{Bernoulli}(\psi); \qquad
        \text{inference: } (1 - \psi)\, x^d_i + \psi\, x^s_i

    The result at inference is the mean of that in training.

    Differs from the published code, which is ``form='reference'``: in training it puts
    :math:`(x^d - \psi x^s) / (1 - \psi)` instead of :math:`x^d`. Then the mean in training is only :math:`x^d`,
    while the result at inference is the same as above.

    Args:
        deep: Features :math:`x^d`, any shape.
        shallow: Features :math:`x^s`, the same shape.
        rate: :math:`\psi`, the share of the shallow features, in [0, 1]; below 1 for ``'reference'``. The paper's
            final model has 0.3.
        training: Whether to draw. False is for inference, and for the deterministic gate of the paper's ablation.
        form: ``'paper'`` or ``'reference'``.
        generator: Source of the randomness; None means the global generator of the device.

    Returns:
        The gated features, of the same shape.

    Raises:
        TypeError: If the features are not floating-point tensors or ``rate`` is not a number.
        ValueError: If the shapes differ, ``rate`` is out of range or ``form`` is unknown.

    Example:
        >>> deep, shallow = torch.ones(3), torch.zeros(3)
        >>> stochastic_gate(deep, shallow, 0.3, training=False)
        tensor([0.7000, 0.7000, 0.7000])
    """
    _check_arguments(deep, shallow, rate, form)
    if not training:
        return (1 - rate) * deep + rate * shallow
    # In float32, because numbers drawn in half precision are too coarse to keep the rate.
    drawn = torch.rand(deep.shape, generator=generator, device=deep.device, dtype=torch.float32)
    if form == 'reference':
        deep = (deep - rate * shallow) / (1 - rate)
    return torch.where(drawn < rate, shallow, deep)


def _check_arguments(deep: Tensor, shallow: Tensor, rate: float, form: str) -> None:
    for name, value in (('deep', deep), ('shallow', shallow)):
        if not isinstance(value, Tensor) or not value.is_floating_point():
            raise TypeError(f'{name} must be a floating-point tensor, got {describe(value)}')
    if deep.shape != shallow.shape:
        raise ValueError(
            f'deep and shallow must have the same shape, got {tuple(deep.shape)} and {tuple(shallow.shape)}: project '
            'and resize one of them'
        )
    if form not in FORMS:
        raise ValueError(f'unknown form {form!r}: choose from {", ".join(FORMS)}')
    if check_share(rate, 'rate') == 1 and form == 'reference':
        raise ValueError("rate must be below 1 for form='reference', which divides by 1 - rate, got 1")
