"""The background of heads that learn the foreground alone."""

import torch
from torch import Tensor, nn


def learn_foreground_alone(conv_seg: nn.Conv2d, num_classes: int, head: str) -> nn.Conv2d:
    """Return a classifier like ``conv_seg`` of ``num_classes - 1`` channels.

    Raises:
        ValueError: If the background is the only class.
    """
    if num_classes < 2:
        raise ValueError(f'{head}: num_classes counts the background, so it is at least 2, got {num_classes}')
    return nn.Conv2d(conv_seg.in_channels, num_classes - 1, kernel_size=1)


def with_constant_background(logits: Tensor, value: float) -> Tensor:
    """Put a channel of ``value`` before the foreground logits: (B, C-1, H, W) -> (B, C, H, W)."""
    return torch.cat([torch.full_like(logits[:, :1], value), logits], dim=1)
