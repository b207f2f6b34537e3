"""Whether a checkpoint is that of a mask generator with the right inputs and of the right round."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

ROUND_KEY = 'lpg_stage'
"""Where the ``meta`` of a generator's checkpoint says in which round it was trained, by its former name."""


def check_generator_checkpoint(
    checkpoint: Mapping[str, Any], *, in_channels: int, rounds: Sequence[int] = (), source: str = 'the checkpoint'
) -> None:
    """Check that a checkpoint is of a generator with these inputs and of one of these rounds.

    Args:
        checkpoint: As mmengine saves it: ``state_dict`` and ``meta``.
        in_channels: ``in_channels`` of the generator that is to load it.
        rounds: The rounds that it may be of, by ``meta['lpg_stage']``; none: any.
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
    found = checkpoint.get('meta', {}).get(ROUND_KEY)
    if rounds and found not in rounds:
        expected = ' or '.join(f'round {number}' for number in rounds)
        raise ValueError(
            f'{source} is the generator of round {found}, expected that of {expected}'
            if found is not None
            else f'{source} does not say of which round it is ({ROUND_KEY!r} in its meta), expected {expected}: '
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
