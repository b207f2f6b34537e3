"""Mixed precision in bfloat16, which needs neither a GPU nor a scale of the loss."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from mmengine.device import get_device
from mmengine.optim import OptimWrapper
from mmseg.registry import OPTIM_WRAPPERS
from torch import nn

from ..loop_faults import type_name


@OPTIM_WRAPPERS.register_module()
class BFloat16OptimWrapper(OptimWrapper):
    """``OptimWrapper`` that runs the network in bfloat16, on a CPU as well as on a GPU.

    Weights, gradients, the optimizer and the losses stay in float32. bfloat16 has the range of float32, so the loss is
    not scaled, which mmengine's ``AmpOptimWrapper`` does for float16 and for which it needs a GPU. A checkpoint can be
    resumed with or without this wrapper.

    Example:
        >>> optimizer = torch.optim.SGD(nn.Linear(2, 2).parameters(), lr=0.1)
        >>> wrapper = BFloat16OptimWrapper(optimizer)
        >>> with wrapper.optim_context(nn.Linear(2, 2)):
        ...     nn.Linear(2, 2)(torch.ones(1, 2)).dtype
        torch.bfloat16
    """

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """Run the forward pass of a training step in bfloat16.

        Args:
            model: The network, with its wrappers.
        """
        with super().optim_context(model), torch.autocast(get_device(), torch.bfloat16):
            yield


def with_mixed_precision(settings: Mapping[str, Any], device: str | None = None) -> dict[str, Any]:
    """Return the settings of an ``optim_wrapper`` for ``--amp``: float16 on a GPU, bfloat16 on a CPU.

    Args:
        settings: The settings without mixed precision.
        device: The type of the device, ``'cpu'`` or that of an accelerator; None is the device of the training.

    Example:
        >>> with_mixed_precision({'type': 'OptimWrapper', 'accumulative_counts': 2}, 'cpu')
        {'type': 'BFloat16OptimWrapper', 'accumulative_counts': 2}
    """
    if (device or get_device()) == 'cpu':
        kept = {key: value for key, value in settings.items() if key not in ('loss_scale', 'dtype', 'use_fsdp')}
        return {**kept, 'type': 'BFloat16OptimWrapper'}
    return {'loss_scale': 'dynamic', **settings, 'type': 'AmpOptimWrapper'}


def check_precision(settings: Mapping[str, Any]) -> None:
    """Check that the device of the training has the precision of an ``optim_wrapper``.

    Raises:
        ValueError: If the settings need a GPU and there is none.
    """
    if get_device() == 'cpu' and type_name(settings) == 'AmpOptimWrapper':
        raise ValueError(
            "optim_wrapper.type='AmpOptimWrapper' needs a GPU, and there is none: use 'BFloat16OptimWrapper', or "
            "'OptimWrapper' with --amp, which chooses one of both"
        )
