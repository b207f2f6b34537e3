"""Scores of several runs side by side, and as shares of those of a run on full masks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MAIN_SCORES = ('mIoU', 'mIoU_subset', 'mDice', 'aAcc', 'mAcc', 'contour_F')


@dataclass(frozen=True)
class ComparedScore:
    """One score of all runs.

    Args:
        name: The score, or the class.
        values: Its value in percent in each run; None where a run does not have it.
        shares: For each run other than the one on full masks, its value divided by that of the run on full masks; None
            where one of them is missing, or the full one is 0. Empty without such a run.
    """

    name: str
    values: tuple[float | None, ...]
    shares: tuple[float | None, ...]


@dataclass(frozen=True)
class Comparison:
    """Scores and classes of several runs.

    Args:
        full: Position of the run on full masks, or None.
        scores: The scores that at least one run has.
        classes: The same for each class.
    """

    full: int | None
    scores: tuple[ComparedScore, ...]
    classes: tuple[ComparedScore, ...]

    def weak(self, runs: Sequence[Any]) -> list[Any]:
        """Return the runs that have a share: all but the one on full masks, without it none."""
        return [] if self.full is None else [run for place, run in enumerate(runs) if place != self.full]


def compare_runs(runs: Sequence[Any]) -> Comparison:
    """Compare runs with the first of them that was trained on full masks.

    .. math:: share = score_{weak} / score_{full}

    Args:
        runs: The runs, with ``full``, ``scores`` and ``class_scores`` of ``RunFacts``.

    Example:
        >>> from types import SimpleNamespace as Run
        >>> weak = Run(full=False, scores={'mIoU': 40.0}, class_scores={})
        >>> full = Run(full=True, scores={'mIoU': 50.0}, class_scores={})
        >>> compare_runs([weak, full]).scores[0].shares
        (0.8,)
    """
    full = next((place for place, run in enumerate(runs) if run.full), None)
    names = sorted(dict.fromkeys(name for run in runs for name in run.scores), key=_place)
    class_names = dict.fromkeys(name for run in runs for name in run.class_scores.get('Class', ()))
    rows = {name: [run.scores.get(name) for run in runs] for name in names}
    classes = {name: [class_score(run.class_scores, name) for run in runs] for name in class_names}
    return Comparison(
        full,
        tuple(_compared(name, values, full) for name, values in rows.items()),
        tuple(_compared(name, values, full) for name, values in classes.items()),
    )


def class_score(columns: Mapping[str, Sequence[str]], name: str) -> float | None:
    """Return the IoU of a class, or the first other score in the table; None if it is not there.

    Args:
        columns: Columns of the table by title, ``Class`` first, with numbers as text.
        name: The class.

    Example:
        >>> class_score({'Class': ['sky'], 'Acc': ['80.1'], 'IoU': ['74.2']}, 'sky')
        74.2
    """
    key = 'IoU' if 'IoU' in columns else next((title for title in columns if title != 'Class'), None)
    names = list(columns.get('Class', ()))
    if key is None or name not in names:
        return None
    try:
        value = float(columns[key][names.index(name)])
    except ValueError:
        return None
    return value if value == value else None


def percent(value: float | None) -> str:
    """Return a share as text, such as ``79.0 %``; empty for None."""
    return '' if value is None else f'{100 * value:.1f} %'


def two_digits(value: float | None) -> str:
    """Return a score as text; empty for None."""
    return '' if value is None else f'{value:.2f}'


def _compared(name: str, values: Sequence[float | None], full: int | None) -> ComparedScore:
    if full is None:
        return ComparedScore(name, tuple(values), ())
    whole = values[full]
    others = [value for place, value in enumerate(values) if place != full]
    shares = tuple(None if value is None or not whole else value / whole for value in others)
    return ComparedScore(name, tuple(values), shares)


def _place(name: str) -> tuple[int, str]:
    short = name.rpartition('/')[2]
    return (MAIN_SCORES.index(short) if short in MAIN_SCORES else len(MAIN_SCORES), name)
