"""Persons in street scenes: boxes of CityPersons and masks of Cityscapes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmseg.registry import DATASETS

from ..structures import ImageEntry, Sample
from .weak_seg_dataset import WeakSegDataset

PERSON, RIDER = 11, 12
NUM_TRAIN_IDS = 19


@DATASETS.register_module()
class CityPersonsDataset(WeakSegDataset):
    """``WeakSegDataset`` of two classes, background and person, on Cityscapes.

    Masks are ``*_gtFine_labelTrainIds.png``: persons and riders become class 1, all other train ids the background.
    Labels may come from any file; ``wsss convert citypersons --box-centres 4`` makes those of PMP.

    Args:
        *args: Same as in ``WeakSegDataset``.
        persons_only: Leave out the images without a person in ``weak_labels``, in training and in evaluation: PMP has
            2115 of 2975 images for training and 391 of 500 for evaluation.
        **kwargs: Same as in ``WeakSegDataset``.

    Raises:
        ValueError: If ``persons_only`` is set without ``weak_labels``.
    """

    METAINFO: dict[str, Any] = {  # noqa: RUF012
        'classes': ('background', 'person'),
        'palette': [[0, 0, 0], [220, 20, 60]],
    }

    def __init__(self, *args: Any, persons_only: bool = False, **kwargs: Any) -> None:
        self.persons_only = persons_only
        super().__init__(*args, **kwargs)

    def _check_settings(self, data_prefix: dict[str, str], settings: dict[str, Any]) -> None:
        super()._check_settings(data_prefix, settings)
        if self.persons_only and self.weak_labels is None:
            raise ValueError('persons_only=True needs weak_labels, which say in which images persons are')

    def _choose(self, samples: list[tuple[Sample, ImageEntry]]) -> list[tuple[Sample, ImageEntry]]:
        kept = super()._choose(samples)
        return [pair for pair in kept if 1 in pair[1].annotations.classes] if self.persons_only else kept

    @classmethod
    def get_label_map(cls, new_classes: Sequence[str] | None = None) -> dict[int, int]:
        """Return the class of every Cityscapes train id."""
        return {train_id: int(train_id in (PERSON, RIDER)) for train_id in range(NUM_TRAIN_IDS)}
