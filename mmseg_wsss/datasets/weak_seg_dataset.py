"""A segmentation data set whose labels are clicks, scribbles, boxes, tags, masks, or a mix of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from mmseg.datasets import BaseSegDataset
from mmseg.registry import DATASETS
from mmseg.utils import get_classes, get_palette

from ..files import relative_name
from ..structures import ImageEntry, Sample, WeakAnnotations, WeakLabelSet
from .audit import UNUSED, LabelAudit
from .class_sets import CLASS_SETS
from .findings import NOTE, Finding, check_classes
from .formats import normalise_source, read_labels, read_source_classes
from .formats.checks import fit_to_images
from .formats.files import read_ids
from .formats.image_files import unlabelled_images
from .formats.label_format import ReadReport
from .formats.registry import LabelSource
from .image_checks import Size, check_forms, look_at_images
from .label_checks import PLAIN_STEPS, MaskReader, class_shares, report
from .label_counts import contradictions, count_labels
from .picture_loading import image_loader
from .resumable import SeededItems
from .transforms import LoadWeakAnnotations
from .transforms.label_routes import label_routes
from .transforms.pipeline_check import check_pipeline


@DATASETS.register_module()
class WeakSegDataset(SeededItems, BaseSegDataset):
    """Images with weak labels.

    All files are checked when the data set is built, so that an error in a label file is found before training. Every
    sample has ``weak_annotations`` (:class:`~mmseg_wsss.structures.WeakAnnotations`), ``weak_label_size``
    ((width, height), None if unknown) and ``sample_id``; an image without labels has an empty set.

    The images are those that ``ann_file`` lists (one id per line); without it, those in the label file.

    Args:
        weak_labels: A path of ``weak_labels.json``, or ``dict(format=..., path=..., ...)``, or a list of those, merged
            in order (docs/formats.md). Relative paths start at ``data_root``. None means no labels, for evaluation.
        check_images: Read the header of every image, and load one of every kind, to check that images exist, have the
            size that the labels state, and can be loaded by the pipeline.
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
        check_images: bool = True,
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
        check_classes({**self.METAINFO, **metainfo}['classes'])
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

    def load_data_list(self) -> list[Sample]:
        """Return one sample per image."""
        classes = tuple(self._metainfo['classes'])
        labels, left_out = WeakLabelSet(classes), ReadReport()
        if self.weak_labels is not None:
            labels = read_labels(self.weak_labels, classes, img_suffix=self.img_suffix, report=left_out)
        if not labels.images and not self.ann_file:
            labels = unlabelled_images(self.data_prefix['img_path'], self.img_suffix, classes, left_out)
        self._notes = [Finding(NOTE, f'{self._source}: {line}') for line in left_out.lines()]
        images = self._choose(self._list_images(labels))
        source = self.ann_file or self._source
        if not images:
            raise ValueError(
                f'WeakSegDataset has no images: {source} lists none. Check ann_file, img_path, img_suffix.'
            )
        labels = WeakLabelSet(classes, images={sample['sample_id']: entry for sample, entry in images})
        samples = [sample for sample, _ in images]
        sizes = {key: entry.size for key, entry in labels.images.items() if entry.size is not None}
        if self.check_images:
            paths = {s['sample_id']: s['img_path'] for s in samples}
            loader = image_loader(self.pipeline.transforms)
            sizes, self._pictures = look_at_images(paths, sizes, source, loader)
        try:
            labels = fit_to_images(labels, sizes, self._source)
        except ValueError as error:
            turned = [f'{finding}.' for finding in self._pictures if 'EXIF orientation' in finding.text]
            raise ValueError(' '.join([str(error), *turned])) from error
        for sample in samples:
            annotations = labels.images[sample['sample_id']].annotations
            if self.use_dense_masks:
                annotations = WeakAnnotations(mask_path=sample['seg_map_path'])
            sample['weak_annotations'] = annotations
            sample['weak_label_size'] = sizes.get(sample['sample_id'])
        self._check_labelled(samples, sizes)
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

    def _list_images(self, labels: WeakLabelSet) -> list[tuple[Sample, ImageEntry]]:
        """The images of the split with their entries in the label file."""
        by_file = {entry.file_name: entry for entry in labels.images.values()}
        if self.ann_file:
            ids = read_ids(self.ann_file)
            check_forms(ids, labels.images, self.ann_file)
        else:
            ids = [self._split_id(key, entry) for key, entry in labels.images.items()]
        images = []
        for key in ids:
            guess = key + self.img_suffix
            entry = by_file.get(guess) or labels.images.get(key) or ImageEntry(guess)
            images.append((self._sample(key, entry), entry))
        return images

    def _split_id(self, key: str, entry: ImageEntry) -> str:
        """The id as in a split file: without the suffix, which may be longer than the extension."""
        return entry.file_name.removesuffix(self.img_suffix) if entry.file_name.endswith(self.img_suffix) else key

    def _sample(self, key: str, entry: ImageEntry) -> Sample:
        sample: Sample = {
            'img_path': str(Path(self.data_prefix['img_path']) / entry.file_name),
            'sample_id': relative_name(key),
            'label_map': self.label_map,
            'reduce_zero_label': self.reduce_zero_label,
            'seg_fields': [],
            'num_classes': len(self._metainfo['classes']),
        }
        if 'seg_map_path' in self.data_prefix:
            sample['seg_map_path'] = str(Path(self.data_prefix['seg_map_path']) / (key + self.seg_map_suffix))
        return sample

    def _check_labelled(self, samples: list[Sample], sizes: dict[str, Size]) -> None:
        """Check the masks, and that there are labels to learn from, and warn about problems of the labels."""
        weak = {s['sample_id']: s['weak_annotations'] for s in samples}
        used = {key: self._used(labels) for key, labels in weak.items()}
        masks = {key: labels.mask_path for key, labels in used.items() if labels.mask_path is not None}
        if self.test_mode:
            masks |= {s['sample_id']: s['seg_map_path'] for s in samples if 'seg_map_path' in s}
        values, found = None, list[str]()
        if self.check_masks and masks:
            reader = MaskReader(
                self._metainfo['classes'], self.check_masks is True, self.ignore_index, int(self.reduce_zero_label),
                self.label_map, any_values=self.label_map is not None and self.only_classes is None,
            )  # fmt: skip
            values, found = reader.read(masks, sizes if self.check_images else None, None if self.test_mode else weak)
        labelled = bool(masks) if values is None else values.labelled
        if not self.test_mode and not labelled and not any(a.num_labels or a.tags for a in used.values()):
            raise ValueError(
                f'nothing is labelled: none of the {len(samples)} images has a point, scribble, box, tag or labelled '
                f'mask pixel of the kinds that LoadWeakAnnotations reads in {self._source}. '
                'Do the image ids in the label file match those of ann_file '
                f'(first: {samples[0]["sample_id"]!r})?'
            )
        if not self.test_mode:
            classes = self._metainfo['classes']
            found += [text for key, labels in weak.items() for text in contradictions(key, labels, classes)]
        compared = self.test_mode and 'seg_map_path' in self.data_prefix
        self._audit = LabelAudit(
            self.data_prefix['seg_map_path'] if compared else self._source,
            count_labels(list(weak.values()), self._metainfo['classes'], values),
            None if self.test_mode else label_routes(self.pipeline.transforms) or label_routes(PLAIN_STEPS),
            contradictions=tuple(found),
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

    def _used(self, labels: WeakAnnotations) -> WeakAnnotations:
        """The labels without the kinds that the pipeline does not read."""
        loaders = [step for step in self.pipeline.transforms if isinstance(step, LoadWeakAnnotations)]
        return labels.select(sorted(loaders[0].needed_kinds)) if loaders else labels

    def class_frequencies(self) -> npt.NDArray[np.float64]:
        """Return the share of each class among the labels of all images, (C,); see ``label_checks.class_shares``."""
        self.full_init()
        labels = [self.get_data_info(index)['weak_annotations'] for index in range(len(self))]
        return class_shares(labels, len(self._metainfo['classes']))
