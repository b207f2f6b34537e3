"""One file per hook."""

from .exact_resume_hook import ExactResumeHook
from .expanding_confidence_hook import ExpandingConfidenceHook
from .pseudo_mask_visualization_hook import PseudoMaskVisualizationHook
from .result_sheet_hook import ResultSheetHook
from .weak_visualization_hook import WeakVisualizationHook

__all__ = [
    'ExactResumeHook',
    'ExpandingConfidenceHook',
    'PseudoMaskVisualizationHook',
    'ResultSheetHook',
    'WeakVisualizationHook',
]
