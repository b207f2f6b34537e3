"""A data set without files, for a first trial and for tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from mmseg.datasets import BaseSegDataset
from mmseg.registry import DATASETS
from PIL import Image

from ..functional.checks import check_integer
from ..structures import ImageEntry, Sample, WeakAnnotations, WeakLabelSet
from ..structures.weak_annotations import KEYS
from .audit import LabelAudit
from .label_counts import count_labels
from .mask_values import MaskValues
from .pseudo_label_files import read_index
from .resumable import SeededItems
from .shapes_drawing import CLASSES, PALETTE, Scene, draw_scene
from .simulate import simulate_weak_annotations
from .transforms import LoadWeakAnnotations, check_pipeline
from .transforms.label_routes import label_routes


@DATASETS.register_module()
class ShapesDataset(SeededItems, BaseSegDataset):
    """Textured shapes in clutter with weak labels made from the exact masks; nothing is read or downloaded.

    Picture ``i`` of a seed and its labels are always the same. Give training and validation different seeds. The
    pipeline starts with ``LoadShapesImage``, which replaces the loaders of images and of labels.

    Args:
        num_images: Number of pictures.
        size: (height, width).
        seed: Seed of the sequence of pictures.
        labels: Kinds of labels: any of ``points`` (one click per object and about as many on the background),
            ``scribbles``, ``boxes``, ``tags``, ``mask`` (the dense mask: the fully supervised baseline). An empty
            list means no labels.
        label_root: A folder of pseudo-labels of these pictures, for ``LoadPseudoLabels`` after ``LoadShapesImage``.
        pipeline: Transforms.
        test_mode: Same as in ``BaseSegDataset``.
        lazy_init: Same as in ``BaseSegDataset``.
        indices: The pictures to keep, or the number of first pictures to keep.
        serialize_data: Same as in ``BaseSegDataset``.
        ignore_index: The value of unlabelled pixels, 255.

    Raises:
        FileNotFoundError: If there are no pseudo-labels in ``label_root``.
        ValueError: If a kind of labels is unknown, the size is too small, ``label_root`` lacks a picture, or the
            pipeline moves the image without its weak labels.
    """

    METAINFO: dict[str, Any] = {'classes': CLASSES, 'palette': [list(colour) for colour in PALETTE]}  # noqa: RUF012

    def __init__(
        self,
        num_images: int = 200,
        size: tuple[int, int] = (128, 128),
        seed: int = 0,
        labels: Sequence[str] = ('points',),
        label_root: str | None = None,
        pipeline: Sequence[dict[str, Any] | Callable[[Sample], Sample]] = (),
        test_mode: bool = False,
        lazy_init: bool = False,
        indices: int | Sequence[int] | None = None,
        serialize_data: bool = True,
        ignore_index: int = 255,
    ) -> None:
        self.labels = (labels,) if isinstance(labels, str) else tuple(labels)
        unknown = sorted(set(self.labels) - set(KEYS))
        if unknown:
            raise ValueError(f'unknown kinds of labels {unknown}: choose from {", ".join(KEYS)}')
        if len(size) != 2 or min(size) < 32:
            raise ValueError(f'size must be (height, width) of at least 32 pixels each, got {size}')
        check_integer(num_images, 'num_images')
        check_integer(seed, 'seed', least=0)
        self.num_images = num_images
        self.size = (int(size[0]), int(size[1]))
        self.label_root = label_root
        self.seed = seed
        super().__init__(
            indices=indices,
            serialize_data=serialize_data,
            pipeline=list(pipeline),
            test_mode=test_mode,
            lazy_init=lazy_init,
            ignore_index=ignore_index,
        )

    def full_init(self) -> None:
        """Check that the pipeline moves weak labels, then make the labels."""
        moves_labels = any(isinstance(step, LoadWeakAnnotations) for step in self.pipeline.transforms)
        if moves_labels and not self._fully_initialized and not self.test_mode:
            check_pipeline(self.pipeline.transforms)
        super().full_init()

    @property
    def audit(self) -> LabelAudit:
        """The audit of the labels and of what the pipeline makes of them."""
        infos = [self.get_data_info(index) for index in range(len(self))]
        labels = [info['weak_annotations'] for info in infos]
        masks = None
        if 'mask' in self.labels:
            labels = [replace(item, mask_path=info['img_path']) for item, info in zip(labels, infos, strict=True)]
            images = np.zeros(256, dtype=np.int64)
            images[: len(CLASSES)] = len(infos)  # they are drawn with every class
            masks = MaskValues(len(infos), len(infos), images)
        routes = None if self.test_mode else label_routes(self.pipeline.transforms)
        return LabelAudit('drawn shapes', count_labels(labels, CLASSES, masks), routes, evaluation=self.test_mode)

    def load_data_list(self) -> list[Sample]:
        """Return, for each picture, how to draw it, and its labels."""
        infos = [self._data_info(index) for index in range(self.num_images)]
        if self.label_root is not None:
            known = read_index(self.label_root).images
            missing = [info['sample_id'] for info in infos if info['sample_id'] not in known]
            if missing:
                raise ValueError(
                    f'{self.label_root} has labels of {len(known)} pictures, but not of {len(missing)} of the '
                    f'{len(infos)} here (first: {missing[0]}): write them again for num_images={self.num_images}'
                )
            for info in infos:
                info['seg_map_path'], info['confidence_path'] = (
                    str(Path(self.label_root) / kind / f'{info["sample_id"]}.png') for kind in ('masks', 'confidence')
                )
        return infos

    def _data_info(self, index: int) -> Sample:
        return {
            'img_path': f'shapes_{index:05d}.png',
            'img_id': index,
            'sample_id': f'shapes_{index:05d}',
            'shapes_scene': {'seed': self.seed, 'index': index, 'size': self.size},
            'shapes_mask': 'mask' in self.labels,
            'weak_annotations': self._weak_annotations(index),
            'weak_label_size': (self.size[1], self.size[0]),
            'label_map': None,
            'reduce_zero_label': False,
            'seg_fields': [],
            'num_classes': len(CLASSES),
        }

    def _weak_annotations(self, index: int) -> WeakAnnotations:
        kinds = [kind for kind in self.labels if kind != 'mask']
        if not kinds:
            return WeakAnnotations()
        scene: Scene = draw_scene(self.seed, index, self.size)
        # a third number: the random numbers of the labels are independent of those of the picture
        rng = np.random.default_rng((self.seed, index, 1))
        return simulate_weak_annotations(
            scene.mask,
            rng,
            kinds=kinds,
            num_classes=len(CLASSES),
            ignore_index=self.ignore_index,
            instances=scene.instances,
        )


def write_shapes(folder: str | Path, **settings: Any) -> None:
    """Write a drawn data set.

    Args:
        folder: The folder to write to.
        **settings: Same as in :class:`WriteShapes`.
    """
    folder = Path(folder)
    dataset = ShapesDataset(labels=('boxes', 'tags'), test_mode=True, **settings)
    for kind in ('images', 'masks'):
        (folder / kind).mkdir(parents=True, exist_ok=True)
    entries = {}
    for index in range(len(dataset)):
        info = dataset.get_data_info(index)
        key, scene = info['sample_id'], draw_scene(**info['shapes_scene'])
        Image.fromarray(scene.image).save(folder / f'images/{key}.png')
        Image.fromarray(scene.mask).save(folder / f'masks/{key}.png')
        width, height = info['weak_label_size']
        entries[key] = ImageEntry(f'{key}.png', width, height, info['weak_annotations'])
    WeakLabelSet(CLASSES, PALETTE, entries).write(folder / 'weak_labels.json')
