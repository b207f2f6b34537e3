"""An HTML page about one or several runs, which contains all pictures."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import cv2
import jinja2
import matplotlib as mpl
from markupsafe import Markup
from matplotlib.figure import Figure

from .run_comparison import class_score, compare_runs, percent, two_digits

TEMPLATE = Path(__file__).with_name('run_page.html')
SHEET_QUALITY = 85


class Run(Protocol):
    """The parts of a run that a page shows; see ``RunFacts``."""

    name: str
    scores: Mapping[str, float]
    curves: Mapping[str, Sequence[tuple[int, float]]]
    class_scores: Mapping[str, Sequence[str]]
    labels: Mapping[str, int]
    settings: Mapping[str, str]
    full: bool
    sheet: Path | None
    validation: Any
    tasks: Mapping[str, Mapping[str, str]]


def run_page(runs: Sequence[Any], title: str) -> str:
    """Return a page about runs. If one was trained on full masks, the others are also given as shares of it.

    Args:
        runs: One or more, see :class:`Run`.
        title: Title of the page.
    """
    compared = compare_runs(runs)
    class_names = [row.name for row in compared.classes]
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(TEMPLATE.read_text(encoding='utf-8')).render(
        title=title,
        runs=runs,
        score_names=[row.name for row in compared.scores],
        compared=compared,
        weak_runs=compared.weak(runs),
        class_names=class_names,
        percent=percent,
        two_digits=two_digits,
        bars=Markup(class_bars(runs, class_names)) if class_names else '',
        label_names=_union(run.labels for run in runs),
        curves=Markup(draw_curves(runs)),
        setting_names=_union(run.settings for run in runs),
        confusions=[(run.name, confusion_rows(run.validation)) for run in runs if run.validation is not None],
        tasks=[(run.name, stage, results) for run in runs for stage, results in run.tasks.items()],
        examples=[(run.name, pictures) for run in runs if (pictures := _examples(run.validation))],
        sheets=[(run.name, embedded(run.sheet)) for run in runs if run.sheet is not None],
    )


def confusion_rows(validation: Any) -> list[tuple[str, int, list[tuple[float, int]]]]:
    """Return a row for each true class: its name, its number of pixels, and share and pixels of each predicted class.

    Args:
        validation: A validation with ``classes`` and ``confusion``, see ``ValidationRecord``.

    Example:
        >>> from types import SimpleNamespace
        >>> confusion_rows(SimpleNamespace(classes=['sky', 'sea'], confusion=[[3, 1], [0, 0]]))
        [('sky', 4, [(0.75, 3), (0.25, 1)]), ('sea', 0, [(0.0, 0), (0.0, 0)])]
    """
    rows = []
    for name, counts in zip(validation.classes, validation.confusion, strict=True):
        total = sum(counts)
        rows.append((name, total, [(count / max(1, total), count) for count in counts]))
    return rows


def _examples(validation: Any) -> list[tuple[str, str, float, tuple[str, str]]]:
    """Return end, name, score and embedded picture of the worst and best images of a validation."""
    pictures = validation.pictures if validation is not None else ()
    return [(picture.end, picture.name, picture.score, embedded(picture.path)) for picture in pictures]


def draw_curves(runs: Sequence[Any]) -> str:
    """Draw losses and scores over the iterations, as SVG."""
    figure = Figure(figsize=(11, 3.6), layout='constrained')
    losses, scores = figure.subplots(1, 2)
    for number, run in enumerate(runs):
        for key, points in run.curves.items():
            name = key.rpartition('/')[2]
            axes = losses if name.startswith('loss') else scores if name in ('mIoU', 'mDice', 'mIoU_subset') else None
            if axes is not None:
                style = {'color': f'C{number}', 'linewidth': 1.8 if name in ('loss', 'mIoU') else 0.8}
                marker = 'o' if axes is scores else None
                axes.plot(*zip(*points, strict=True), label=f'{run.name}: {key}', marker=marker, markersize=3, **style)
    for axes, title in ((losses, 'losses'), (scores, 'validation, %')):
        axes.set(title=title, xlabel='iteration')
        if axes.lines:
            axes.legend(fontsize='x-small')
    return _svg(figure)


def class_bars(runs: Sequence[Any], class_names: Sequence[str]) -> str:
    """Draw the IoU of every class, a bar for each run, as SVG."""
    figure = Figure(figsize=(11, 0.6 + 0.32 * len(class_names) * max(1, len(runs)) ** 0.5), layout='constrained')
    axes = figure.subplots()
    height = 0.8 / len(runs)
    for number, run in enumerate(runs):
        values = [class_score(run.class_scores, name) or 0.0 for name in class_names]
        places = [index + (number - (len(runs) - 1) / 2) * height for index in range(len(class_names))]
        axes.barh(places, values, height=height, label=run.name, color=f'C{number}')
    axes.set_yticks(range(len(class_names)), class_names)
    axes.invert_yaxis()
    axes.set(xlabel='IoU, %', xlim=(0, 100))
    axes.legend(fontsize='x-small')
    return _svg(figure)


def embedded(path: Path) -> tuple[str, str]:
    """Return the kind of a picture and its bytes in base64, as JPEG where that is smaller."""
    content = path.read_bytes()
    picture = cv2.imread(str(path))
    if picture is not None:
        good, smaller = cv2.imencode('.jpg', picture, [cv2.IMWRITE_JPEG_QUALITY, SHEET_QUALITY])
        if good and smaller.nbytes < len(content):
            return 'jpeg', base64.b64encode(smaller.tobytes()).decode()
    return path.suffix.lstrip('.').replace('jpg', 'jpeg'), base64.b64encode(content).decode()


def _svg(figure: Figure) -> str:
    buffer = io.StringIO()
    with mpl.rc_context({'svg.hashsalt': 'wsss', 'svg.fonttype': 'none'}):
        figure.savefig(buffer, format='svg', metadata={'Date': None})
    text = buffer.getvalue()
    return text[text.index('<svg') :]


def _union(mappings: Any) -> list[str]:
    """Return the keys of all mappings, in the order of their first occurrence."""
    return list(dict.fromkeys(key for mapping in mappings for key in mapping))
