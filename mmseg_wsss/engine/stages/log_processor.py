"""A log with the name of the stage."""

from typing import Any

from mmengine.runner import LogProcessor, Runner
from mmseg.registry import LOG_PROCESSORS


@LOG_PROCESSORS.register_module()
class StageLogProcessor(LogProcessor):
    """mmengine's ``LogProcessor`` with the stage in front of every line.

    Args:
        stage: The stage, such as ``stage 2/3 'affinity'``.
        **kwargs: Settings of ``LogProcessor``.
    """

    def __init__(self, stage: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.stage = stage

    def get_log_after_iter(self, runner: Runner, batch_idx: int, mode: str) -> tuple[dict[str, Any], str]:
        """Format the line after an iteration."""
        tag, line = super().get_log_after_iter(runner, batch_idx, mode)
        return tag, f'{self.stage} {line}'

    def get_log_after_epoch(
        self, runner: Runner, batch_idx: int, mode: str, with_non_scalar: bool = False
    ) -> tuple[dict[str, Any], str]:
        """Format the line after an epoch."""
        tag, line = super().get_log_after_epoch(runner, batch_idx, mode, with_non_scalar)
        return tag, f'{self.stage} {line}'
