"""Trainings that diverge end, with their good checkpoints kept."""

from __future__ import annotations

import math
from typing import Any

import torch
from mmengine.hooks import CheckpointHook, Hook
from mmengine.runner import Runner
from torch import Tensor

from ...checkpoints.weights import unwrapped
from ..start_errors import DivergedError

STATISTICS = 'running_mean', 'running_var'
"""Buffers of batch normalisation; those of other layers may hold infinity on purpose, as masks of attention do."""


class FiniteWeightsHook(Hook):
    """Ends a training whose weights are not finite; part of every training.

    One step with a loss or a gradient of NaN makes all weights NaN, and no later step can mend them. Such a training
    would go on to its end, and its checkpoints would replace the good ones. The weights are looked at after an
    iteration whose loss is not finite, and before ``CheckpointHook`` writes. A loss that is not finite while the
    weights are, as in a step that mixed precision leaves out, is logged once.

    Priority: before ``CheckpointHook``, which removes its oldest checkpoint before it writes a new one.
    """

    _warned = False

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: object = None,
        outputs: dict[str, Any] | None = None,
    ) -> None:
        """Look at the loss, and at the weights if it is not finite or a checkpoint is due.

        Raises:
            DivergedError: If the weights are not finite.
        """
        when = f'iteration {runner.iter + 1:,}'
        outputs = outputs or {}
        if math.isfinite(_number(outputs.get('loss', 0.0))):
            if self.is_last_train_iter(runner) or any(_is_due(hook, runner) for hook in runner.hooks):
                self._check(runner, when)
            return
        terms = {name: _number(value) for name, value in outputs.items() if 'loss' in name}
        when += ''.join(f', {name} {value}' for name, value in terms.items() if not math.isfinite(value))
        self._check(runner, when)
        if not self._warned:
            self._warned = True
            runner.logger.warning(
                f'{when}: the weights are still finite, as they are after a step that mixed precision leaves out. '
                'This is said once'
            )

    def after_train_epoch(self, runner: Runner) -> None:
        """Look at the weights, because a checkpoint may be due.

        Raises:
            DivergedError: If they are not finite.
        """
        self._check(runner, f'epoch {runner.epoch + 1:,}')

    def _check(self, runner: Runner, when: str) -> None:
        model = unwrapped(runner.model)
        tensors: dict[str, Tensor] = dict(model.named_parameters())
        tensors |= {name: value for name, value in model.named_buffers() if name.endswith(STATISTICS)}
        broken = [name for name, value in tensors.items() if not torch.isfinite(value.detach()).all()]
        if broken:
            rate = runner.cfg.get('optim_wrapper', {}).get('optimizer', {}).get('lr')
            raise DivergedError(
                f'{when}: the training has diverged: {len(broken)} of {len(tensors)} tensors of the network are not '
                f'finite, such as {broken[0]}. It ends here, before it replaces a checkpoint. Lower '
                f'optim_wrapper.optimizer.lr{"" if rate is None else f" (now {rate})"}, limit the gradients with '
                'optim_wrapper.clip_grad=dict(max_norm=1.0), or train without --amp, and resume from an earlier '
                'checkpoint with --resume'
            )


def _is_due(hook: Hook, runner: Runner) -> bool:
    if not isinstance(hook, CheckpointHook) or hook.by_epoch:
        return False
    return bool(hook.every_n_train_iters(runner, hook.interval, hook.save_begin))


def _number(value: Tensor | float) -> float:
    return value.item() if isinstance(value, Tensor) else value
