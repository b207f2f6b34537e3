"""Weak labels in the pipeline, as coordinates."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import mmcv
import numpy as np
import numpy.typing as npt
from mmcv.transforms import BaseTransform
from mmengine import fileio
from mmseg.registry import TRANSFORMS

from ...structures import WeakAnnotations
from ...structures.sample import Sample, with_label_map
from ...structures.weak_annotations import KEYS
from ..formats.index_png import load_index_image
from ._geometry import add_frame

UNLABELLED = 255


@TRANSFORMS.register_module()
class LoadWeakAnnotations(BaseTransform):
    """Select the weak labels of the sample and load its dense mask, if it has one.

    Image tags are determined here, before any crop: those of the annotator if given, otherwise the foreground classes
        of
    the other labels of the image, including a dense mask. If labels leave out a class of the image, its tags are wrong.

    Required keys: ``weak_annotations`` (a ``WeakAnnotations`` or its dict form), ``ori_shape``; optionally
    ``weak_label_size``, ``label_map``, ``img_path``, ``num_classes``.

    Added keys: ``homography_matrix``, ``weak_frames``; with a dense mask ``gt_seg_map``, also in ``seg_fields``.

    Modified keys: ``weak_annotations``.

    Args:
        kinds: The kinds of labels to use, from ``points``, ``scribbles``, ``boxes``, ``tags``, ``mask``.
        imdecode_backend: The backend with which mmcv reads the mask; ``pillow`` gives the indices of a palette PNG.
        tags_from: The kinds of labels that give the classes of the image, which need not be in ``kinds``:
            ``kinds=['tags'], tags_from=['boxes']`` trains on image tags from boxes. None means ``kinds``.

    Raises:
        ValueError: If a kind is unknown.
    """

    def __init__(
        self, kinds: Sequence[str] = KEYS, imdecode_backend: str = 'pillow', tags_from: Sequence[str] | None = None
    ) -> None:
        self.kinds = tuple(kinds)
        self.tags_from = self.kinds if tags_from is None else tuple(tags_from)
        WeakAnnotations().select(self.needed_kinds)
        self.imdecode_backend = imdecode_backend

    @property
    def needed_kinds(self) -> set[str]:
        """The kinds of labels that are used, including those that only give tags."""
        return {*self.kinds, *self.tags_from}

    def transform(self, results: Sample) -> Sample:
        """Select the labels and start the matrix.

        Raises:
            KeyError: If the data set does not have weak labels.
            ValueError: If the size of the image or the mask differs from that of the labels, or a tag is not a class.
        """
        if 'weak_annotations' not in results:
            raise KeyError('the sample has no weak_annotations: use WeakSegDataset or ShapesDataset as data set')
        labels = results['weak_annotations']
        if isinstance(labels, Mapping):
            labels = WeakAnnotations.from_dict(labels)
        height, width = results['ori_shape'][:2]
        expected = results.get('weak_label_size')
        if expected is not None and tuple(expected) != (width, height):
            raise ValueError(
                f'{results.get("img_path")}: its labels are for an image of {expected[0]} x {expected[1]} pixels, but '
                f'the image has {width} x {height}'
            )
        sources = labels.select(self.tags_from)
        mask_path = labels.select(self.needed_kinds).mask_path
        labels = labels.select(self.kinds)
        if 'img' in results and results['img'].shape[:2] != (height, width):
            raise ValueError(
                f'{results.get("img_path")}: the image has the shape {results["img"].shape[:2]} and not the original '
                f'{(height, width)}: put LoadWeakAnnotations before the transform that changes its size'
            )
        results['homography_matrix'] = np.eye(3)
        results['weak_frames'] = []
        add_frame(results, (height, width))
        if mask_path is not None:
            self._load_mask(results, mask_path)
        if labels.tags is None:
            mask = results.get('gt_seg_map') if 'mask' in self.tags_from else None
            labels = replace(labels, tags=tags_of(sources, mask))
        check_tags(labels.tags, results)
        if 'gt_seg_map' in results and 'mask' not in self.kinds:
            results['seg_fields'].remove('gt_seg_map')
            del results['gt_seg_map']
        results['weak_annotations'] = labels
        return results

    def _load_mask(self, results: Sample, path: str) -> None:
        mask = mmcv.imfrombytes(fileio.get(path), flag='unchanged', backend=self.imdecode_backend)
        if mask.shape != tuple(results['ori_shape'][:2]):
            raise ValueError(
                f'{path}: the mask has the shape {mask.shape} and its image {results.get("img_path")} '
                f'{tuple(results["ori_shape"][:2])}: they must be the same, and the mask must have one channel'
            )
        if mask.size and not 0 <= mask.min() <= mask.max() <= 255:
            raise ValueError(f'{path}: a mask contains class ids and 255, from 0 to 255; got up to {mask.max()}')
        mask = mask.astype(np.uint8)
        results['gt_seg_map'] = with_label_map(mask, results.get('label_map'))
        if 'gt_seg_map' not in results.setdefault('seg_fields', []):
            results['seg_fields'].append('gt_seg_map')

    def __repr__(self) -> str:
        return f'{type(self).__name__}(kinds={self.kinds}, tags_from={self.tags_from})'


@TRANSFORMS.register_module()
class LoadImageTags(BaseTransform):
    """Add the classes of the image in a test pipeline, for models and metrics with ``known_tags=True``.

    ``PackSegInputs(meta_keys=(..., 'gt_tags'))`` packs them.

    Required keys: ``weak_annotations``; with ``from_truth`` ``gt_seg_map`` instead.

    Added keys: ``gt_tags``, class ids, (T,) int64.

    Args:
        from_truth: Use the classes of the full mask, the setting of papers with known tags of validation images. Put
            the transform after ``LoadAnnotations``.
    """

    def __init__(self, from_truth: bool = False) -> None:
        self.from_truth = from_truth

    def transform(self, results: Sample) -> Sample:
        """Add the tags.

        Raises:
            KeyError: If the key to read them from is missing.
            ValueError: If the image has no tags.
        """
        needed = 'gt_seg_map' if self.from_truth else 'weak_annotations'
        if needed not in results:
            cure = 'put LoadAnnotations before it' if self.from_truth else 'set weak_labels of the data set'
            raise KeyError(f'LoadImageTags found no {needed} in the sample: {cure}')
        if self.from_truth:
            tags = tags_of(WeakAnnotations(), results['gt_seg_map'].astype(np.uint8))
        else:
            tags = tags_of_sample(results)
        if tags is None:
            raise ValueError(
                f'{results.get("img_path")}: this image has no tags and no labels that give its classes: tag it, '
                'remove it from ann_file, or predict without known tags'
            )
        results['gt_tags'] = np.array(tags, dtype=np.int64)
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(from_truth={self.from_truth})'


def tags_of(labels: WeakAnnotations, mask: npt.NDArray[np.integer[Any]] | None = None) -> tuple[int, ...] | None:
    """Return the foreground classes of an image: its tags, or those of its labels and its dense mask, or None.

    Args:
        labels: The labels of the whole image.
        mask: Class ids, 255 where unlabelled. A mask with only background means that there are no foreground classes.
    """
    tags = labels.image_tags()
    if labels.tags is not None or mask is None:
        return tags
    seen = set(np.bincount(mask.ravel(), minlength=256).nonzero()[0].tolist()) - {UNLABELLED}
    return tuple(sorted({*(tags or ()), *seen} - {0})) if seen else tags


def tags_of_sample(sample: Sample) -> tuple[int, ...] | None:
    """Return the foreground classes of an image from all its labels, as :func:`tags_of` does, or None.

    Args:
        sample: The sample, with ``weak_annotations``. Their dense mask is read if there are no tags.
    """
    labels = sample['weak_annotations']
    if labels.tags is not None or labels.mask_path is None:
        return tags_of(labels)
    return tags_of(labels, with_label_map(load_index_image(labels.mask_path), sample.get('label_map')))


def check_tags(tags: Sequence[int] | None, results: Sample) -> None:
    """Raise an error for tags that are not classes, before they are used as an index on a GPU.

    Raises:
        ValueError: If a tag is not a class; the message names the image and the tags.
    """
    strange = [tag for tag in tags or () if not 0 <= tag < results.get('num_classes', UNLABELLED)]
    if strange:
        raise ValueError(
            f'{results.get("img_path")}: the image tags {strange} are not classes: the data set has '
            f'{results.get("num_classes", UNLABELLED)} with the background, counted from 0. Correct the labels (the '
            'values of the dense mask, if the tags come from there) or the list of classes'
        )
