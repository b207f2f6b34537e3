"""The samples of a data set with weak labels: which images it has, and what the pipeline is given of each."""

from __future__ import annotations

from collections.abc import Sized
from dataclasses import dataclass
from pathlib import Path

from ..files import relative_name
from ..structures import ImageEntry, Sample, WeakLabelSet
from .formats.files import read_ids
from .image_checks import check_forms


@dataclass(frozen=True)
class SampleForm:
    """What the samples of a data set have in common.

    Args:
        img_path: The image folder.
        img_suffix: What the names of images end in that are only named by a split file.
        num_classes: Number of classes.
        label_map: The class of every value in the masks that is changed, or None.
        reduce_zero_label: Whether masks count classes from 1.
        seg_map_path: The folder of masks, or None.
        seg_map_suffix: What their names end in.
    """

    img_path: str
    img_suffix: str
    num_classes: int
    label_map: dict[int, int] | None = None
    reduce_zero_label: bool = False
    seg_map_path: str | None = None
    seg_map_suffix: str = '.png'

    def sample(self, key: str, file_name: str) -> Sample:
        """Return the sample of an image, without its labels.

        Args:
            key: Its id, as in a split file.
            file_name: Its path below the image folder.
        """
        sample: Sample = {
            'img_path': str(Path(self.img_path) / file_name),
            'sample_id': relative_name(key),
            'label_map': self.label_map,
            'reduce_zero_label': self.reduce_zero_label,
            'seg_fields': [],
            'num_classes': self.num_classes,
        }
        if self.seg_map_path is not None:
            sample['seg_map_path'] = str(Path(self.seg_map_path) / (key + self.seg_map_suffix))
        return sample

    def split_id(self, key: str, file_name: str) -> str:
        """Return the id as in a split file: without the suffix, which may be longer than the extension."""
        return file_name.removesuffix(self.img_suffix) if file_name.endswith(self.img_suffix) else key

    def list_images(self, labels: WeakLabelSet, ann_file: str) -> list[tuple[Sample, ImageEntry]]:
        """Return the images of the split with their entries in the label file.

        Args:
            labels: The label set.
            ann_file: The split file; empty: all images of the label set.

        Raises:
            FileNotFoundError: If the split file does not exist.
            ValueError: If it lists an id twice, or in another Unicode form than the label set.
        """
        by_file = {entry.file_name: entry for entry in labels.images.values()}
        if ann_file:
            ids = read_ids(ann_file)
            check_forms(ids, labels.images, ann_file)
        else:
            ids = [self.split_id(key, entry.file_name) for key, entry in labels.images.items()]
        images = []
        for key in ids:
            guess = key + self.img_suffix
            entry = by_file.get(guess) or labels.images.get(key) or ImageEntry(guess)
            images.append((self.sample(key, entry.file_name), entry))
        return images


def check_any(images: Sized, source: str) -> None:
    """Check that a data set has images.

    Raises:
        ValueError: If there are none.
    """
    if not len(images):
        raise ValueError(f'WeakSegDataset has no images: {source} lists none. Check ann_file, img_path, img_suffix.')
