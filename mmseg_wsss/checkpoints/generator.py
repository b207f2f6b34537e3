"""Whether a checkpoint is that of a mask generator with the right inputs and of the right stage."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

STAGE_KEY = 'lpg_stage'
"""Where the ``meta`` of a generator's checkpoint says which stage it was trained in."""


def check_generator_checkpoint(
    checkpoint: Mapping[str, Any], *, in_channels: int, stage: int | None = None, source: str = 'the checkpoint'
) -> None:
    """Check that a checkpoint is of a generator with these inputs and of this stage.

    Args:
        checkpoint: As mmengine saves it: ``state_dict`` and ``meta``.
        in_channels: ``in_channels`` of the generator that is to load it.
        stage: Which stage it must be of, by ``meta['lpg_stage']``; None: any.
        source: Names it in messages.

    Raises:
        ValueError: With what was expected and what came.

    Example:
        >>> import torch
        >>> weights = {'backbone.conv1.weight': torch.zeros(8, 4, 3, 3)}
        >>> check_generator_checkpoint({'state_dict': weights}, in_channels=4)
    """
    weights = {key: x for key, x in checkpoint.get('state_dict', {}).items() if key.startswith('backbone.')}
    if not weights:
        raise ValueError(f'{source} is no checkpoint of a MaskGenerator: it has no weight of a backbone')
    check_channels(weights, in_channels, source)
    found = checkpoint.get('meta', {}).get(STAGE_KEY)
    if stage is not None and found != stage:
        raise ValueError(
            f'{source} is the generator of stage {found}, expected that of stage {stage}'
            if found is not None
            else f'{source} does not say of which stage it is ({STAGE_KEY!r} in its meta), expected stage {stage}: '
            'was it trained with LPGStageHook?'
        )


def check_channels(weights: Mapping[str, Any], expected: int, source: str) -> None:
    """Compare the first convolution, the first weight of four axes, with the number of input channels."""
    first = next((x for x in weights.values() if getattr(x, 'ndim', 0) == 4), None)
    if first is not None and first.shape[1] != expected:
        kinds = {4: 'without the probability of the class', 5: 'with it'}
        raise ValueError(
            f'{source} holds a generator of {first.shape[1]} input channels ({kinds.get(first.shape[1], "unknown")}), '
            f'expected {expected} ({kinds.get(expected, "unknown")}): set use_probability to fit, or take another file'
        )
