"""Class activation maps, read together with their images.

Shape letters: K foreground classes of an image, H x W its pixels.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import Tensor, nn

from ..datasets.cam_files import ImageCAMs, read_cam_index, read_cams
from ..datasets.pseudo_label_files import UNSURE
from ..functional import cam_label_probs
from ..functional.grids import rgb_tensor
from ..structures import Sample
from .images import ReadableDataset
from .label_folder import ClassIds, names_of


class CAMReader:
    """The images of a data set with their class activation maps.

    Args:
        dataset: The data set from :func:`prediction_dataset`; the first step of its pipeline loads the image.
        folder: The folder of the maps.
        refiner: Config of the refiner in :meth:`refined`.

    Raises:
        FileNotFoundError: If the maps are not complete.
        ValueError: If they belong to other classes or lack images.
    """

    def __init__(self, dataset: ReadableDataset, folder: str | Path, refiner: Mapping[str, Any] | None = None) -> None:
        self.dataset = dataset
        self.folder = folder
        self.refiner = build_refiner(refiner)
        index = read_cam_index(folder)
        self.tags = 'known_tags' if index.source.get('known_tags') else 'predicted_tags'
        again = f'delete {folder} and write the maps again (a WriteCAMs stage, or "wsss cams")'
        if index.classes != tuple(dataset.metainfo['classes']):
            raise ValueError(
                f'the maps in {folder} have the classes {", ".join(index.classes)}, but the data set has '
                f'{", ".join(dataset.metainfo["classes"])}: {again}'
            )
        keys = [names_of(dataset.get_data_info(i), dataset)[0] for i in range(len(dataset))]
        missing = [key for key in keys if key not in index.images]
        if missing:
            raise ValueError(
                f'{folder} has maps of {len(index.images)} images, but not of {len(missing)} of the {len(keys)} of the '
                f'data set (first: {missing[0]}): use the split of the maps, or {again}'
            )

    def image(self, info: Sample) -> Tensor:
        """Return the original image, RGB in [0, 1], (1, 3, H, W)."""
        return rgb_tensor(self.dataset.pipeline.transforms[0](copy.deepcopy(info))['img'])

    def cams(self, info: Sample, image: Tensor) -> ImageCAMs:
        """Read the maps of an image.

        Raises:
            FileNotFoundError: If they are missing.
            ValueError: If they are damaged, or belong to an image of another size.
        """
        key, _ = names_of(info, self.dataset)
        maps = read_cams(self.folder, key)
        if tuple(maps.size) != tuple(image.shape[2:]):
            raise ValueError(
                f'the maps of {key!r} in {self.folder} belong to an image of {maps.size[1]} x {maps.size[0]} (width x '
                f'height), but {info["img_path"]} has {image.shape[3]} x {image.shape[2]}: it was replaced, so delete '
                f'{self.folder} and write the maps again (a WriteCAMs stage, or "wsss cams")'
            )
        return maps

    def refined(self, masks: Tensor, image: Tensor) -> Tensor:
        """Return soft masks after the refiner, if there is one, (1, K + 1, H, W)."""
        return masks if self.refiner is None else self.refiner(masks, image)


def build_refiner(refiner: Mapping[str, Any] | None) -> nn.Module | None:
    """Build the refiner of soft masks, if given; tasks do this early to find missing packages.

    Raises:
        ImportError: If the refiner needs a package that is not installed.
    """
    return None if refiner is None else MODELS.build(dict(refiner))


def soft_masks(maps: ImageCAMs, alpha: float) -> Tensor:
    """Return maps at the size of their image with the background first, (1, K + 1, H, W); 1 without any classes."""
    return cam_label_probs(full_size_cams(maps), alpha=alpha) if len(maps.classes) else torch.ones(1, 1, *maps.size)


def class_shares(masks: Tensor) -> Tensor:
    """Return non-negative masks (1, C, H, W), scaled to sum to 1."""
    return masks / masks.sum(dim=1, keepdim=True).clamp(min=torch.finfo(masks.dtype).tiny)


def class_ids_of(channels: Tensor, maps: ImageCAMs) -> ClassIds:
    """Convert channels, 255 where unsure, to class ids."""
    table: ClassIds = np.full(256, UNSURE, dtype=np.int64)
    table[: len(maps.classes) + 1] = [0, *maps.classes]
    ids: ClassIds = table[channels.cpu().numpy()]
    return ids


def refiner_name(refiner: Mapping[str, Any] | None) -> str | None:
    """Return the class name in the config of a refiner, or None without a refiner."""
    return None if refiner is None else str(refiner['type'])


def full_size_cams(cams: ImageCAMs) -> Tensor:
    """Return the maps of an image at its size, (1, K, H, W) float32."""
    scores = torch.from_numpy(cams.scores.astype(np.float32))[None]
    return F.interpolate(scores, cams.size, mode='bilinear', align_corners=False) if len(cams.classes) else scores
