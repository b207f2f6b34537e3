"""One file per hook."""

from .checkpoint_guard_hook import CheckpointGuardHook
from .exact_resume_hook import ExactResumeHook
from .expanding_confidence_hook import ExpandingConfidenceHook
from .label_audit_hook import LabelAuditHook
from .lpg_stage_hook import LPGStageHook
from .pseudo_mask_visualization_hook import PseudoMaskVisualizationHook
from .result_sheet_hook import ResultSheetHook
from .weak_visualization_hook import WeakVisualizationHook

__all__ = [
    'CheckpointGuardHook',
    'ExactResumeHook',
    'ExpandingConfidenceHook',
    'LPGStageHook',
    'LabelAuditHook',
    'PseudoMaskVisualizationHook',
    'ResultSheetHook',
    'WeakVisualizationHook',
]
