"""One file per transform."""

from .center_pad import CenterPad
from .load_image_tags import LoadImageTags
from .load_modality import LoadModality
from .load_point_blots import LoadPointBlots
from .load_pseudo_labels import LoadPseudoLabels
from .load_reference_mask import LoadReferenceMask
from .load_shapes_image import LoadShapesImage
from .load_weak_annotations import LoadWeakAnnotations
from .pack_weak_seg_inputs import PackWeakSegInputs
from .pipeline_check import check_pipeline
from .rasterize_class_mask import RasterizeClassMask
from .rasterize_weak_annotations import RasterizeWeakAnnotations
from .weak_class_crop import WeakClassCrop
from .weak_random_crop import WeakRandomCrop
from .weak_random_flip import WeakRandomFlip
from .weak_random_resized_crop import WeakRandomResizedCrop
from .weak_random_rotate import WeakRandomRotate
from .weak_random_window import WeakRandomWindow
from .weak_resize import WeakResize

__all__ = [
    'CenterPad',
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
