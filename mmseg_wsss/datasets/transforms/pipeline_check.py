"""The transforms that are allowed between loading weak labels and drawing them."""

from collections.abc import Iterable, Iterator
from typing import Any

from mmcv.transforms import LoadAnnotations

from .load_masks import LoadReferenceMask
from .load_modality import LoadModality
from .load_point_blots import LoadPointBlots
from .load_weak_annotations import LoadWeakAnnotations
from .pack_weak_seg_inputs import PackWeakSegInputs
from .rasterize_weak_annotations import RasterizeWeakAnnotations
from .weak_geometry import WeakRandomCrop, WeakRandomFlip, WeakRandomRotate, WeakResize
from .weak_random_window import WeakRandomWindow

GEOMETRIC = (WeakResize, WeakRandomCrop, WeakRandomFlip, WeakRandomRotate, WeakRandomWindow)
PHOTOMETRIC = {'PhotoMetricDistortion', 'CLAHE', 'AdjustGamma', 'RGB2Gray', 'RandomGrayscale', 'Rerange'}
WRAPPERS = {'Compose', 'RandomApply', 'RandomChoice', 'RandomChoiceResize', 'RandomResize'}
LEFT_BEHIND = 'moves the image without its weak labels'
REFUSED = {
    'Resize': f'{LEFT_BEHIND}: use WeakResize',
    'RandomCrop': f'{LEFT_BEHIND}: use WeakRandomCrop',
    'RandomFlip': f'{LEFT_BEHIND}: use WeakRandomFlip',
    'RandomRotate': f'{LEFT_BEHIND}: use WeakRandomRotate',
    'RandomResize': f"{LEFT_BEHIND}: use RandomResize(resize_type='WeakResize')",
    'RandomChoiceResize': f"{LEFT_BEHIND}: use RandomChoiceResize(resize_type='WeakResize')",
    'CenterCrop': f'{LEFT_BEHIND}: use WeakRandomCrop',
    'ResizeShortestEdge': f'{LEFT_BEHIND}: use WeakResize(keep_ratio=True)',
    'ResizeToMultiple': f'{LEFT_BEHIND}: use size_divisor=... of SegDataPreProcessor, which pads the whole batch',
    'Pad': f'{LEFT_BEHIND}: use size=... of SegDataPreProcessor, which pads the whole batch',
    'RandomRotFlip': f'{LEFT_BEHIND}: use WeakRandomRotate and WeakRandomFlip',
    'Albu': 'moves the image without recording how: use the Weak* transforms and PhotoMetricDistortion',
    'RandomCutOut': 'does not record which pixels it paints over, so they would count as image: remove it',
    'RandomMosaic': 'adds other images, whose labels are not loaded: remove it',
    'SegRescale': 'changes only the size of the label map: remove it',
    'TransformBroadcaster': f'{LEFT_BEHIND}, because it keeps only the mapped keys: remove it',
    'Normalize': 'changes the range 0 to 255 of the image, which losses need: set mean and std of SegDataPreProcessor',
    'PackSegInputs': 'drops the weak labels: use PackWeakSegInputs',
    'LoadAnnotations': (
        'loads the full mask into the labels: remove it. LoadWeakAnnotations reads the masks that are labels, '
        'and WeakSegDataset(use_dense_masks=True) makes full masks the labels'
    ),
}


def check_pipeline(transforms: Iterable[Any]) -> None:
    """Raise an error for a training pipeline in which labels would not move with the image.

    Args:
        transforms: The built transforms, in order.

    Raises:
        ValueError: If there is such a transform; the message has its name, the reason and what to use instead.
    """
    steps = list(_flatten(transforms))
    kinds = [type(step) for step in steps]
    for needed in (LoadWeakAnnotations, RasterizeWeakAnnotations, PackWeakSegInputs):
        if kinds.count(needed) != 1:
            raise ValueError(
                f'a pipeline for weak labels must have {needed.__name__} exactly once, but this one has it '
                f'{kinds.count(needed)} times: {[kind.__name__ for kind in kinds]}'
            )
    load, draw, pack = (kinds.index(k) for k in (LoadWeakAnnotations, RasterizeWeakAnnotations, PackWeakSegInputs))
    if not load < draw < pack:
        raise ValueError('the order must be LoadWeakAnnotations, RasterizeWeakAnnotations, PackWeakSegInputs')
    if LoadPointBlots in kinds and kinds.index(LoadPointBlots) != load + 1:
        raise ValueError('LoadPointBlots needs the original image: it must be right after LoadWeakAnnotations')
    for index, step in enumerate(steps[:pack]):
        if index not in (load, draw) and not isinstance(step, LoadModality | LoadPointBlots | LoadReferenceMask):
            _check_step(step, between=load < index < draw)


def _check_step(step: Any, *, between: bool) -> None:
    """Raise an error for known harmful transforms, and for all unknown ones between loading and drawing."""
    name = type(step).__name__
    if isinstance(step, GEOMETRIC):
        if not between:
            raise ValueError(f'{name} must be between LoadWeakAnnotations and RasterizeWeakAnnotations')
        return
    if isinstance(step, LoadAnnotations):
        raise ValueError(f'{name} {REFUSED["LoadAnnotations"]}')
    if name in REFUSED:
        raise ValueError(f'{name} {REFUSED[name]}')
    if between and name not in PHOTOMETRIC:
        raise ValueError(
            f'{name} does not move weak labels and their validity with the image: remove it, or put it after '
            'RasterizeWeakAnnotations if it does not move the image. Allowed in between: '
            f'{", ".join(kind.__name__ for kind in GEOMETRIC)}, {", ".join(sorted(PHOTOMETRIC))}'
        )


def _flatten(transforms: Iterable[Any]) -> Iterator[Any]:
    """Yield the single transforms inside Compose, RandomApply, RandomChoice, RandomResize and similar wrappers."""
    for step in transforms:
        if isinstance(step, (list, tuple)):
            yield from _flatten(step)
        elif type(step).__name__ in WRAPPERS:
            inner = getattr(step, 'transforms', None)
            if inner is None:
                resize = step.resize
                if not isinstance(resize, WeakResize):
                    yield step
                    continue
                inner = [resize]
            yield from _flatten(inner.transforms if hasattr(inner, 'transforms') else inner)
        else:
            yield step
