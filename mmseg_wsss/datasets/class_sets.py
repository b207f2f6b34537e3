"""Class lists that mmseg knows, by the name that the command line uses."""

from __future__ import annotations

from typing import Any

from mmseg.datasets.cityscapes import CityscapesDataset
from mmseg.datasets.voc import PascalVOCDataset

VOC_CLASSES: tuple[str, ...] = PascalVOCDataset.METAINFO['classes']
VOC_PALETTE: list[list[int]] = PascalVOCDataset.METAINFO['palette']

CLASS_SETS: dict[str, dict[str, Any]] = {'voc': PascalVOCDataset.METAINFO, 'cityscapes': CityscapesDataset.METAINFO}
