"""The drawn data set as files, for what reads files alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mmengine.dist import barrier, is_main_process
from mmseg.registry import TASK_UTILS
from PIL import Image

from ..datasets.shapes import ShapesDataset
from ..datasets.shapes_drawing import CLASSES, PALETTE, draw_scene
from ..structures import ImageEntry, WeakLabelSet
from .runner.stage_task import StageContext, StageTask


@TASK_UTILS.register_module()
class WriteShapes(StageTask):
    """Draw the pictures of a ``ShapesDataset`` into ``images``, ``masks`` and ``weak_labels.json`` (boxes and tags).

    Args:
        **settings: ``num_images``, ``size`` and ``seed`` of ``ShapesDataset``.
    """

    def __init__(self, **settings: Any) -> None:
        self.settings = settings

    def run(self, context: StageContext) -> dict[str, Any]:
        """Write the files, on the first process."""
        if is_main_process():
            write_shapes(context.work_dir, **self.settings)
        barrier()
        return {'images': self.settings.get('num_images', 200)}


def write_shapes(folder: str | Path, **settings: Any) -> None:
    """Write a drawn data set.

    Args:
        folder: Where to.
        **settings: As of :class:`WriteShapes`.
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
