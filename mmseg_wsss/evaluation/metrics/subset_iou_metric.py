"""Mean IoU over some classes, with a name that describes how the predictions were made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import mmcv
import numpy as np
import torch
from mmseg.evaluation import IoUMetric
from mmseg.registry import METRICS, MODELS
from torch import Tensor

from ...functional import ClassAreas, class_areas, mean_iou, present_classes, prune_classes
from ...functional.grids import rgb_tensor
from ...structures.class_names import class_ids


@METRICS.register_module()
class SubsetIoUMetric(IoUMetric):
    """``IoUMetric`` with a mean over some classes, a name that describes the inference, and new decisions.

    All settings may be combined.

    - ``classes`` adds ``mIoU_subset``. A class outside of the subset is not in that mean, but a pixel of the subset
    that
      is predicted as such a class counts as wrong. The names are checked when the evaluator gets the meta information
      of its data set, which is before the first iteration of a training.
    - ``split`` adds to the keys how the predictions were made, for models whose predictions have
      ``inference_switches``, because papers on image tags mix scores with and without known tags. Examples of keys are
      ``val_predicted_tags_1_view/mIoU`` and ``train_known_tags_bg3_8_views_DenseCRF/mIoU``: the split, the source of
      the tags (``all_classes`` without pruning), the power of the background if it is not 1, the number of averaged
      views, and the refiner.
    - ``known_tags`` and ``refiner`` make a new decision: classes that are not in the ``gt_tags`` of the image are
    removed
      from the class probabilities (softmax of ``seg_logits``, at the size of the file), the refiner is applied with the
      image file, and the largest probability gives the label. Other metrics use the prediction of the model.

    If a model has a decision, set it there, so that its pictures, pseudo-labels and scores have the same masks. Use
    ``refiner`` here for a model without such a decision, and ``known_tags`` here to get the scores with and without
    known tags in one pass over the data, with two evaluators.

    Without ``split``, the default prefix is ``known_tags``, ``refined`` or ``known_tags_refined`` for a new decision,
    and empty otherwise.

    Args:
        classes: Names of the classes to average over; None means the ``measured_classes`` in the meta information of
            the data set, or all of its classes without them, whose mean is ``mIoU``.
        split: Name of the evaluated split, such as ``'val'``; None means that ``prefix`` determines the keys.
        known_tags: Whether the decision uses the known classes of the image. Requires ``gt_tags``, see
            ``LoadImageTags``. The background gets the power in the ``inference_switches`` of the sample, if any.
        refiner: Config of a module (masks, image) -> masks, such as ``dict(type='DenseCRF')``.
        **kwargs: Settings of ``IoUMetric``; ``prefix`` excludes ``split``.

    Raises:
        ImportError: If the refiner needs a package that is not installed.
        ValueError: If ``classes`` is empty, or ``prefix`` and ``split`` are both set.
    """

    def __init__(
        self,
        classes: Sequence[str] | None = None,
        split: str | None = None,
        known_tags: bool = False,
        refiner: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        name = type(self).__name__
        if classes is not None and not len(classes):
            raise ValueError(f'{name}: classes is empty: name at least one class, or leave it out for all classes')
        if split is not None and kwargs.get('prefix') is not None:
            raise ValueError(
                f'{name} makes its prefix from split and the switches of the inference: remove split={split!r} or '
                f'prefix={kwargs["prefix"]!r}'
            )
        ways = [way for way, on in (('known_tags', known_tags), ('refined', refiner is not None)) if on]
        prefix = kwargs.pop('prefix', None) or split or '_'.join(ways) or None
        self.prefix: str | None
        super().__init__(prefix=prefix, **kwargs)
        self.classes = None if classes is None else tuple(classes)
        self.split = split
        self.known_tags = known_tags
        self.refiner = None if refiner is None else MODELS.build(dict(refiner))

    @property
    def dataset_meta(self) -> Any:
        """Meta information of the data set; a runner sets it before the first iteration."""
        return self._dataset_meta

    @dataset_meta.setter
    def dataset_meta(self, meta: dict[str, Any]) -> None:
        if not meta.get('classes'):
            raise ValueError(
                f'{type(self).__name__} needs the class names of the data set, but its metainfo has none: set '
                "metainfo=dict(classes=(...)) of the data set in the evaluator's dataloader"
            )
        try:
            self._chosen = class_ids(self.classes or meta.get('measured_classes'), meta['classes'])
        except ValueError as error:
            raise ValueError(f'{type(self).__name__}: {error}') from None
        self._dataset_meta = meta

    def chosen_ids(self) -> list[int]:
        """Return the ids of ``classes``, or of all classes without a subset."""
        return self._chosen

    def _has_subset(self) -> bool:
        return self.classes is not None or 'measured_classes' in self._dataset_meta

    def process(self, data_batch: dict[str, Any], data_samples: Sequence[dict[str, Any]]) -> None:
        """Make a new decision for a batch if the settings require it, take the name from it, and count it.

        Raises:
            KeyError: If a prediction lacks a key that a setting needs.
            ValueError: If the samples of one evaluation were predicted in different ways, or a tag is not a foreground
                class.
        """
        if self.known_tags or self.refiner is not None:
            data_samples = [self._decide(sample) for sample in data_samples]
        if self.split is not None:
            for sample in data_samples:
                self._take_name(self.split, sample)
        self.count(data_batch, data_samples)

    def count(self, data_batch: dict[str, Any], data_samples: Sequence[dict[str, Any]]) -> None:
        """Add one result per sample, which starts with the four areas."""
        super().process(data_batch, data_samples)

    @staticmethod
    def intersect_and_union(pred_label: Tensor, label: Tensor, num_classes: int, ignore_index: int) -> ClassAreas:
        """Count the areas of an image with :func:`mmseg_wsss.functional.class_areas`."""
        areas = class_areas(pred_label.long(), label.long(), num_classes, ignore_index=ignore_index)
        return ClassAreas(*(area.cpu() for area in areas))

    def compute_metrics(self, results: list[tuple[Any, ...]]) -> dict[str, float]:
        """Return the scores of ``IoUMetric`` and ``mIoU_subset``, in percent."""
        metrics: dict[str, float] = super().compute_metrics(results)
        if not metrics or not self._has_subset():  # with format_only the predictions were written to disk
            return metrics
        intersection, union = (torch.stack(areas).sum(dim=0) for areas in list(zip(*results, strict=True))[:2])
        metrics['mIoU_subset'] = round(100 * mean_iou(intersection, union, classes=self._chosen).item(), 2)
        return metrics

    def _take_name(self, split: str, sample: Mapping[str, Any]) -> None:
        if 'inference_switches' not in sample:
            raise KeyError(
                f'{type(self).__name__}(split={split!r}) takes its name from the inference_switches of a prediction, '
                'but this model does not write them: omit split, and set prefix if necessary'
            )
        name = switches_name(split, sample['inference_switches'])
        if self.prefix != name and self.results:
            raise ValueError(f'one evaluation mixes {self.prefix} and {name}: evaluate them separately')
        self.prefix = name

    @torch.no_grad()
    def _decide(self, sample: dict[str, Any]) -> dict[str, Any]:
        """Return the sample with a new ``pred_sem_seg`` and with switches that describe it."""
        logits = sample.get('seg_logits', {}).get('data')
        if logits is None or len(logits) < 2:
            raise KeyError(
                f'{type(self).__name__} with known_tags or a refiner needs seg_logits of at least two classes: use a '
                'network with a softmax, and WeakSegTTAModel for test-time augmentation'
            )
        masks = logits.float().softmax(dim=0)[None]
        switches = dict(sample.get('inference_switches') or {})
        power = switches.get('background_power', 1.0) if self.known_tags else 1.0
        if self.known_tags:
            masks = prune_classes(masks, self._tags(sample, masks)[None], background_power=power)
        if self.refiner is not None:
            masks = self.refiner(masks, _photo(sample['img_path'], masks.shape[2:]).to(masks))
        decided = {**sample, 'pred_sem_seg': {'data': masks[0].argmax(dim=0, keepdim=True)}}
        if switches:
            decided['inference_switches'] = {
                **switches,
                'tags': 'known' if self.known_tags else None,
                'background_power': power,
                'refiner': None if self.refiner is None else type(self.refiner).__name__,
            }
        return decided

    def _tags(self, sample: Mapping[str, Any], masks: Tensor) -> Tensor:
        """Return the foreground classes of the image, (C-1,) bool."""
        image = sample.get('img_path', '')
        if 'gt_tags' not in sample:
            raise KeyError(
                f'{type(self).__name__}(known_tags=True), but the sample {image} has no gt_tags: put LoadImageTags '
                "into the test pipeline and 'gt_tags' into the meta_keys of PackSegInputs"
            )
        try:
            return present_classes(torch.as_tensor(sample['gt_tags'], device=masks.device), masks.shape[1])
        except ValueError as error:
            raise ValueError(f'{image}: {error}') from None


def _photo(path: str, size: Sequence[int]) -> Tensor:
    """Return an image file, RGB in [0, 1], (1, 3, H, W).

    Raises:
        ValueError: If a pipeline must have read it in another way than mmcv does by default: by a range of values, or
            without its EXIF orientation.
    """
    photo, stored = mmcv.imread(path), mmcv.imread(path, flag='unchanged')
    if stored.dtype != np.uint8 or photo.shape[:2] != tuple(size):
        found = f'{photo.shape[1]} x {photo.shape[0]} pixels of {stored.dtype}'
        raise ValueError(
            f'{path} is read as {found}, and its prediction has {size[1]} x {size[0]}: a refiner of a metric only '
            'reads images of 8 bits, after turning; set model.decision.refiner, which gets the image of the pipeline'
        )
    return rgb_tensor(photo)


def switches_name(split: str, switches: Mapping[str, Any]) -> str:
    """Return the name of an inference.

    Args:
        split: Name of the evaluated split.
        switches: The ``inference_switches`` of a predicted sample: ``tags`` (``'known'``, ``'predicted'``, or None
            without pruning), ``background_power``, ``views`` and ``refiner`` (its class name or None).

    Example:
        >>> switches_name('val', {'tags': 'predicted', 'background_power': 3.0, 'views': 8, 'refiner': 'DenseCRF'})
        'val_predicted_tags_bg3_8_views_DenseCRF'
    """
    views = f'{switches["views"]}_view{"" if switches["views"] == 1 else "s"}'
    refiner = f'_{switches["refiner"]}' if switches['refiner'] else ''
    tags = f'{switches["tags"]}_tags' if switches['tags'] else 'all_classes'
    power = '' if switches['background_power'] == 1 else f'_bg{switches["background_power"]:g}'
    return f'{split}_{tags}{power}_{views}{refiner}'
