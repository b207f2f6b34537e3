"""What may stand between loading weak labels and drawing them."""

from collections.abc import Iterable, Iterator
from typing import Any

from .load_weak_annotations import LoadWeakAnnotations
from .pack_weak_seg_inputs import PackWeakSegInputs
from .rasterize_weak_annotations import RasterizeWeakAnnotations
from .weak_random_crop import WeakRandomCrop
from .weak_random_flip import WeakRandomFlip
from .weak_random_rotate import WeakRandomRotate
from .weak_resize import WeakResize

GEOMETRIC = (WeakResize, WeakRandomCrop, WeakRandomFlip, WeakRandomRotate)
PHOTOMETRIC = {'PhotoMetricDistortion', 'CLAHE', 'AdjustGamma', 'RGB2Gray', 'Rerange', 'BioMedicalGaussianNoise'}
WRAPPERS = {'Compose', 'RandomApply', 'RandomChoice', 'TransformBroadcaster', 'RandomChoiceResize', 'RandomResize'}
REPLACEMENTS = {
    'Resize': 'WeakResize',
    'RandomCrop': 'WeakRandomCrop',
    'RandomFlip': 'WeakRandomFlip',
    'RandomRotate': 'WeakRandomRotate',
    'RandomResize': "RandomResize(resize_type='WeakResize')",
    'RandomChoiceResize': "RandomChoiceResize(resize_type='WeakResize')",
    'Pad': 'size=... of SegDataPreProcessor, which pads the whole batch',
    'PackSegInputs': 'PackWeakSegInputs',
}


def check_pipeline(transforms: Iterable[Any]) -> None:
    """Refuse a training pipeline in which labels would not move with the image.

    Args:
        transforms: The built transforms, in order.

    Raises:
        ValueError: With the name of the transform, the reason and what to take instead.
    """
    steps = list(_flatten(transforms))
    kinds = [type(step) for step in steps]
    for needed in (LoadWeakAnnotations, RasterizeWeakAnnotations, PackWeakSegInputs):
        if kinds.count(needed) != 1:
            raise ValueError(
                f'a pipeline for weak labels has {needed.__name__} exactly once, this one has it '
                f'{kinds.count(needed)} times: {[kind.__name__ for kind in kinds]}'
            )
    load, draw, pack = (kinds.index(k) for k in (LoadWeakAnnotations, RasterizeWeakAnnotations, PackWeakSegInputs))
    if not load < draw < pack:
        raise ValueError('the order must be LoadWeakAnnotations, RasterizeWeakAnnotations, PackWeakSegInputs')
    for step in steps[:load] + steps[load + 1 : draw] + steps[draw + 1 : pack]:
        _check_step(step, before_drawing=step in steps[:draw], loading=step in steps[:load])


def _check_step(step: Any, *, before_drawing: bool, loading: bool) -> None:
    name = type(step).__name__
    if isinstance(step, GEOMETRIC):
        if loading or not before_drawing:
            raise ValueError(f'{name} must stand between LoadWeakAnnotations and RasterizeWeakAnnotations')
        return
    if name in PHOTOMETRIC or not before_drawing or (loading and name.startswith('Load')):
        if name in REPLACEMENTS:
            raise ValueError(f'{name} after RasterizeWeakAnnotations would move the image away from its labels')
        return
    if name in REPLACEMENTS:
        raise ValueError(f'{name} moves the image and leaves the weak labels behind: take {REPLACEMENTS[name]}')
    raise ValueError(
        f'{name} does not move weak labels and their validity with the image: leave it out. Between '
        'LoadWeakAnnotations and RasterizeWeakAnnotations may stand '
        f'{", ".join(kind.__name__ for kind in GEOMETRIC)}, {", ".join(sorted(PHOTOMETRIC))}'
    )


def _flatten(transforms: Iterable[Any]) -> Iterator[Any]:
    """Yield the single transforms inside Compose, RandomApply, RandomChoice, RandomResize and their kind."""
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
