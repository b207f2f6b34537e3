"""Persons in street scenes: boxes of CityPersons, masks of Cityscapes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmseg.registry import DATASETS

from .weak_seg_dataset import WeakSegDataset

PERSON, RIDER = 11, 12
NUM_TRAIN_IDS = 19


@DATASETS.register_module()
class CityPersonsDataset(WeakSegDataset):
    """``WeakSegDataset`` of two classes, background and person, on Cityscapes.

    Masks are ``*_gtFine_labelTrainIds.png``: persons and riders become class 1, all other train ids the background.
    Labels come from any file; ``wsss convert citypersons --box-centres 4`` makes those of PMP. The images and all
    arguments are those of ``WeakSegDataset``.
    """

    METAINFO: dict[str, Any] = {  # noqa: RUF012
        'classes': ('background', 'person'),
        'palette': [[0, 0, 0], [220, 20, 60]],
    }

    @classmethod
    def get_label_map(cls, new_classes: Sequence[str] | None = None) -> dict[int, int]:
        """Return the class of every Cityscapes train id."""
        return {train_id: int(train_id in (PERSON, RIDER)) for train_id in range(NUM_TRAIN_IDS)}
