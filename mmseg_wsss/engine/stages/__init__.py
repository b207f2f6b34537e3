"""Training in stages."""

from .log_processor import StageLogProcessor
from .runner import StagedRunner
from .task import StageContext, StageTask

__all__ = ['StageContext', 'StageLogProcessor', 'StageTask', 'StagedRunner']
