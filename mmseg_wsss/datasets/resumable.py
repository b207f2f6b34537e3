"""Data that is the same in a resumed run: the n-th sample of a rank is drawn with the n-th seed.

A worker process draws crops and flips from global random states that no checkpoint holds. Here the sampler hands out
``(index, seed)``, with the seed made from (run seed, rank, position), and the outermost data set seeds numpy, random
and torch with it before loading. A sample then depends on the position alone, not on workers or interruptions.
"""

import itertools
import random
from collections.abc import Iterator, Sized
from typing import Any

import numpy as np
import torch
from mmengine.dataset import BaseDataset, InfiniteSampler
from mmseg.registry import DATA_SAMPLERS, DATASETS

SeededIndex = tuple[int, int]


def seed_everything(*entropy: int) -> None:
    """Seed random, numpy and torch from a sequence of non-negative integers."""
    first, second = np.random.SeedSequence(entropy).generate_state(2, np.uint32)
    random.seed(int(first))
    np.random.seed(first)
    torch.manual_seed(int(second))


def derive_seed(*entropy: int) -> int:
    """Return one 32-bit seed for a sequence of non-negative integers."""
    return int(np.random.SeedSequence(entropy).generate_state(1, np.uint32)[0])


@DATA_SAMPLERS.register_module()
class ResumableInfiniteSampler(InfiniteSampler):
    """mmengine's ``InfiniteSampler`` whose items are ``(index, seed of this position)``.

    The data set must accept such items: ``WeakSegDataset`` and ``ShapesDataset`` do, and ``SeededDataset`` wraps any
    other one.

    Args:
        dataset: The data set to draw from.
        *args: Other positional arguments of ``InfiniteSampler``.
        **kwargs: Other keyword arguments of ``InfiniteSampler``.

    Raises:
        TypeError: If the data set does not accept such items.
    """

    _skipped = 0

    def __init__(self, dataset: Sized, *args: Any, **kwargs: Any) -> None:
        if not isinstance(dataset, (SeededItems, SeededDataset)):
            raise TypeError(
                f'ResumableInfiniteSampler asks for items by (index, seed), which {type(dataset).__name__} does not '
                "support: wrap it as dataset=dict(type='SeededDataset', dataset=dict(...))"
            )
        super().__init__(dataset, *args, **kwargs)

    def __iter__(self) -> Iterator[SeededIndex]:
        """Yield the index and its seed, on and on."""
        indices = itertools.islice(self._indices_of_rank(), self._skipped, None)
        for position, index in enumerate(indices, start=self._skipped):
            yield index, derive_seed(self.seed, self.rank, position)

    def skip(self, num_samples: int) -> None:
        """Start at this position of the rank's stream; called by mmengine when a run is resumed."""
        if num_samples < 0:
            raise ValueError(f'num_samples must not be negative, got {num_samples}')
        self._skipped = num_samples


def _seeded(item: int | SeededIndex) -> int:
    if isinstance(item, tuple):
        item, seed = item
        seed_everything(seed)
    return item


class SeededItems:
    """Mixin for a data set: an item may be asked for as ``(index, seed)``."""

    def __getitem__(self, item: int | SeededIndex) -> Any:
        """Seed everything if a seed came along, then load."""
        return super().__getitem__(_seeded(item))  # type: ignore[misc]  # of the data set, the next base


@DATASETS.register_module()
class SeededDataset:
    """Wraps any data set (``ConcatDataset``, ``RepeatDataset``, a plain mmseg one) for ``ResumableInfiniteSampler``.

    Args:
        dataset: The data set or its config.
    """

    def __init__(self, dataset: BaseDataset | dict[str, Any]) -> None:
        self.dataset = DATASETS.build(dataset) if isinstance(dataset, dict) else dataset
        self.metainfo = self.dataset.metainfo

    def __getitem__(self, item: int | SeededIndex) -> Any:
        """Seed everything if a seed came along, then load."""
        return self.dataset[_seeded(item)]

    def __len__(self) -> int:
        return len(self.dataset)

    def full_init(self) -> None:
        """Initialise the wrapped data set."""
        self.dataset.full_init()
