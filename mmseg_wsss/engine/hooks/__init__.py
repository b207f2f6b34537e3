"""One file per hook."""

from .exact_resume_hook import ExactResumeHook
from .lpg_stage_hook import LPGStageHook
from .pseudo_mask_visualization_hook import PseudoMaskVisualizationHook
from .result_sheet_hook import ResultSheetHook
from .weak_visualization_hook import WeakVisualizationHook

__all__ = ['ExactResumeHook', 'LPGStageHook', 'PseudoMaskVisualizationHook', 'ResultSheetHook', 'WeakVisualizationHook']
