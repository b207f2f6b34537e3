"""Training in stages."""

from .stage_log_processor import StageLogProcessor
from .stage_task import StageContext, StageTask
from .staged_runner import StagedRunner

__all__ = ['StageContext', 'StageLogProcessor', 'StageTask', 'StagedRunner']
