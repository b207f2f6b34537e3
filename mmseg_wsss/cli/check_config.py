"""``wsss check CONFIG``: everything that a training needs, before it starts."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.evaluator import Evaluator
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmseg.registry import MODELS

from ..datasets.findings import ERROR, NOTE, Finding
from ..datasets.shared_images import shared_finding
from ..engine.environment import hint_of_variables
from ..engine.evaluation_checks import NO_VALIDATION, check_evaluated, class_findings
from ..engine.loop_faults import idle_findings
from ..engine.own_data import is_own_data
from ..engine.preflight import audit_masks, audit_training, audited_datasets, check_network
from ..engine.setting_faults import check_settings
from ..engine.stages.config import parse_stages
from ..engine.start_errors import StartError
from ._arguments import overridden_config
from .check import Report, built, built_data

NUM_DRAWS = 200
SPLITS = ('train', 'val', 'test')
ABSENT = re.compile('not on disk|not found|No such file')


def check_config(args: argparse.Namespace) -> Report:
    """Check a config: of one training, or of those of its stages whose data does not come from another stage."""
    from .. import plugin  # noqa: F401  also for a config that forgot its custom_imports

    report = Report(args.source)
    cfg = read_config(report, args)
    if cfg is None:
        return report
    init_default_scope(cfg.get('default_scope', 'mmseg'))
    if 'stages' not in cfg:
        if cfg.get('model') is None or cfg.get('train_dataloader') is None:
            raise ValueError(f'{args.source} has no model or no train_dataloader: expected the config of a training')
        check_training(report, cfg, args)
        return report
    cfg.setdefault('work_dir', 'work_dirs/check')
    for stage in parse_stages(cfg):
        if stage.is_task:
            continue
        if stage.references or stage.others:
            report.findings.append(
                Finding(NOTE, f'{stage.title} learns from what other stages write: it is checked when it begins')
            )
        else:
            check_training(report, Config(stage.config), args, f'{stage.title}: ')
    return report


def read_config(report: Report, args: argparse.Namespace) -> Config | None:
    """Return the config, or None if it cannot be read; the report then contains the reason."""
    try:
        return overridden_config(args.source, args.cfg_options)
    except StartError as error:
        report.findings.append(Finding(ERROR, str(error)))
    return None


def check_training(report: Report, cfg: Config, args: argparse.Namespace, where: str = '') -> None:
    """Check the data, the network and the settings of one training.

    Args:
        report: The report that findings are added to.
        cfg: The config.
        args: Arguments of the command.
        where: Text at the beginning of the lines about this training.
    """
    report.findings += [Finding(f.level, f'{where}{f.text}', f.cure) for f in missing_files(cfg)]
    built(report, lambda: check_settings(cfg.to_dict()), where)
    report.findings += [replace(f, text=f'{where}{f.text}') for f in idle_findings(cfg)]
    if any(isinstance((cfg.get(f'{split}_dataloader') or {}).get('dataset'), list) for split in SPLITS):
        return  # check_settings has found it
    settings = dict(cfg.train_dataloader.dataset)
    if args.all_masks and settings.get('type') == 'WeakSegDataset':
        settings['check_masks'] = True
    dataset = built_data(report, settings, f'{where}training data: ', decode=args.decode)
    model = built(report, lambda: MODELS.build(cfg.model), where, cfg)
    if dataset is not None:
        masks = built(report, lambda: audit_masks(dataset), f'{where}training data: ')
        report.findings += [] if masks is None else [f for f in masks.findings() if f.level == ERROR]
        for number, part in enumerate(audited_datasets(dataset)):
            report.audits[f'{where}training data {number or ""}'.strip()] = part.audit
    if dataset is not None and model is not None:
        audits = built(report, lambda: audit_training(model, dataset, NUM_DRAWS), f'{where}training data: ') or []
        for audit in audits:
            name = next(name for name, other in report.audits.items() if other.source == audit.source)
            report.audits[name] = audit
            report.findings += audit.findings()
    elif dataset is not None:
        report.findings += [finding for part in audited_datasets(dataset) for finding in part.audit.findings()]
    loader = None if dataset is None else built_loader(report, cfg, 'train', dataset, where)
    if loader is not None and model is not None:
        report.findings += check_network(model, loader)
    check_evaluation(report, cfg, args, where, dataset, model)
    report.findings = [
        replace(f, text=f.text + hint_of_variables(f.text, cfg.text)) if ABSENT.search(f.text) else f
        for f in report.findings
    ]


def built_loader(report: Report, cfg: Config, split: str, dataset: Any, where: str) -> Any:
    """Return the loader of a data set that is already built, or None if its settings or its sampler are wrong."""
    key = f'{split}_dataloader'
    settings = {**cfg[key], 'dataset': {'type': lambda: dataset}}  # a data set would be copied
    return built(report, lambda: Runner.build_dataloader(settings, seed=0), where, Config({key: settings}))


def check_evaluation(report: Report, cfg: Config, args: argparse.Namespace, where: str, train: Any, model: Any) -> None:
    """Check the data of validation and test, and that the metrics have its classes."""
    seen: list[Mapping[str, Any]] = []
    # without masks, the test data of a recipe for own data only says how photos are read
    measured = not is_own_data(cfg) or cfg.get('masks') is not None
    for split in ('val', 'test') if measured else ('val',):
        parts = {name: cfg.get(name) for name in (f'{split}_dataloader', f'{split}_cfg', f'{split}_evaluator')}
        absent = [name for name, part in parts.items() if part is None]
        if len(absent) == len(parts):
            if split == 'val':
                report.findings.append(Finding(NOTE, f'{where}no validation: the training is never evaluated'))
            continue
        if absent:
            lines = ', '.join(f'{name} = None' for name in parts)
            report.findings.append(
                Finding(
                    ERROR, f'{where}{", ".join(absent)} is None, and the others are not', f'set all or none: {lines}'
                )
            )
            continue
        loader = parts[f'{split}_dataloader']
        if any(loader == other for other in seen):
            continue
        seen.append(loader)
        dataset = _check_split(report, split, cfg, args, where, model)
        if train is not None and dataset is not None:
            if getattr(model, 'num_classes', None) is not None:
                report.findings += class_findings(train.metainfo.get('classes'), dataset, split)
            report.findings += shared_finding(train, dataset) if split == 'val' else []


def _check_split(report: Report, split: str, cfg: Config, args: argparse.Namespace, where: str, model: Any) -> Any:
    """Check the data of an evaluation, and return its data set; None if it cannot be built."""
    start = f'{where}{split} data: '
    before = len(report.findings)
    dataset = built_data(report, cfg[f'{split}_dataloader'].dataset, start, decode=args.decode)
    cure = NO_VALIDATION if split == 'val' else ''
    if dataset is None:
        report.findings[before:] = [
            Finding(f.level, f.text, cure if ABSENT.search(f.text) else '') for f in report.findings[before:]
        ]
        return None
    for part in audited_datasets(dataset):
        report.findings += part.audit.findings()

    masks = built(report, lambda: audit_masks(dataset), start)
    report.findings += [] if masks is None else masks.findings()

    def build() -> Evaluator:
        metrics = Evaluator(cfg[f'{split}_evaluator'])
        metrics.dataset_meta = dataset.metainfo
        return metrics

    metrics = built(report, build, f'{where}{split}_evaluator: ')
    loader = built_loader(report, cfg, split, dataset, where)
    if metrics is not None and loader is not None:
        found = built(report, lambda: check_evaluated(model, loader, metrics.metrics, split), start) or []
        report.findings += [replace(f, text=f'{where}{f.text}') for f in found]
    return dataset


def missing_files(cfg: Config) -> Iterator[Finding]:
    """Yield the weights of a config that do not exist, and those that are downloaded later."""
    if cfg.get('load_from'):
        yield from _checkpoint('load_from', cfg.load_from)
    for key, path in _pretrained(cfg.model, 'model'):
        yield from _checkpoint(key, path)


def _pretrained(node: Any, key: str) -> Iterator[tuple[str, str]]:
    if isinstance(node, Mapping):
        for name, value in node.items():
            is_path = name == 'pretrained' or (name == 'checkpoint' and node.get('type') == 'Pretrained')
            if is_path and isinstance(value, str):
                yield f'{key}.{name}', value
            else:
                yield from _pretrained(value, f'{key}.{name}')
    elif isinstance(node, list | tuple):
        for number, value in enumerate(node):
            yield from _pretrained(value, f'{key}.{number}')


def _checkpoint(key: str, path: str) -> Iterator[Finding]:
    if '://' in path:
        yield Finding(NOTE, f'{key}={path!r} is downloaded when the training starts, if it has not been before')
    elif not Path(path).is_file():
        yield Finding(ERROR, f'{key}={path!r} is not there', 'correct the path, or set it to None to start without it')
