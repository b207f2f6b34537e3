"""``wsss check``: would a training with these labels, or with this config, run and learn something?"""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmseg.registry import DATASETS

from ..datasets.audit import LabelAudit
from ..datasets.findings import ERROR, NOTE, WARNING, Finding
from ..datasets.formats.pseudo_labels import is_pseudo_labels
from ..datasets.picture_loading import decode, image_loader
from ..datasets.weak_seg_dataset import WeakSegDataset
from ..datasets.workers import progress
from ..engine.overrides import parse_overrides
from ..engine.preflight import audited_datasets
from ..engine.setting_faults import describe_fault
from ..files import whole_file
from ._arguments import add_cfg_options
from ._labels import suffix_in

FAULTS = (ValueError, TypeError, KeyError, AttributeError, ImportError, OSError, AssertionError)
"""Errors that are raised when data and models are built with wrong settings or files."""
UNCHECKED = ('WeakSegDataset', 'CityPersonsDataset', 'InriaDataset')
"""Data sets that can list their images without checking them, with ``check_images=False``."""


@dataclass
class Report:
    """Result of a check.

    Args:
        source: The file that was checked.
        summary: Summary of its contents.
        audits: Audits of the labels, by part of the config.
        findings: Problems that were found.
        shares: Share of each class among the labels.
    """

    source: str
    summary: str = ''
    audits: dict[str, LabelAudit] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    shares: list[float] = field(default_factory=list)

    def of_level(self, level: str) -> list[str]:
        """Return the findings of a level."""
        return list(dict.fromkeys(str(finding) for finding in self.findings if finding.level == level))

    def lines(self) -> Iterator[str]:
        """Yield the lines to print."""
        fine = not self.of_level(ERROR) and not self.of_level(WARNING)
        yield f'{self.source}{" is fine" if fine else ""}{f": {self.summary}" if self.summary else ""}'
        for name, audit in self.audits.items():
            if not audit.evaluation:
                yield from (
                    (f'{name}: {audit.source}', *(f'  {line}' for line in audit.table())) if name else audit.table()
                )
        if self.shares:
            text = ', '.join(f'{share:.4g}' for share in self.shares)
            yield f'shares of the classes among the labels (class_frequencies of PartialCrossEntropyLoss): {text}'
        for level in (ERROR, WARNING, NOTE):
            yield from (f'{level.upper()}: {text}' for text in self.of_level(level))
        if not fine:
            yield f'{len(self.of_level(ERROR))} errors, {len(self.of_level(WARNING))} warnings'

    def content(self, status: int) -> dict[str, Any]:
        """Return the same information for scripts."""
        levels = {f'{level}s': self.of_level(level) for level in (ERROR, WARNING, NOTE)}
        return {'source': self.source, 'exit_status': status, **levels, 'data': {
            name or 'labels': {
                'source': audit.source,
                'images': audit.counts.num_images,
                'images_without_labels': audit.counts.unlabelled,
                'labels': {
                    kind: dict(zip(audit.counts.classes, audit.counts.labels[kind].tolist(), strict=True))
                    for kind in audit.counts.kinds
                },
                'pipeline': {kind: list(audit.reach(kind)) for kind in audit.counts.kinds},
                'losses': {kind: list(audit.users(kind)) for kind in audit.counts.kinds},
            }
            for name, audit in self.audits.items()
        }}  # fmt: skip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.description = (
        'Would a training with these labels, or with this config, run and learn something? Every '
        'problem is printed with file, key and solution. Exit status: 0 it would, 1 it would not, 2 wrong arguments.'
    )
    parser.add_argument(
        'source',
        metavar='LABELS|CONFIG',
        help='weak_labels.json, a folder of pseudo-labels, or the config (.py) of a training',
    )
    parser.add_argument('--images', help='image folder, if labels are checked')
    parser.add_argument(
        '--split', default='', help='text file with one image id per line; other images are not checked'
    )
    parser.add_argument(
        '--img-suffix', help='suffix of images that are only named in the split file (default: that in --images)'
    )
    parser.add_argument('--all-masks', action='store_true', help='read all dense masks instead of 50')
    parser.add_argument('--decode', action='store_true', help='load every image, to find damaged files')
    parser.add_argument('--strict', action='store_true', help='also exit with 1 if there are warnings')
    parser.add_argument('--json', type=Path, metavar='FILE', help='also write what was found as JSON')
    add_cfg_options(parser)


def run(args: argparse.Namespace) -> int:
    """Run the check and print the result."""
    if not (Path(args.source).is_file() or is_pseudo_labels(Path(args.source))):
        raise FileNotFoundError(
            f'{args.source} is not a file: expected weak_labels.json, a folder of pseudo-labels, or the config of a '
            'training'
        )
    parse_overrides(args.cfg_options)
    _check_json(args.json)
    if args.source.endswith('.py'):
        from .check_config import check_config

        report = check_config(args)
    elif args.images is None:
        raise ValueError('labels are checked against their images: add --images DIR')
    else:
        report = check_labels(args)
    failed = bool(report.of_level(ERROR)) or (args.strict and bool(report.of_level(WARNING)))
    for line in report.lines():
        print(line)
    if args.json is not None:
        with whole_file(args.json) as file:
            file.write(json.dumps(report.content(int(failed)), indent=1).encode())
    return int(failed)


def _check_json(path: Path | None) -> None:
    """Raise an error if the report would replace anything but an earlier report."""
    if path is None or not path.exists():
        return
    if path.is_dir() or b'"exit_status": ' not in path.read_bytes():
        raise ValueError(f'{path} exists and is not a report of wsss check; choose another --json')


def check_labels(args: argparse.Namespace) -> Report:
    """Check a label file against the images in a folder."""
    report = Report(args.source)
    settings = {
        'type': 'WeakSegDataset',
        'weak_labels': args.source,
        'ann_file': str(Path(args.split).resolve()) if args.split else '',
        'data_prefix': {'img_path': args.images},
        'img_suffix': args.img_suffix or suffix_in(args.images if args.split else None),
        'check_images': 'again',
        'check_masks': True if args.all_masks else 'sample',
        'pipeline': [],
    }
    dataset = built_data(report, settings, decode=args.decode)
    if dataset is None:
        return report
    audit = dataset.audit
    report.summary = f'{len(dataset)} images, {len(audit.counts.classes)} classes'
    report.audits[''] = audit
    report.findings += audit.findings()
    report.findings += kinds_without_pixels(audit)
    report.shares = dataset.class_frequencies().tolist()
    return report


def kinds_without_pixels(audit: LabelAudit) -> list[Finding]:
    """Return a note about the recipes for labels that do not label pixels by themselves."""
    kinds = audit.counts.kinds
    if not kinds or audit.pixel_kinds:
        return []
    needed = {
        'boxes': 'boxes need RasterizeWeakAnnotations(draw_boxes=True) or a recipe for boxes (configs/lpg)',
        'tags': 'tags need a recipe for tags (configs/single_stage)',
    }
    cures = '; '.join(needed[kind] for kind in kinds if kind in needed)
    return [Finding(NOTE, f'no label here labels a pixel, so recipes for clicks learn nothing from them: {cures}')]


def built(report: Report, build: Any, where: str = '', cfg: Mapping[str, Any] | None = None) -> Any:
    """Return the result of a function, or None if it fails; its log is not printed.

    Args:
        report: The report that an error is added to.
        build: The function.
        where: Text at the beginning of the lines of the report.
        cfg: The config, in which the key of the part that cannot be built is looked for.
    """
    try:
        with silence():
            return build()
    except FAULTS as error:
        text = error.args[0] if isinstance(error, KeyError) and error.args else error
        if cfg is not None:
            text = describe_fault(error, dict(cfg))
        lines = str(text).splitlines() or [type(error).__name__]
        report.findings += [Finding(ERROR, f'{where}{line}') for line in lines if line.strip()]
        return None


def built_data(report: Report, settings: Mapping[str, Any], where: str = '', *, decode: bool = False) -> Any:
    """Return the data set of a config, or None if it cannot be built.

    Args:
        report: The report that an error is added to.
        settings: The config of the data set.
        where: Text at the beginning of the lines of the report.
        decode: Whether to load every image, even if the data set cannot be built.
    """
    dataset = built(report, lambda: DATASETS.build(dict(settings)), where)
    if decode:
        listed = dataset
        if dataset is None and settings.get('type') in UNCHECKED:
            unchecked = {**settings, 'check_images': False, 'check_masks': False}
            listed = built(Report(''), lambda: DATASETS.build(unchecked))
        told = '\n'.join(report.of_level(ERROR))
        for part in audited_datasets(listed):
            report.findings += decoded(part, told) if isinstance(part, WeakSegDataset) else []
    return dataset


@contextmanager
def silence() -> Iterator[None]:
    """Suppress warnings in the log temporarily, because the report contains them."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)


def decoded(dataset: Any, told: str = '') -> list[Finding]:
    """Load all images of a data set, except those whose paths are in the text of errors that were told already."""
    loader = image_loader(dataset.pipeline.transforms)
    found = []
    for index in progress(range(len(dataset)), 'loading images'):
        info = dataset.get_data_info(index)
        if info['img_path'] not in told:
            found.append(decode(info['sample_id'], info['img_path'], loader))
    return [finding for finding in found if finding is not None]
