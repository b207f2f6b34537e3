"""Transforms of a pipeline, one file per topic."""

from .center_pad import CenterPad
from .load_deep_image import LoadDeepImage
from .load_masks import LoadPseudoLabels, LoadReferenceMask, LoadShapesImage
from .load_modality import LoadModality
from .load_point_blots import LoadPointBlots
from .load_weak_annotations import LoadImageTags, LoadWeakAnnotations
from .pack_weak_seg_inputs import PackWeakSegInputs
from .pipeline_check import check_pipeline
from .rasterize_weak_annotations import RasterizeClassMask, RasterizeWeakAnnotations
from .weak_geometry import (
    WeakClassCrop,
    WeakRandomCrop,
    WeakRandomFlip,
    WeakRandomResizedCrop,
    WeakRandomRotate,
    WeakResize,
)
from .weak_random_window import WeakRandomWindow

__all__ = [
    'CenterPad',
    'LoadDeepImage',
    'LoadImageTags',
    'LoadModality',
    'LoadPointBlots',
    'LoadPseudoLabels',
    'LoadReferenceMask',
    'LoadShapesImage',
    'LoadWeakAnnotations',
    'PackWeakSegInputs',
    'RasterizeClassMask',
    'RasterizeWeakAnnotations',
    'WeakClassCrop',
    'WeakRandomCrop',
    'WeakRandomFlip',
    'WeakRandomResizedCrop',
    'WeakRandomRotate',
    'WeakRandomWindow',
    'WeakResize',
    'check_pipeline',
]
