"""Samples for a network that learns masks from boxes: one class of one image at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypedDict

import numpy as np
from mmengine.dataset import BaseDataset
from mmseg.registry import DATASETS

from ..functional.checks import check_positive, check_share
from ..structures import ImageDataset, Sample, WeakAnnotations
from ..structures.class_names import other_classes, plain_name
from ..structures.sample import with_label_map
from ..structures.weak_annotations import FloatArray, IntArray
from ._regions import find_regions
from .class_sets import CLASS_SETS
from .formats.files import nearest
from .formats.index_png import load_index_image
from .image_checks import Size, check_mask_sizes, spread
from .resumable import SeededItems
from .transforms import RasterizeClassMask, RasterizeWeakAnnotations
from .transforms.pipeline_check import check_pipeline

SOURCES = ('labels', 'mask')


class ClassSample(TypedDict):
    """One class of one image.

    Args:
        image: Position of the image in the wrapped data set.
        class_id: The class.
        boxes: Its boxes in the mask, (K, 4); None if the boxes come from the labels.
    """

    image: int
    class_id: int
    boxes: FloatArray | None


class IndexedClassSample(ClassSample):
    """A sample with its position in this data set, which mmengine adds."""

    sample_idx: int


@DATASETS.register_module()
class ClassMaskDataset(SeededItems, BaseDataset):
    """Auxiliary classes with boxes and masks, to train a ``MaskGenerator``; one sample per image and class.

    If the boxes come from the labels, wrap a ``WeakSegDataset`` with boxes in its ``weak_labels`` and masks in
    ``data_prefix['seg_map_path']`` (or as ``mask`` in the labels). If they come from the masks,
    ``WeakSegDataset(use_dense_masks=True)`` is enough. The wrapped data set does not need its own pipeline.

    The pipeline is that of weak labels with ``RasterizeClassMask`` after ``RasterizeWeakAnnotations``, and
    ``PackWeakSegInputs(maps=['box_map'])``. Class ids are those of the wrapped data set. The classes of this one are
    ``background`` and ``object``, so that ``IoUMetric`` evaluates the masks, in test mode, over all samples.

    Images without a box of an auxiliary class do not give a sample.

    Args:
        dataset: The data set with boxes and masks, or its config.
        target_classes: Names of the classes that the generator will be used on, which must not be learned here, or
            the name of a class set, such as ``'voc'``, for all its classes.
        auxiliary_classes: Names of the classes to learn from; None means all that are not target classes.
        boxes_from: ``'labels'``, or ``'mask'`` for the bounding box of each 8-connected component of a class, where
            touching objects share a box.
        min_area: Number of pixels that a component must have to get a box.
        share: Share of the images that give samples, evenly spread, in (0, 1].
        pipeline: Transforms.
        test_mode: Same as in ``BaseDataset``.
        lazy_init: Same as in ``BaseDataset``.
        indices: Same as in ``BaseDataset``, applied to the samples.
        serialize_data: Same as in ``BaseDataset``.

    Raises:
        FileNotFoundError: If a mask is missing.
        ValueError: If target classes are among the auxiliary ones (also under the other name that they have in COCO
            or VOC), a name is not a class, a mask and its image differ in size, or there are no samples.
    """

    METAINFO: dict[str, Any] = {'classes': ('background', 'object'), 'palette': [[0, 0, 0], [224, 64, 64]]}  # noqa: RUF012

    def __init__(
        self,
        dataset: ImageDataset | dict[str, Any],
        target_classes: Sequence[str] | str,
        auxiliary_classes: Sequence[str] | None = None,
        *,
        boxes_from: str = 'labels',
        min_area: int = 1,
        share: float = 1.0,
        pipeline: Sequence[Any] = (),
        test_mode: bool = False,
        lazy_init: bool = False,
        indices: int | Sequence[int] | None = None,
        serialize_data: bool = True,
    ) -> None:
        if boxes_from not in SOURCES:
            raise ValueError(f'boxes_from must be one of {", ".join(SOURCES)}, got {boxes_from!r}')
        self.dataset: ImageDataset = DATASETS.build(dataset) if isinstance(dataset, dict) else dataset
        self.boxes_from = boxes_from
        self.min_area = min_area
        self.share = check_positive(check_share(share, 'share'), 'share')
        if isinstance(target_classes, str) and target_classes in CLASS_SETS:
            target_classes = CLASS_SETS[target_classes]['classes'][1:]
        self.auxiliary_ids = auxiliary_ids(self.dataset.metainfo['classes'], target_classes, auxiliary_classes)
        super().__init__(
            pipeline=list(pipeline),
            test_mode=test_mode,
            lazy_init=lazy_init,
            indices=indices,
            serialize_data=serialize_data,
        )

    def full_init(self) -> None:
        """Check the pipeline, then list the samples."""
        steps = self.pipeline.transforms
        if steps and not self._fully_initialized:
            check_pipeline(steps)
            kinds = [type(step) for step in steps]
            after = kinds[kinds.index(RasterizeWeakAnnotations) :] if RasterizeWeakAnnotations in kinds else []
            if RasterizeClassMask not in after:
                raise ValueError(
                    'the pipeline of ClassMaskDataset has RasterizeClassMask after RasterizeWeakAnnotations'
                )
        super().full_init()

    def load_data_list(self) -> list[ClassSample]:
        """Return, for each sample, the number of its image, its class and, if they come from the mask, its boxes."""
        masks: dict[str, str] = {}
        sizes: dict[str, Size] = {}
        samples: list[ClassSample] = []
        for index in range(len(self.dataset)):
            info = self.dataset.get_data_info(index)
            mask_path = self._mask_path(info)
            boxes, labels = self._boxes(info, mask_path)
            used = sorted(set(labels.tolist()) & set(self.auxiliary_ids))
            size = info.get('weak_label_size')
            if used and mask_path is not None and size is not None:
                masks[info['sample_id']], sizes[info['sample_id']] = mask_path, size
            for class_id in used:
                own = boxes[labels == class_id] if self.boxes_from == 'mask' else None
                samples.append({'image': index, 'class_id': class_id, 'boxes': own})
        check_mask_sizes(masks, sizes)
        if not samples:
            names = [self.dataset.metainfo['classes'][class_id] for class_id in self.auxiliary_ids]
            raise ValueError(
                f'none of the {len(self.dataset)} images has a box of an auxiliary class ({", ".join(names[:8])}): '
                "give weak_labels with boxes, or boxes_from='mask', or other auxiliary_classes"
            )
        images = list(dict.fromkeys(sample['image'] for sample in samples))
        kept = set(spread(images, max(1, round(self.share * len(images)))))
        return [sample for sample in samples if sample['image'] in kept]

    def _mask_path(self, info: Sample) -> str | None:
        """The mask file of an image; None if the pipeline draws the mask."""
        if 'weak_annotations' not in info:
            raise TypeError(
                f'ClassMaskDataset wraps WeakSegDataset or ShapesDataset; {type(self.dataset).__name__} has no '
                'weak_annotations'
            )
        path = info['weak_annotations'].mask_path or info.get('seg_map_path')
        drawn = info.get('shapes_mask', False)
        if path is None and not (drawn and self.boxes_from == 'labels'):
            raise ValueError(
                f'{info["img_path"]}: there is no mask to learn from: set data_prefix=dict(..., seg_map_path=...) of '
                "the wrapped data set (of ShapesDataset: labels=['boxes', 'mask'], boxes_from='labels')"
            )
        return path

    def _boxes(self, info: Sample, mask_path: str | None) -> tuple[FloatArray, IntArray]:
        """Boxes and class ids of an image."""
        if self.boxes_from == 'labels' or mask_path is None:
            return info['weak_annotations'].boxes, info['weak_annotations'].box_labels
        mask = with_label_map(load_index_image(mask_path), info.get('label_map'))
        regions = find_regions(mask, min_area=self.min_area)
        corners = [(x, y, x + r.mask.shape[1] - 1, y + r.mask.shape[0] - 1) for r in regions for x, y in [r.corner]]
        labels = np.array([region.label for region in regions], dtype=np.int64)
        return np.array(corners, dtype=np.float64).reshape(-1, 4), labels

    def get_data_info(self, idx: int) -> Sample:
        """Return the sample that the pipeline starts from: the image, its mask, and the boxes of one class."""
        sample: IndexedClassSample = super().get_data_info(idx)
        info = self.dataset.get_data_info(sample['image'])
        class_id, given = sample['class_id'], info['weak_annotations']
        boxes = given.boxes[given.box_labels == class_id] if sample['boxes'] is None else sample['boxes']
        info['weak_annotations'] = WeakAnnotations(
            boxes=boxes, box_labels=np.full(len(boxes), class_id), mask_path=self._mask_path(info)
        )
        info['class_id'] = class_id
        info['sample_idx'] = sample['sample_idx']
        return info


def auxiliary_ids(
    classes: Sequence[str], target_classes: Sequence[str], auxiliary_classes: Sequence[str] | None = None
) -> tuple[int, ...]:
    """Return the ids of the auxiliary classes, ascending, and make sure that no target class is among them.

    Args:
        classes: Class names by id, the background first.
        target_classes: Names of the classes to exclude; they may be those of another data set.
        auxiliary_classes: Names from ``classes``; None means all except the background and the target classes.

    Raises:
        ValueError: If a name is not a class, no class is left, there are no target classes, or the two overlap.

    Example:
        >>> auxiliary_ids(['background', 'cat', 'tv', 'horse'], ['cat', 'tvmonitor'])
        (3,)
    """
    if isinstance(target_classes, str) or isinstance(auxiliary_classes, str) or not target_classes:
        raise ValueError(
            f'target_classes must be a list of names (or one of {", ".join(CLASS_SETS)}), auxiliary_classes a list of '
            'names, each with at least one class'
        )
    names = other_classes(classes[1:], target_classes) if auxiliary_classes is None else tuple(auxiliary_classes)
    if not names:
        raise ValueError(f'no auxiliary class is left: all of {", ".join(classes[1:])} are target classes')
    for name in names:
        if name not in classes[1:]:
            hint = nearest(name, classes[1:])
            raise ValueError(f'auxiliary_classes: {name!r} is not a foreground class of the data set; {hint}')
    targets = {plain_name(name): name for name in target_classes}
    shared = [f'{name!r} (target {targets[plain_name(name)]!r})' for name in names if plain_name(name) in targets]
    if shared:
        raise ValueError(
            f'auxiliary and target classes overlap: {", ".join(shared)}. A generator that has seen masks of a target '
            'class is no longer trained from boxes alone: remove it from one of the two'
        )
    return tuple(sorted(list(classes).index(name) for name in names))
