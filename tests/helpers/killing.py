"""The end of a process in the middle of a training, as an exception that a test can catch."""

from __future__ import annotations

from pathlib import Path

from mmengine.hooks import Hook
from mmseg.registry import HOOKS


class KilledError(BaseException):
    """Stands for the end of the process, which no ``except Exception`` sees."""


@HOOKS.register_module()
class KillHook(Hook):
    """Ends the process before an iteration, counted from 0."""

    priority = 'LOWEST'

    def __init__(self, iteration):
        self.iteration = iteration

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if runner.iter == self.iteration:
            raise KilledError


@HOOKS.register_module()
class KillInStageHook(Hook):
    """Ends the process once, at an iteration of the training of a stage or in its validation.

    ``at`` is the name of the stage and the iteration, or ``'val'``. It stands beside the config, for the config of a
    training that is started again has to be the same. A fixture of the tests sets it back.
    """

    priority = 'LOWEST'
    at: tuple[str, int | str] | None = None

    @classmethod
    def kill_if_at(cls, work_dir, moment):
        """End the process if ``at`` names this moment of the stage whose folder, ``<number>_<name>``, is given."""
        if cls.at == (Path(work_dir).name.partition('_')[2], moment):
            cls.at = None
            raise KilledError

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        self.kill_if_at(runner.work_dir, runner.iter)

    def before_val_iter(self, runner, batch_idx, data_batch=None):
        self.kill_if_at(runner.work_dir, 'val')
