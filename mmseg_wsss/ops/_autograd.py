"""The backward pass of ops that compute their gradient together with their value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor


def scale_gradients(
    op: str, upstream: Tensor, inputs: Sequence[Tensor], gradients: Sequence[Tensor]
) -> tuple[Tensor, ...]:
    """Return the gradient of each input: the computed one times the upstream gradient, in the type of the input.

    The gradients depend on the inputs but cannot be differentiated again: a second derivative raises an error.

    Raises:
        RuntimeError: If the result is differentiated; the message names ``op``.
    """
    scaled: tuple[Tensor, ...] = _Scale.apply(op, upstream, *inputs, *gradients)  # type: ignore[no-untyped-call]
    return scaled


class _Scale(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, op: str, upstream: Tensor, *tensors: Tensor) -> tuple[Tensor, ...]:
        ctx.op = op
        half = len(tensors) // 2
        inputs, gradients = tensors[:half], tensors[half:]
        return tuple((gradient * upstream).to(x.dtype) for x, gradient in zip(inputs, gradients, strict=True))

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> Any:
        raise RuntimeError(
            f'mmseg_wsss.ops.{ctx.op} does not support second derivatives: use mmseg_wsss.functional.{ctx.op}, '
            'or call backward without create_graph=True'
        )
