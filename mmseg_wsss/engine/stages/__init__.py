"""Training in stages."""

from .log_processor import StageLogProcessor
from .lpg import LPGStages
from .runner import StagedRunner
from .task import StageBuilder, StageContext, StageTask

__all__ = ['LPGStages', 'StageBuilder', 'StageContext', 'StageLogProcessor', 'StageTask', 'StagedRunner']
