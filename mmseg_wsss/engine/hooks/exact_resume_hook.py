"""Random states of the main process that do not depend on interruptions."""

from typing import Any

from mmengine.hooks import CheckpointHook, Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS

from ...datasets.resumable import seed_everything


@HOOKS.register_module()
class ExactResumeHook(Hook):
    """Seeds the main process before every iteration from (run seed, rank, iteration).

    Dropout and stochastic gates of iteration n are then the same in an interrupted and in an uninterrupted run, on
    every rank, and nothing has to be saved. Together with ``ResumableInfiniteSampler`` (the data) and mmengine's
    checkpoints (weights, optimizer, schedules) a resumed run ends in the same weights, bit for bit on a CPU.

    An epoch-based loop with ``DefaultSampler`` resumes exactly from a checkpoint at the end of an epoch, unless
    ``persistent_workers`` keep a random state from one epoch to the next. From a checkpoint within an epoch mmengine
    starts that epoch again.

    It needs ``randomness=dict(seed=...)`` in the config: without it every start draws a new order of the data.
    The checkpoint interval must be a multiple of ``accumulative_counts``, because checkpoints do not hold gradients.

    Priority: the last before the iteration, so that other hooks do not draw random numbers in between.
    """

    priority = 'LOWEST'

    def before_train(self, runner: Runner) -> None:
        """Check, before the first iteration, for settings that would make a resume inexact.

        Raises:
            ValueError: If a checkpoint would fall between accumulated iterations.
        """
        if runner._randomness_cfg.get('seed') is None:
            runner.logger.warning('ExactResumeHook: no randomness=dict(seed=...) in the config: a resume is not exact')
        accumulative_counts = getattr(runner.optim_wrapper, '_accumulative_counts', 1)
        for hook in runner.hooks:
            counts_iterations = isinstance(hook, CheckpointHook) and not hook.by_epoch and hook.interval > 0
            if counts_iterations and hook.interval % accumulative_counts:
                raise ValueError(
                    f'default_hooks.checkpoint.interval={hook.interval} is not a multiple of '
                    f'optim_wrapper.accumulative_counts={accumulative_counts}: gradients that are being summed '
                    'are not saved, so a resumed run would differ. Choose a multiple'
                )

    def before_train_epoch(self, runner: Runner) -> None:
        """Seed for the first batch of an epoch, which an epoch-based loop loads before the iteration."""
        seed_everything(runner.seed, runner.rank, runner.iter)

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: dict[str, Any] | None = None) -> None:
        """Seed for this iteration."""
        seed_everything(runner.seed, runner.rank, runner.iter)
