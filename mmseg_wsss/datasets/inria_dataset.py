"""Aerial pictures of buildings: the tiles of Inria Aerial Image Labeling."""

from __future__ import annotations

from typing import Any

from mmseg.registry import DATASETS

from .formats.inria import CLASSES, PALETTE
from .weak_seg_dataset import WeakSegDataset


@DATASETS.register_module()
class InriaDataset(WeakSegDataset):
    """``WeakSegDataset`` of two classes, background and building, on the tiles that ``wsss convert inria`` writes.

    Images, masks and all arguments are those of ``WeakSegDataset``.
    """

    METAINFO: dict[str, Any] = {'classes': CLASSES, 'palette': [list(colour) for colour in PALETTE]}  # noqa: RUF012
