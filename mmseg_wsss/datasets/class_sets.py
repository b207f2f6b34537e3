"""Lists of classes by the name used in the command line and in ``metainfo=dict(dataset=...)``."""

from __future__ import annotations

from typing import Any

from mmseg.datasets.cityscapes import CityscapesDataset
from mmseg.datasets.coco_stuff import COCOStuffDataset
from mmseg.datasets.voc import PascalVOCDataset

from ..structures.class_names import other_classes

VOC_CLASSES: tuple[str, ...] = PascalVOCDataset.METAINFO['classes']
VOC_PALETTE: list[list[int]] = PascalVOCDataset.METAINFO['palette']
COCO_OBJECTS = 80
"""COCO-Stuff lists the 80 objects of COCO first, by ascending category id."""


def _coco(names: tuple[str, ...]) -> dict[str, Any]:
    colours = dict(zip(COCOStuffDataset.METAINFO['classes'], COCOStuffDataset.METAINFO['palette'], strict=True))
    return {'classes': ('background', *names), 'palette': [[0, 0, 0], *(colours[name] for name in names)]}


_objects: tuple[str, ...] = COCOStuffDataset.METAINFO['classes'][:COCO_OBJECTS]
CLASS_SETS: dict[str, dict[str, Any]] = {
    'voc': PascalVOCDataset.METAINFO,
    # In a sample of VOC with only animals and persons, the other 14 classes are rare or absent. They are in none of the
    # means.
    'voc_animals': {
        **PascalVOCDataset.METAINFO,
        'measured_classes': ('background', 'cat', 'cow', 'dog', 'horse', 'person', 'sheep'),
    },
    'cityscapes': CityscapesDataset.METAINFO,
    'coco': _coco(_objects),
    # The auxiliary classes of the box-to-mask generator for VOC: the 60 classes that VOC does not have, ids 1 to 60.
    'coco60': _coco(other_classes(_objects, VOC_CLASSES)),
}
