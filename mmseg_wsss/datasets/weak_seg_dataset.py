"""A segmentation data set whose labels are clicks, scribbles, boxes, tags, masks, or a mix of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
from mmseg.datasets import BaseSegDataset
from mmseg.registry import DATASETS
from mmseg.utils import get_classes, get_palette

from ..structures import ImageEntry, Sample, WeakAnnotations, WeakLabelSet
from ..structures.weak_annotations import KEYS
from .arrow_pictures import PictureChecks
from .arrow_samples import ArrowSamples, chosen_images, moved_images, stated_sizes
from .audit import UNUSED, LabelAudit
from .class_sets import CLASS_SETS
from .findings import NOTE, Finding, check_classes
from .formats import normalise_source, read_labels, read_source_classes
from .formats.arrow_images import ArrowImages
from .formats.checks import fit_to_images
from .formats.image_files import unlabelled_images
from .formats.label_format import ReadReport
from .formats.registry import LabelSource
from .image_checks import Size, look_at_images, naming_turned_images
from .label_checks import PLAIN_STEPS, CheckedLabels, MaskReader, check_labelled, class_shares, report
from .picture_loading import image_loader
from .resumable import SeededItems
from .transforms import LoadWeakAnnotations
from .transforms.label_routes import label_routes
from .transforms.pipeline_check import check_pipeline
from .weak_samples import SampleForm, check_any


@DATASETS.register_module()
class WeakSegDataset(SeededItems, BaseSegDataset):
    """Images with weak labels.

    All files are checked when the data set is built, so that an error in a label file is found before training. Every
    sample has ``weak_annotations`` (:class:`~mmseg_wsss.structures.WeakAnnotations`), ``weak_label_size``
    ((width, height), None if unknown) and ``sample_id``; an image without labels has an empty set.

    The images are those that ``ann_file`` lists (one id per line); without it, those in the label file.

    Args:
        weak_labels: A path of ``weak_labels.json`` or of a folder of pseudo-labels, or ``dict(format=..., path=...,
            ...)``, or a list of those, merged in order (docs/formats.md). Relative paths start at ``data_root``. None
            means no labels, for evaluation.
        check_images: Read the header of every image, and load one of every kind, to check that images exist, have the
            size that the labels state, and can be loaded by the pipeline. For labels in Arrow the result is remembered
            (``PictureChecks.run``); ``'again'`` checks all files again.
        check_masks: Which dense masks to check: the sizes of all and the values of 50 (``'sample'``), the values of
            all (True), or nothing (False). In evaluation these are the masks in ``seg_map_path``.
        use_dense_masks: Train only on the mask in ``seg_map_path`` of every image: the fully supervised baseline with
            the same pipeline.
        unused_labels: What happens if no loss learns from the labels of a kind, such as boxes that are not drawn:
            ``'stop'`` ends the training; ``'warn'`` only warns if it learns from labels of other kinds.
        only_classes: Keep only the labels of these foreground classes, and the images that have one. Pixels of the
            other classes are background in masks; class ids do not change.
        without_classes: Leave out the images that have one of these classes. Both settings need ``weak_labels`` that
            name the classes of the images.
        metainfo: ``classes`` and ``palette``, or ``dataset``, a name that ``CLASS_SETS`` or ``mmseg.utils.get_classes``
            knows (``voc``, ``cityscapes``, ``coco60``). The classes of the label file are the default.
        data_root: Folder that relative paths start at.
        data_prefix: Folders ``img_path`` and, for evaluation or ``use_dense_masks``, ``seg_map_path``.
        **kwargs: Other arguments of :class:`mmseg.datasets.BaseSegDataset`.

    Raises:
        FileNotFoundError: If a label file, an image or a mask is missing.
        ValueError: If labels, images and masks do not match, or nothing is labelled.
    """

    def __init__(
        self,
        weak_labels: LabelSource | None = None,
        *,
        check_images: bool | str = True,
        check_masks: bool | str = 'sample',
        use_dense_masks: bool = False,
        unused_labels: str = 'stop',
        only_classes: Sequence[str] | None = None,
        without_classes: Sequence[str] = (),
        metainfo: dict[str, Any] | None = None,
        data_root: str | None = None,
        data_prefix: dict[str, str] | None = None,
        **kwargs: Any,
    ) -> None:
        if check_images not in (True, False, 'again'):
            raise ValueError(f"check_images must be True, False or 'again', got {check_images!r}")
        if check_masks not in (True, False, 'sample'):
            raise ValueError(f"check_masks must be True, False or 'sample', got {check_masks!r}")
        if unused_labels not in UNUSED:
            raise ValueError(f'unused_labels must be one of {", ".join(map(repr, UNUSED))}, got {unused_labels!r}')
        self.unused_labels = unused_labels
        self.weak_labels = None if weak_labels is None else normalise_source(weak_labels, data_root)
        self.check_images = check_images
        self._pictures: list[Finding] = []
        self.check_masks = check_masks
        self.use_dense_masks = use_dense_masks
        self.only_classes = None if only_classes is None else tuple(only_classes)
        self.without_classes = tuple(without_classes)
        data_prefix = {key: path for key, path in (data_prefix or {}).items() if path or key == 'img_path'}
        self._check_settings(data_prefix, kwargs)
        metainfo = self._with_classes(metainfo)
        whole = {**self.METAINFO, **metainfo}
        check_classes(whole['classes'], whole.get('palette'))
        super().__init__(
            metainfo=metainfo,
            data_root=data_root,
            data_prefix={'img_path': '', **data_prefix},
            **kwargs,
        )

    def _check_settings(self, data_prefix: dict[str, str], settings: dict[str, Any]) -> None:
        if self.use_dense_masks and 'seg_map_path' not in data_prefix:
            raise ValueError('use_dense_masks=True needs the folder of masks: data_prefix=dict(..., seg_map_path=...)')
        if self.weak_labels is None and not self.use_dense_masks and not settings.get('test_mode', False):
            raise ValueError(
                'WeakSegDataset has no labels to train on: give weak_labels=..., or use_dense_masks=True, or '
                'test_mode=True for evaluation'
            )
        if (self.only_classes is not None or self.without_classes) and self.weak_labels is None:
            raise ValueError('only_classes and without_classes need weak_labels, which say what is in the images')
        if settings.get('reduce_zero_label', False) and not settings.get('test_mode', False):
            raise ValueError(
                'reduce_zero_label=True cannot be used with weak labels: their class ids are final and class 0 is the '
                'background. Convert the masks so that unlabelled is 255 and classes count from 0.'
            )
        if settings.get('ignore_index', 255) != 255:
            raise ValueError('ignore_index of a data set has no effect: unlabelled pixels are 255. Convert the masks.')
        if settings.get('backend_args') and (self.check_images or self.check_masks):
            raise ValueError('files behind backend_args cannot be checked: set check_images=False, check_masks=False')

    def _with_classes(self, metainfo: dict[str, Any] | None) -> dict[str, Any]:
        metainfo = dict(metainfo or {})
        known = metainfo.pop('dataset', None)
        if known is not None:
            given = CLASS_SETS.get(known) or {'classes': get_classes(known), 'palette': get_palette(known)}
            own = 'classes' in metainfo and tuple(metainfo['classes']) != tuple(given['classes'])
            metainfo = metainfo if own else {**given, **metainfo}
        if 'classes' in {**self.METAINFO, **metainfo}:
            return metainfo
        if self.weak_labels is None:
            raise ValueError(
                "WeakSegDataset needs metainfo=dict(classes=('background', ...)): no label file names them"
            )
        classes, palette = read_source_classes(self.weak_labels)
        metainfo['classes'] = classes
        if palette is not None:
            metainfo.setdefault('palette', [list(colour) for colour in palette])
        return metainfo

    def full_init(self) -> None:
        """Check the pipeline, then read and check labels, images and masks."""
        if not self._fully_initialized and self.pipeline.transforms and not self.test_mode:
            check_pipeline(self.pipeline.transforms)
        super().full_init()

    def load_data_list(self) -> Sequence[Sample]:
        """Return one sample per image."""
        classes = tuple(self._metainfo['classes'])
        labels, left_out = WeakLabelSet(classes), ReadReport()
        if self.weak_labels is not None:
            labels = read_labels(self.weak_labels, classes, img_suffix=self.img_suffix, report=left_out)
        if not labels.images and not self.ann_file:
            labels = unlabelled_images(self.data_prefix['img_path'], self.img_suffix, classes, left_out)
        self._notes = [Finding(NOTE, f'{self._source}: {line}') for line in left_out.lines()]
        if isinstance(labels.images, ArrowImages):
            rows = chosen_images(labels.images, self._form, self.ann_file)
            if self._reads_by_row:
                return self._load_rows(replace(labels, images=rows), rows)
            labels = replace(labels, images=dict(rows))
        images = self._choose(self._form.list_images(labels, self.ann_file))
        check_any(images, self._list)
        labels = WeakLabelSet(classes, images={sample['sample_id']: entry for sample, entry in images})
        samples = [sample for sample, _ in images]
        sizes = {key: entry.size for key, entry in labels.images.items() if entry.size is not None}
        if self.check_images:
            paths = {s['sample_id']: s['img_path'] for s in samples}
            loader = image_loader(self.pipeline.transforms)
            sizes, self._pictures = look_at_images(paths, sizes, self._list, loader)
        with naming_turned_images(self._pictures):
            labels = fit_to_images(labels, sizes, self._source)
        for sample in samples:
            annotations = labels.images[sample['sample_id']].annotations
            if self.use_dense_masks:
                annotations = WeakAnnotations(mask_path=sample['seg_map_path'])
            sample['weak_annotations'] = annotations
            sample['weak_label_size'] = sizes.get(sample['sample_id'])
        checked = CheckedLabels.of(self._source, {s['sample_id']: s['weak_annotations'] for s in samples})
        truth = {s['sample_id']: s['seg_map_path'] for s in samples if 'seg_map_path' in s}
        self._audit_labels(checked, sizes if self.check_images else None, truth if self.test_mode else None)
        return samples

    @property
    def _reads_by_row(self) -> bool:
        """Whether samples can be built from rows of Arrow files; otherwise all labels are read into memory."""
        plain = type(self)._choose is WeakSegDataset._choose and self.only_classes is None and not self.without_classes
        return plain and not self.test_mode and 'seg_map_path' not in self.data_prefix

    def _load_rows(self, labels: WeakLabelSet, images: ArrowImages) -> ArrowSamples:
        """Return the samples of label files in Arrow; mmengine must not pickle them one by one."""
        self.serialize_data = False
        check_any(images, self._list)
        sizes = stated_sizes(images)
        if self.check_images:
            masks = bool(self.check_masks) and 'mask' in self._kinds
            loader = image_loader(self.pipeline.transforms)
            checks = PictureChecks(images, self.data_prefix['img_path'], self._list, loader, masks)
            sizes, self._pictures = checks.run(sizes, again=self.check_images == 'again')
        with naming_turned_images(self._pictures):
            moved = moved_images(labels, sizes, self._source)
        samples = ArrowSamples(images, self._form, sizes, moved)
        self._audit_labels(samples.checked_labels(self._source), None)
        return samples

    def _choose(self, images: list[tuple[Sample, ImageEntry]]) -> list[tuple[Sample, ImageEntry]]:
        """Keep the images and the labels that ``only_classes`` and ``without_classes`` select."""
        if self.only_classes is None and not self.without_classes:
            return images
        names = self._metainfo['classes']
        unknown = sorted({*(self.only_classes or ()), *self.without_classes} - set(names[1:]))
        if unknown:
            raise ValueError(f'{unknown} are not foreground classes: choose from {", ".join(names[1:])}')
        wanted = set(range(1, len(names)) if self.only_classes is None else map(names.index, self.only_classes))
        refused = set(map(names.index, self.without_classes))
        kept = []
        for sample, entry in images:
            if entry.annotations.classes & wanted and not entry.annotations.classes & refused:
                kept.append((sample, replace(entry, annotations=entry.annotations.of_classes({0, *wanted}))))
        if self.only_classes is not None:
            self.label_map = {index: 0 for index in range(1, len(names)) if index not in wanted}
            for sample, _ in kept:
                sample['label_map'] = self.label_map
        return kept

    @property
    def _source(self) -> str:
        """The label files, for the messages."""
        return ', '.join(item['path'] for item in self.weak_labels or []) or self.data_prefix['img_path']

    @property
    def _list(self) -> str:
        """The file that lists the images, for the messages."""
        return self.ann_file or self._source

    @property
    def _form(self) -> SampleForm:
        masks = self.data_prefix.get('seg_map_path')
        return SampleForm(
            self.data_prefix['img_path'], self.img_suffix, len(self._metainfo['classes']), self.label_map,
            self.reduce_zero_label, masks, self.seg_map_suffix,
        )  # fmt: skip

    def _audit_labels(
        self, labels: CheckedLabels, sizes: Mapping[str, Size] | None, truth: Mapping[str, str] | None = None
    ) -> None:
        """Check the labels and warn about their problems; ``truth`` are the masks of an evaluation."""
        classes, reader = self._metainfo['classes'], None
        if self.check_masks:
            reader = MaskReader(
                classes, self.check_masks is True, self.ignore_index, int(self.reduce_zero_label),
                self.label_map, any_values=self.label_map is not None and self.only_classes is None,
            )  # fmt: skip
        counts, found = check_labelled(labels, classes, self._kinds, reader, sizes, truth)
        compared = self.test_mode and 'seg_map_path' in self.data_prefix
        self._audit = LabelAudit(
            self.data_prefix['seg_map_path'] if compared else self._source,
            counts,
            None if self.test_mode else label_routes(self.pipeline.transforms) or label_routes(PLAIN_STEPS),
            contradictions=found,
            unused=self.unused_labels,
            files=(*self._notes, *self._pictures),
            evaluation=self.test_mode,
        )
        report(self._audit)

    @property
    def audit(self) -> LabelAudit:
        """The audit of the labels and of what the pipeline makes of them, with the masks that were read."""
        self.full_init()
        return self._audit

    @property
    def _kinds(self) -> set[str]:
        """The kinds of labels that the pipeline reads."""
        loaders = [step for step in self.pipeline.transforms if isinstance(step, LoadWeakAnnotations)]
        return set(loaders[0].needed_kinds) if loaders else set(KEYS)

    def class_frequencies(self) -> npt.NDArray[np.float64]:
        """Return the share of each class among the labels of all images, (C,); see ``label_checks.class_shares``."""
        self.full_init()
        number = len(self._metainfo['classes'])
        if isinstance(self.data_list, ArrowSamples) and self.data_list.chosen is None:
            return self.data_list.checked_labels(self._source).shares(number)
        annotations = [self.get_data_info(index)['weak_annotations'] for index in range(len(self))]
        return class_shares(annotations, number, self.label_map)
