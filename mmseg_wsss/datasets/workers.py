"""Worker processes of one machine, for everything that is made image by image.

A network on the CPU, a dense CRF and GrabCut then run for several images at once, and every worker writes the files of
its images. Several machines or GPUs are used by a launcher, which divides the images among its processes; each may have
workers. The results do not depend on the numbers of either.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import cv2
import torch
from mmengine.dist import is_main_process
from rich.console import Console
from rich.progress import track
from torch.utils.data import DataLoader, Dataset

from ..functional.checks import check_integer

Item = TypeVar('Item')
Made = TypeVar('Made')


@dataclass(frozen=True, kw_only=True)
class WorkerSettings:
    """In how many processes images are labelled.

    Args:
        workers: The number of worker processes; 1 labels all images in this process, 0 means one worker for each core.
            The files do not depend on it.

    Raises:
        ValueError: If the number is not a non-negative integer.
    """

    workers: int = 1

    def __post_init__(self) -> None:
        check_integer(self.workers, 'workers', least=0)


class Tally(Protocol):
    """Something that counts while images are made, in whatever process they are made."""

    def take(self) -> Any:
        """Return what was counted, and start again at nothing."""

    def give(self, taken: Any) -> None:
        """Add what another process has taken."""


@dataclass
class Total:
    """A :class:`Tally` of one number."""

    value: int = 0

    def take(self) -> int:
        """Return the number, and start again at 0."""
        taken, self.value = self.value, 0
        return taken

    def give(self, taken: int) -> None:
        """Add a number."""
        self.value += taken


def each(
    call: Callable[[Item], Made],
    items: Sequence[Item],
    *,
    workers: int = 1,
    title: str = '',
    tally: Tally | None = None,
    gpu: bool = True,
) -> Iterator[Made]:
    """Yield the results of calls in order, under a progress bar.

    Workers are forked, so that they share the memory of the network, and end when this process is killed, within a few
    seconds. Each computes with one thread.

    Args:
        call: Called with each item; its result is sent to this process, so it is small and has no tensors.
        items: The items.
        workers: Same as in :class:`WorkerSettings`.
        title: Title of the progress bar.
        tally: What ``call`` counts in addition to its result.
        gpu: Whether calls use the GPU of this process if it uses one.

    Raises:
        ValueError: If there are several workers whose calls use the GPU of this process, which forked processes cannot
            use.

    Example:
        >>> list(each(abs, [-1, 2, -3], workers=2))
        [1, 2, 3]
    """
    count = min(workers or _cores(), len(items))
    forks = 'fork' in multiprocessing.get_all_start_methods()
    if count < 2 or not forks:
        made: Iterable[Made] = map(call, items)
    elif gpu and torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        raise ValueError(
            f'workers={workers}: worker processes cannot use the GPU of this process: use 1, and a launcher with one '
            'process for each GPU'
        )
    else:
        made = _by_workers(call, items, count, tally)
    yield from progress(made, title, len(items))


def progress(items: Iterable[Made], title: str, total: int | None = None) -> Iterable[Made]:
    """Show a progress bar on the terminal of the first process, which disappears at the end."""
    terminal = Console(stderr=True)
    return track(
        items,
        title,
        total=total,
        console=terminal,
        transient=True,
        disable=not (is_main_process() and terminal.is_terminal),
    )


def _by_workers(call: Callable[[Item], Made], items: Sequence[Item], count: int, tally: Tally | None) -> Iterator[Made]:
    # data workers end when this process is killed, unlike those of an executor
    with warnings.catch_warnings():
        warnings.filterwarnings('ignore', 'This DataLoader will create')  # more workers than cores may be wanted
        loader: DataLoader[Any] = DataLoader(
            _Calls(call, items, tally),
            batch_size=None,
            num_workers=count,
            collate_fn=_same,
            worker_init_fn=_start,
            multiprocessing_context='fork',
            generator=torch.Generator(),  # the random state of this process does not change
        )
        results: Any = iter(loader)
    try:
        for made, taken, error in results:
            if error is not None:
                raise error
            if tally is not None:
                tally.give(taken)
            yield made
    finally:  # a process that is forked later would inherit them, and wait for workers that are not its own
        results._shutdown_workers()


class _Calls(Dataset[Any]):
    """Results of calls, with what they counted; errors are results, too, so that they keep their message."""

    def __init__(self, call: Callable[[Item], Any], items: Sequence[Item], tally: Tally | None) -> None:
        self.call = call
        self.items = items
        self.tally = tally
        self.started = False

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> tuple[Any, Any, Exception | None]:
        if self.tally is not None and not self.started:
            self.tally.take()  # what was counted before the fork is kept by the process that counted it
        self.started = True
        try:
            made = self.call(self.items[index])
        except Exception as error:
            return None, None, _sendable(error)
        return made, None if self.tally is None else self.tally.take(), None


def _sendable(error: Exception) -> Exception:
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # whatever the class of the error raises when it is copied
        return RuntimeError(f'{type(error).__name__}: {error}')
    return error


def _start(worker: int) -> None:
    cv2.setNumThreads(0)  # threads of the process that was forked do not exist here


def _same(value: Any) -> Any:
    return value


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count() or 1
