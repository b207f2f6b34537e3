"""Read the results of a run for a report: scores, curves, labels and important settings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmseg.registry import DATASETS

from .. import __version__
from ..checkpoints.work_dir import MARKER, best_checkpoint, logged_rows, read_marker
from ..datasets.own_data.fingerprint import kinds_of
from ..structures import WeakAnnotations
from ..structures.weak_annotations import KEYS
from .validation_record import ValidationRecord, read_record

Curve = list[tuple[int, float]]
SECONDS_PER_IMAGE = {'tags': 20.0, 'clicks': 22.1, 'scribbles': 34.9, 'masks': 239.7}
"""Median annotation times of an image of PASCAL VOC (Bearman et al., "What's the Point", 2016)."""
SECONDS_PER_BOX = 7.0
"""Annotation time of a box of a known class by extreme clicking (Papadopoulos et al., 2017)."""
NO_SCORES = ('time', 'data_time', 'step')


@dataclass(frozen=True)
class RunFacts:
    """A run.

    Args:
        name: Name of the run on the page.
        folder: Work dir of the run.
        scores: Scores of the last evaluation, by name.
        curves: Logged values by name, each a list of (iteration, value).
        class_scores: Columns of the last table of the log by name, ``Class`` first.
        labels: Number of images, and of the labels that the training reads by kind; empty if its files do not exist.
        hours: Estimate of the annotation time in hours.
        full: Whether it was trained on the full masks of all images.
        settings: Settings that affect the numbers, by name.
        sheet: The picture of photos and predictions, or None.
        validation: Confusions, images and pictures of the last validation, or None.
        tasks: Results of the finished tasks of a training in stages, by stage, such as the share of labelled pixels of
            its pseudo-labels.
    """

    name: str
    folder: Path
    scores: Mapping[str, float]
    curves: Mapping[str, Curve]
    class_scores: Mapping[str, Sequence[str]]
    labels: Mapping[str, int] = field(default_factory=dict)
    hours: float | None = None
    full: bool = False
    settings: Mapping[str, str] = field(default_factory=dict)
    sheet: Path | None = None
    validation: ValidationRecord | None = None
    tasks: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def read_run(folder: Path) -> RunFacts:
    """Read a run; for a training in stages, its last training.

    Args:
        folder: The work dir.

    Raises:
        FileNotFoundError: If the folder does not contain a training.
    """
    name = folder.resolve().name
    tasks = task_results(folder)
    stages = [path.parent for path in sorted(folder.glob(f'*/{MARKER}')) if [*path.parent.glob('*/vis_data')]]
    folder = stages[-1] if stages else folder
    rows = logged_rows(folder)
    configs = sorted(folder.glob('*.py'), key=lambda path: path.stat().st_mtime)
    if not rows or not configs:
        raise FileNotFoundError(f'{folder} has no */vis_data/scalars.json and config: was anything trained there?')
    cfg = Config.fromfile(configs[-1])
    evaluations = [row for row in rows if any(key.endswith(('mIoU', 'mDice')) for key in row)]
    scores = {key: value for key, value in (evaluations or [{}])[-1].items() if key not in NO_SCORES}
    labels, hours = _labels(cfg)
    sheet = folder / 'result_sheet.png'
    return RunFacts(
        name=name,
        folder=folder,
        scores=scores,
        curves=curves_of(rows),
        class_scores=last_table(''.join(path.read_text(errors='replace') for path in sorted(folder.glob('*/*.log')))),
        labels=labels,
        hours=hours,
        full=bool(_dataset(cfg).get('use_dense_masks')) or _dataset(cfg).get('labels') in ('mask', ['mask'], ('mask',)),
        settings=settings_of(cfg, folder),
        sheet=sheet if sheet.is_file() else None,
        validation=read_record(folder),
        tasks=tasks,
    )


def task_results(folder: Path) -> dict[str, dict[str, str]]:
    """Return what the finished tasks of a training in stages returned, by stage; ``labelled`` is the share of pixels.

    The IoU of single classes, which :class:`ScoreLabels` returns, is left out.
    """
    results = {}
    for path in sorted(folder.glob(f'*/{MARKER}')):
        marker = read_marker(path.parent)
        returned = (marker['result'].get('returned') if marker is not None and 'result' in marker else None) or {}
        rows = {key: _result(key, value) for key, value in returned.items() if 'IoU.' not in key}
        if rows:
            results[path.parent.name] = {key.replace('unsure', 'labelled'): text for key, text in rows.items()}
    return results


def _result(key: str, value: Any) -> str:
    if key.rpartition('/')[2] == 'unsure':
        return f'{1 - value:.1%}'
    return f'{value:.2f}' if isinstance(value, float) else str(value)


def curves_of(rows: Sequence[Mapping[str, Any]]) -> dict[str, Curve]:
    """Return the logged values by name.

    Example:
        >>> curves_of([{'loss': 2.0, 'step': 10}, {'loss': 1.0, 'step': 20}, {'mIoU': 40.0, 'step': 20}])
        {'loss': [(10, 2.0), (20, 1.0)], 'mIoU': [(20, 40.0)]}
    """
    curves: dict[str, Curve] = {}
    for row in rows:
        for key, value in row.items():
            if key not in (*NO_SCORES, 'iter', 'epoch', 'memory') and isinstance(value, int | float):
                curves.setdefault(key, []).append((int(row.get('step', 0)), float(value)))
    return curves


def last_table(log: str) -> dict[str, list[str]]:
    r"""Return the columns of the last "per class results" of a log, an empty dict if there are none.

    Example:
        >>> last_table('per class results:\n+---+\n| Class | IoU |\n+---+\n| sky | 74.2 |\n+---+\n')
        {'Class': ['sky'], 'IoU': ['74.2']}
    """
    _, found, text = log.rpartition('per class results')
    if not found:
        return {}
    cells: list[list[str]] = []
    for line in text.splitlines()[1:]:
        if line.startswith('|'):
            cells.append([cell.strip() for cell in line.strip('|').split('|')])
        elif cells and not line.startswith('+'):
            break
    return {title: [row[index] for row in cells[1:]] for index, title in enumerate(cells[0])} if cells else {}


def settings_of(cfg: Config, folder: Path | None) -> dict[str, str]:
    """Return the settings that affect the numbers of a run.

    Args:
        cfg: The config.
        folder: The work dir, whose best checkpoint is named; None before a training.
    """
    model = cfg.model
    decision = model.get('decision') or {}
    starts = _listed(model.get('backbone', {}).get('init_cfg'))
    pretrained = next((start['checkpoint'] for start in starts if start.get('checkpoint')), 'none')
    heads = ', '.join(str(head.get('type')) for head in _listed(model.get('decode_head'))) or 'None'
    metrics = _listed(cfg.get('val_evaluator'))
    crf = _where(decision, metrics, lambda part: (part.get('refiner') or {}).get('type') == 'DenseCRF')
    tags = _where(decision, metrics, lambda part: bool(part.get('known_tags')))
    try:
        checkpoint = 'none' if folder is None else best_checkpoint(folder).name
    except ValueError:
        checkpoint = 'none'
    validated = cfg.get('val_dataloader') is not None
    return {
        'network': f'{model.get("backbone", {}).get("type")} + {heads}',
        'pre-training': Path(str(pretrained)).name,
        'losses': ', '.join(
            f'{name}: {loss.get("type")}'
            + (f' x {loss.loss_weight}' if 'loss_weight' in loss else '')
            + (f' from {loss.start:.0%} on' if loss.get('start') else '')
            + (' with class weights' if loss.get('class_weight') or loss.get('class_frequencies') else '')
            for name, loss in (model.get('losses') or {}).items()
            if loss
        ),
        'iterations': str(cfg.get('train_cfg', {}).get('max_iters', '')),
        'batch': str(cfg.get('train_dataloader', {}).get('batch_size', '')),
        'dense CRF': {'everywhere': 'on', 'nowhere': 'off'}.get(crf, crf),
        'views at inference': '1',
        'image tags at inference': {'everywhere': 'known', 'nowhere': 'not known'}.get(tags, f'known {tags}'),
        'checkpoint': checkpoint,
        'masks used to choose it': 'those of the validation' if checkpoint.startswith('best') and validated else 'none',
        'seed': str(cfg.get('randomness', {}).get('seed', 'none')),
        'mmseg_wsss': __version__,
        'command': f'wsss train {Path(str(cfg.filename)).name}' if cfg.filename else '',
    }


def _where(decision: Any, metrics: Sequence[Any], applies: Callable[[Any], bool]) -> str:
    """Return where something applies: ``'everywhere'``, ``'nowhere'``, or ``'in 1 of 2 metrics'``.

    Args:
        decision: Settings of the decision of the model, which all metrics see.
        metrics: Settings of the metrics, some of which make a new decision.
        applies: Whether settings have it.
    """
    number = sum(map(applies, metrics))
    if applies(decision) or 0 < number == len(metrics):
        return 'everywhere'
    return f'in {number} of {len(metrics)} metrics' if number else 'nowhere'


def _listed(value: Any) -> list[Mapping[str, Any]]:
    """Return one part or several as a list; mmengine allows both."""
    parts = value if isinstance(value, list | tuple) else [value]
    return [part for part in parts if isinstance(part, Mapping)]


def annotation_seconds(labels: WeakAnnotations) -> float:
    """Return an estimate of the time that an annotator needs for an image.

    All kinds of labels need the classes of the image first, which are found once and take as long as tags.

    Example:
        >>> annotation_seconds(WeakAnnotations(tags=(1,)))
        20.0
        >>> annotation_seconds(WeakAnnotations(boxes=((1, 1, 9, 9),), box_labels=(1,)))
        27.0
    """
    kinds = kinds_of(labels)
    classes = SECONDS_PER_IMAGE['tags'] if kinds else 0.0
    more = sum(SECONDS_PER_IMAGE[kind] - classes for kind in kinds if kind in SECONDS_PER_IMAGE)
    return classes + more + SECONDS_PER_BOX * len(labels.boxes)


def _dataset(cfg: Config) -> Mapping[str, Any]:
    settings: Mapping[str, Any] = cfg.get('train_dataloader', {}).get('dataset', {})
    while 'dataset' in settings and 'pipeline' not in settings:
        settings = settings['dataset']
    return settings


def _kinds(cfg: Config) -> set[str]:
    """Return the kinds of labels that the pipeline of the training reads."""
    steps = [step for step in _dataset(cfg).get('pipeline', ()) if step.get('type') == 'LoadWeakAnnotations']
    kinds = set(steps[0].get('kinds') or KEYS) if steps else set(KEYS)
    return kinds | set((steps[0].get('tags_from') or ()) if steps else ())


def _labels(cfg: Config) -> tuple[dict[str, int], float | None]:
    """Count the labels that the training reads; empty if its data can no longer be built."""
    try:
        dataset = DATASETS.build({**_dataset(cfg), 'pipeline': []})
        kinds = _kinds(cfg)
        counts, seconds = Counter[str](images=len(dataset)), 0.0
        predicted = any(source['format'] == 'pseudo_labels' for source in getattr(dataset, 'weak_labels', None) or ())
        for index in range(len(dataset)):  # one by one: label sets in Arrow may have millions
            labels: WeakAnnotations = dataset.get_data_info(index)['weak_annotations'].select(kinds)
            counts['clicks'] += len(labels.points)
            counts['scribbles'] += len(labels.polylines)
            counts['boxes'] += len(labels.boxes)
            counts['images with tags'] += labels.tags is not None
            counts['dense masks'] += labels.mask_path is not None
            counts['images without a label'] += not kinds_of(labels)
            seconds += annotation_seconds(labels)
    except (OSError, ValueError, KeyError, TypeError):
        return {}, None
    found = {name: count for name, count in counts.items() if count}
    return found, None if predicted else seconds / 3600  # an annotator did not draw pseudo-labels
