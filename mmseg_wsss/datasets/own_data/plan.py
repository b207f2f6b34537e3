"""Choose a recipe and its variables from the contents of a data set: pure decisions, each with its reason.

The rules are those of a practitioner: photos are shrunk as far as small objects remain visible, crops are half of a
photo, and a training sees every image about forty times.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .fingerprint import Fingerprint

SMALL_OBJECT = 12
"""Pixels that the side of a small object should keep."""
MUCH = 6
"""Photos that are shrunk more often than this may lose their objects."""
STEP = 32
"""Sides are multiples of this."""


@dataclass(frozen=True)
class Machine:
    """The hardware that a training may use.

    Args:
        gpu_memory: Memory of the GPU in GiB; None without a GPU.
    """

    gpu_memory: float | None = None

    @property
    def name(self) -> str:
        """The part of the name of a recipe that stands for this hardware."""
        return 'cpu' if self.gpu_memory is None else 'gpu'


@dataclass(frozen=True)
class Limits:
    """The range of values for which a recipe was tried."""

    scale: tuple[int, int]
    usual_scale: int
    crop: tuple[int, int]
    iterations: tuple[int, int]
    epochs: int


LIMITS = {
    'cpu': Limits(scale=(128, 1024), usual_scale=320, crop=(96, 192), iterations=(600, 3000), epochs=40),
    'gpu': Limits(scale=(256, 2048), usual_scale=1024, crop=(224, 512), iterations=(4000, 40000), epochs=100),
}


@dataclass(frozen=True)
class Plan:
    """A recipe of ``configs/own_data``, its variables, and the reasons for them.

    Args:
        recipe: Name of the recipe.
        variables: The variables of the config by name, in the order in which they are written.
        reasons: One line for each decision.
    """

    recipe: str
    variables: Mapping[str, Any]
    reasons: tuple[str, ...]


def make_plan(found: Fingerprint, machine: Machine) -> Plan:
    """Choose recipe, sizes and length.

    Args:
        found: Contents of the data set.
        machine: The available hardware.
    """
    limits = LIMITS[machine.name]
    kind, why_kind = choose_kind(found.kinds, found.alone)
    scale, why_scale = choose_scale(found, limits)
    crop = rounded(min(max(scale / 2, limits.crop[0]), limits.crop[1], scale))
    batch = choose_batch(found.num_train, machine)
    iterations = choose_iterations(found.num_train, batch, limits)
    place = 'no GPU is here' if machine.gpu_memory is None else f'a GPU of {machine.gpu_memory:.0f} GiB is here'
    reasons = [
        f'recipe {kind}_{machine.name}: {why_kind}, and {place}',
        f'scale {scale}: {why_scale}',
        f'crop {crop}: half of a photo, within {limits.crop[0]} and {limits.crop[1]}, and not larger than it',
        f'batch {batch}, iterations {iterations}: {found.num_train} training images, each seen some '
        f'{round(iterations * batch / max(1, found.num_train))} times',
        describe_shares(found),
    ]
    variables: dict[str, Any] = {'iterations': iterations, 'batch': batch, 'crop': crop, 'scale': scale}
    window = 512 if machine.gpu_memory is None else 1024
    if scale > window:
        variables['window'] = window
        reasons.append(f'window {window}: larger photos are predicted in overlapping windows')
    return Plan(f'{kind}_{machine.name}', variables, tuple(reasons))


def choose_kind(kinds: Mapping[str, int], alone: Mapping[str, int]) -> tuple[str, str]:
    """Return the kind of recipe and the reason.

    Args:
        kinds: Number of images with each kind of label.
        alone: Number of images that have only this kind of label.

    Raises:
        ValueError: If nothing is labelled.

    Example:
        >>> choose_kind({'clicks': 40}, {'clicks': 40})
        ('clicks', 'the labels are clicks on 40 images')
        >>> choose_kind({'boxes': 9, 'tags': 5}, {'boxes': 4})[0]
        'mix'
    """
    there = {kind: number for kind, number in kinds.items() if number}
    if not there:
        raise ValueError('no image has a label: nothing can be learned')
    listed = ', '.join(f'{kind} on {number} images' for kind, number in there.items())
    if set(there) <= {'boxes', 'tags'} and 'boxes' in there and alone.get('tags', 0) == 0:
        mixed = 'tags' in there and alone.get('boxes', 0) > 0
        return ('mix' if mixed else 'boxes'), f'the labels are {listed}'
    if set(there) == {'tags'}:
        return 'tags', f'the labels are {listed}'
    if set(there) <= {'clicks', 'scribbles', 'masks'}:
        return 'clicks', f'the labels are {listed}'
    return 'mix', f'the labels are {listed}, each used by the losses that can'


def choose_scale(found: Fingerprint, limits: Limits) -> tuple[int, str]:
    """Return the longer side of the resized photos and the reason; photos are not enlarged."""
    longer = max(found.size)
    wanted, why = float(limits.usual_scale), f'photos have {longer} pixels on the longer side'
    if found.object_share:
        needed = SMALL_OBJECT / found.object_share
        wanted = max(wanted, needed)
        why += f', small objects {found.object_share * longer:.0f}'
        if needed > limits.usual_scale:
            why += f', of which {SMALL_OBJECT} should be left'
    wanted = min(max(wanted, limits.scale[0]), limits.scale[1])
    scale = longer if wanted >= longer else rounded(wanted)
    why += f'; between {limits.scale[0]} and {limits.scale[1]}, and not enlarged'
    if longer >= MUCH * scale:
        why += f'. They are shrunk {longer / scale:.0f} times: cut them into tiles if that hides the objects'
    return scale, why


def choose_batch(num_train: int, machine: Machine) -> int:
    """Return the batch size: 8, or 4 to 16 depending on the memory of the GPU; at most the number of images."""
    batch = 8 if machine.gpu_memory is None else int(min(max(machine.gpu_memory // 1.5, 4), 16))
    return max(2, min(batch, num_train))


def choose_iterations(num_train: int, batch: int, limits: Limits) -> int:
    """Return the length of the training, in steps of 100 iterations."""
    wanted = limits.epochs * num_train / batch
    return round(min(max(wanted, limits.iterations[0]), limits.iterations[1]) / 100) * 100


def describe_shares(found: Fingerprint) -> str:
    """Return why classes are weighted, which every recipe for clicks, scribbles and masks does."""
    shares = {name: share for name, share in zip(found.classes, found.shares, strict=True) if share}
    if not shares:
        return 'classes weighted by their shares in each batch'
    name, largest = max(shares.items(), key=lambda item: item[1])
    if len(shares) == 1:
        return f'all labelled pixels are of the class {name}; classes weighted by their shares in each batch'
    rare, smallest = min(reversed(shares.items()), key=lambda item: item[1])
    return (
        f'classes weighted by their shares in each batch: {name} has {largest:.2g} of the labelled pixels, {rare} '
        f'{smallest:.2g}'
    )


def rounded(side: float) -> int:
    """Return the nearest multiple of 32, at least one.

    Example:
        >>> rounded(150), rounded(3)
        (160, 32)
    """
    return max(1, round(side / STEP)) * STEP
