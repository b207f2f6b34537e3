"""Log the labels and their use before the first iteration."""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Any

import torch
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.runner import BaseLoop, Runner
from mmseg.registry import HOOKS

from ...checkpoints.weights import unwrapped
from ...datasets.findings import ERROR, WARNING, Finding, raise_errors
from ...datasets.shared_images import shared_finding
from ...datasets.transforms.load_weak_annotations import UNLABELLED
from ...models.losses.patience import Patience
from ..evaluation_checks import check_evaluated, class_findings
from ..loop_faults import idle_findings
from ..preflight import audit_masks, audit_training, check_network

LEVELS = {ERROR: logging.ERROR, WARNING: logging.WARNING}


@HOOKS.register_module()
class LabelAuditHook(Hook):
    """Logs the labels in the files, after the pipeline and in the losses, per class and kind.

    ``tools/train.py`` adds it to every training, including each stage of a training in stages. With another tool, add
    it to ``custom_hooks``. ``wsss check CONFIG`` prints the same information and more without a training.

    The training ends if no loss learns from some labels (unless ``unused_labels`` of the data set is ``'warn'``), if
    the classes of the training data, the validation and the head differ, if batch normalisation gets a single value, or
    if the validation would fail.

    It runs before weights are loaded, because that takes longer.

    Args:
        num_draws: Number of crops to draw, without reading pictures, to estimate how many contain no label; 0: none.

    Raises:
        ValueError: If ``num_draws`` is below 0.
    """

    priority = 'VERY_HIGH'

    def __init__(self, num_draws: int = 50) -> None:
        if num_draws < 0:
            raise ValueError(f'num_draws must not be negative, got {num_draws}')
        self.num_draws = num_draws
        self._patience: Patience | None = None

    def before_run(self, runner: Runner) -> None:
        """Check the model and its training data.

        Raises:
            AuditError: If the training would fail or learn nothing.
        """
        if not isinstance(runner._train_loop, BaseLoop):  # in a test
            return
        loader = runner.train_dataloader
        model, dataset = unwrapped(runner.model), loader.dataset
        if not hasattr(model, 'losses'):  # a model of mmseg, whose losses do not count images themselves
            self._patience = Patience(type(model).__name__, ('labels',))
        audits = audit_training(model, dataset, self.num_draws if is_main_process() else 0)
        found = [*check_network(model, loader), *idle_findings(runner.cfg)]
        masks = audit_masks(dataset)
        found += [] if masks is None else [finding for finding in masks.findings() if finding.level == ERROR]
        for audit in audits:
            if is_main_process():
                lines = '\n'.join(f'  {line}' for line in audit.table())
                runner.logger.info(f'labels of {audit.source}:\n{lines}')
            found += audit.findings()
        if isinstance(runner.val_loop, BaseLoop):
            evaluated = runner.val_dataloader
            found += check_evaluated(model, evaluated, runner.val_evaluator.metrics, 'val')
            if getattr(model, 'num_classes', None) is not None:  # it classifies pixels
                found += class_findings(dataset.metainfo.get('classes'), evaluated.dataset, 'val')
            if is_main_process():
                found += shared_finding(dataset, evaluated.dataset)
        self._say(runner, found)
        raise_errors(found)

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict[str, Any] | None = None,
        outputs: dict[str, Any] | None = None,
    ) -> None:
        """Count the images without a labelled pixel that a model of mmseg is trained on.

        Raises:
            ValueError: If none of the first thousand images has any.
        """
        samples = (data_batch or {}).get('data_samples', ())
        if self._patience is not None and samples and all('gt_sem_seg' in sample for sample in samples):
            labels = torch.cat([sample.gt_sem_seg.data.flatten() for sample in samples])
            self._patience.check(SimpleNamespace(labels=labels, ignore_index=UNLABELLED), len(samples))

    def _say(self, runner: Runner, found: list[Finding]) -> None:
        """Log findings that are not errors, except those that the data sets logged when they were built."""
        for finding in found:
            if finding.level != ERROR and is_main_process():
                runner.logger.log(LEVELS.get(finding.level, logging.INFO), str(finding))
