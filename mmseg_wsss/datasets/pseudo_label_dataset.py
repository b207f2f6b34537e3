"""A data set of images and the pseudo-labels of another network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mmseg.datasets import BaseSegDataset
from mmseg.registry import DATASETS

from ..structures import Sample
from .formats.files import read_ids
from .image_checks import check_images, check_mask_sizes, spread
from .mask_values import check_mask_values
from .picture_loading import image_loader
from .pseudo_label_files import UNSURE, read_index, written_by
from .resumable import SeededItems

MASK_SAMPLE = 50


@DATASETS.register_module()
class PseudoLabelDataset(SeededItems, BaseSegDataset):
    """Images with the masks that ``wsss pseudo-labels`` wrote, for a plain mmseg pipeline and network.

    Classes and colours are those of the labels. Images, masks and confidences are checked when the data set is built.
    Read the masks with ``LoadPseudoLabels`` (which has a minimum confidence) or ``LoadAnnotations``.

    Args:
        label_root: The folder of the pseudo-labels; a relative path starts at the current folder.
        img_path: Folder of the images.
        ann_file: Text file with one image id per line; all images of the folder by default.
        true_mask_ids: Text file with the ids of the images whose true masks are known and used instead of their
            pseudo-labels (semi-supervised training).
        true_masks: Folder of those masks, ``<image id>.png``.
        **kwargs: ``pipeline``, ``indices``, ``serialize_data`` and other arguments of ``BaseSegDataset``.

    Raises:
        FileNotFoundError: If the labels, a mask or an image is missing.
        ValueError: If a mask differs in size from its image or has values that are not class ids, or an id has no
            labels.
    """

    def __init__(
        self,
        label_root: str,
        img_path: str,
        ann_file: str = '',
        true_mask_ids: str | None = None,
        true_masks: str | None = None,
        **kwargs: Any,
    ) -> None:
        if (true_mask_ids is None) != (true_masks is None):
            raise ValueError(
                'true_mask_ids lists the images whose true masks are in the folder true_masks: set both or neither, '
                f'got {true_mask_ids!r} and {true_masks!r}'
            )
        self.label_root = Path(label_root)
        self.true_mask_ids, self.true_masks = true_mask_ids, true_masks
        self._index = read_index(label_root)
        metainfo = {'classes': self._index.classes, 'palette': [list(colour) for colour in self._index.palette]}
        super().__init__(ann_file=ann_file, metainfo=metainfo, data_prefix={'img_path': img_path}, **kwargs)

    def load_data_list(self) -> list[Sample]:
        """Return one dict per image."""
        known = self._index.images
        keys = read_ids(self.ann_file) if self.ann_file else list(known)
        missing = [key for key in keys if key not in known]
        if missing or not keys:
            raise ValueError(
                f'{self.label_root} has labels of {len(known)} images, but not of {len(missing)} of the {len(keys)} in '
                f'{self.ann_file} (first: {missing[:1]}): write them again with that list of images'
            )
        source = str(self.label_root)
        images = {key: str(Path(self.data_prefix['img_path']) / known[key]['file_name']) for key in keys}
        stated = {key: (known[key]['width'], known[key]['height']) for key in keys}
        sizes = check_images(images, stated, source, image_loader(self.pipeline.transforms))
        files = {
            kind: {key: str(self.label_root / kind / f'{key}.png') for key in keys} for kind in ('masks', 'confidence')
        }
        true = self._true_masks(keys)
        for paths in files.values():
            made = {key: path for key, path in paths.items() if key not in true}
            check_mask_sizes(made, sizes, cure=f'Write {source} again: {written_by(source)}')
        check_mask_sizes(true, sizes, cure='Check true_masks')
        files['masks'].update(true)
        found = check_mask_values(files['masks'], spread(keys, MASK_SAMPLE), len(self._index.classes), UNSURE)
        if not found.labelled and len(keys) <= MASK_SAMPLE:
            raise ValueError(f'{source}: every pixel is unsure ({UNSURE}): lower the minimum confidence')
        return [
            {
                'img_path': images[key],
                'seg_map_path': files['masks'][key],
                'confidence_path': None if key in true else files['confidence'][key],
                'sample_id': key,
                'label_map': self.label_map,
                'reduce_zero_label': self.reduce_zero_label,
                'seg_fields': [],
            }
            for key in keys
        ]

    def _true_masks(self, keys: list[str]) -> dict[str, str]:
        """Return the files of the true masks by image id."""
        if self.true_mask_ids is None:
            return {}
        listed = set(read_ids(self.true_mask_ids))
        true = {key: str(Path(self.true_masks or '') / f'{key}.png') for key in keys if key in listed}
        if not true:
            raise ValueError(
                f'none of the {len(listed)} images in {self.true_mask_ids} is among the {len(keys)} of this data set'
            )
        return true
