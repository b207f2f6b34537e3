"""Class lists by the name that the command line and ``metainfo=dict(dataset=...)`` use."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mmseg.datasets.cityscapes import CityscapesDataset
from mmseg.datasets.coco_stuff import COCOStuffDataset
from mmseg.datasets.voc import PascalVOCDataset

VOC_CLASSES: tuple[str, ...] = PascalVOCDataset.METAINFO['classes']
VOC_PALETTE: list[list[int]] = PascalVOCDataset.METAINFO['palette']
COCO_OBJECTS = 80
"""COCO-Stuff lists the 80 objects of COCO first, by ascending category id."""

SYNONYMS = {
    'airplane': 'aeroplane',
    'couch': 'sofa',
    'motorcycle': 'motorbike',
    'plane': 'aeroplane',
    'bike': 'bicycle',
    'plant': 'pottedplant',
    'table': 'diningtable',
    'tv': 'tvmonitor',
    'monitor': 'tvmonitor',
}
"""Names of VOC classes in COCO and ScribbleSup, letters alone, to those of VOC."""


def plain_name(name: str) -> str:
    """Return a class name that compares across data sets: letters and digits, synonyms as VOC has them.

    Example:
        >>> plain_name('Dining table'), plain_name('diningtable'), plain_name('couch')
        ('diningtable', 'diningtable', 'sofa')
    """
    letters = ''.join(filter(str.isalnum, name.lower()))
    return SYNONYMS.get(letters, letters)


def other_classes(classes: Iterable[str], target_classes: Iterable[str]) -> tuple[str, ...]:
    """Return the classes that are no target class by :func:`plain_name`, in their order.

    Example:
        >>> other_classes(['person', 'bench', 'tv'], ['tvmonitor', 'person'])
        ('bench',)
    """
    targets = {plain_name(name) for name in target_classes}
    return tuple(name for name in classes if plain_name(name) not in targets)


def _coco(names: tuple[str, ...]) -> dict[str, Any]:
    colours = dict(zip(COCOStuffDataset.METAINFO['classes'], COCOStuffDataset.METAINFO['palette'], strict=True))
    return {'classes': ('background', *names), 'palette': [[0, 0, 0], *(colours[name] for name in names)]}


_objects: tuple[str, ...] = COCOStuffDataset.METAINFO['classes'][:COCO_OBJECTS]
CLASS_SETS: dict[str, dict[str, Any]] = {
    'voc': PascalVOCDataset.METAINFO,
    'cityscapes': CityscapesDataset.METAINFO,
    'coco': _coco(_objects),
    # The auxiliary classes of the box-to-mask generator for VOC: the 60 that VOC has not, ids 1 to 60.
    'coco60': _coco(other_classes(_objects, VOC_CLASSES)),
}
