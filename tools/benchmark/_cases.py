"""What is measured, and the least that it has to compute and to move.

The work is operations in float32, and bytes to and from memory where every tensor is float32 and read or written once,
of value and gradient (PAMR: of the refined masks). Softmax and its backward pass, which are measured with the losses,
are not counted, so that the fraction of the roofline is a lower bound.
"""

from __future__ import annotations

import re
from typing import NamedTuple

DILATIONS = (1, 2, 4, 8, 12, 24)
PAMR_ITERATIONS = 10
_NUMBER = '([1-9][0-9]*)'
# What follows the shape, per op.
_REACHES = {
    'gated_crf': _NUMBER,
    'pamr': f'([1-{len(DILATIONS)}])(?::{_NUMBER})?',
    'feature_similarity': f'(?:{_NUMBER}|all)',
}


class Case(NamedTuple):
    """An op, the shape (B, C, H, W) of its probabilities or masks, and how far it looks."""

    op: str
    shape: tuple[int, int, int, int]
    reach: int | None  # None: all
    present: int | None = None  # channels of PAMR that are not 0; None: all, and the op is not told

    @classmethod
    def parse(cls, text: str) -> Case:
        """Read OP:BxCxHxW:REACH or pamr:BxCxHxW:REACH:PRESENT.

        Raises:
            ValueError: If it is not of that form.
        """
        op, _, rest = text.partition(':')
        match = (
            re.fullmatch(f'{_NUMBER}x{_NUMBER}x{_NUMBER}x{_NUMBER}:{_REACHES[op]}', rest) if op in _REACHES else None
        )
        if match is None:
            raise ValueError(
                'a case is OP:BxCxHxW:REACH, such as gated_crf:8x21x64x64:5, of positive integers, with up to '
                f'{len(DILATIONS)} dilations for pamr and then :PRESENT if not all channels are, got {text}'
            )
        batch, channels, height, width, reach, *present = (number and int(number) for number in match.groups())
        if present and (present[0] or 0) > channels:
            raise ValueError(f'no more than all {channels} channels can be present, got {text}')
        return cls(op, (batch, channels, height, width), reach, *present)

    def __str__(self) -> str:
        last = '' if self.present is None else f':{self.present}'
        return f'{self.op}:{"x".join(map(str, self.shape))}:{self.reach or "all"}{last}'


def work(case: Case) -> tuple[int, int]:
    """Return operations and bytes.

    - Gated CRF, per pixel and neighbour: 2 C for the sums, 12 for the kernel; probabilities, gradient, three
      colours and two gates.
    - PAMR, per pixel and neighbour: 12 for the weight, once, and 2 C in each iteration; image and weights once, and
      weights, masks in and masks out in each iteration.
    - Feature similarity, per two pixels: 9 for the affinity and 2 C for the sum of either; probabilities, gradient and
      three colours.
    """
    batch, channels, height, width = case.shape
    pixels = batch * height * width
    if case.op == 'gated_crf':
        pairs = pixels * ((2 * (case.reach or 0) + 1) ** 2 - 1)
        return pairs * (2 * channels + 12), 4 * pixels * (2 * channels + 5)
    if case.op == 'pamr':
        channels, neighbours = case.present or channels, 8 * (case.reach or 0)
        flops = pixels * neighbours * (12 + PAMR_ITERATIONS * 2 * channels)
        return flops, 4 * pixels * (3 + neighbours + PAMR_ITERATIONS * (2 * channels + neighbours))
    pairs = batch * _ordered_pairs(height, width, case.reach) // 2
    return pairs * (9 + 4 * channels), 4 * pixels * (2 * channels + 3)


def roofline(case: Case, seconds: float, peak_tflops: float, peak_tbps: float) -> float:
    """Return the least time for the work at the peaks of a machine as a fraction of ``seconds``."""
    flops, moved = work(case)
    return max(flops / (peak_tflops * 1e12), moved / (peak_tbps * 1e12)) / seconds


def _ordered_pairs(height: int, width: int, radius: int | None) -> int:
    """Count pairs of two different pixels no further apart than ``radius``, both ways round."""
    return sum(
        (height - abs(y)) * (width - abs(x))
        for y in range(1 - height, height)
        for x in range(1 - width, width)
        if (y, x) != (0, 0) and (radius is None or y * y + x * x <= radius * radius)
    )
