"""One picture that says whether the training worked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from mmcv import imwrite
from mmengine.dataset import pseudo_collate
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS

from ...datasets.resumable import seed_everything
from ...visualization.panels import Image, contact_sheet, draw_panels
from ._batch_pictures import class_colours, label_maps, predict_batch, rgb_picture, training_dataset, undisturbed


@HOOKS.register_module()
class ResultSheetHook(Hook):
    """Writes ``result_sheet.png`` into the work dir after every validation, the newest over the older.

    Its left column holds training images through their own pipeline, photo | weak labels | prediction: the labels as
    the loss sees them. Its right column holds validation images, photo | prediction | truth.

    Priority: before the hooks that put the training weights back after a validation (``EMAHook``), so that both
    columns show the weights that were validated.

    Args:
        num_images: Images per column.
        filename: The name of the file in the work dir.

    Raises:
        ValueError: If ``num_images`` is below 1.
    """

    priority = 'ABOVE_NORMAL'

    def __init__(self, num_images: int = 8, filename: str = 'result_sheet.png') -> None:
        if num_images < 1:
            raise ValueError(f'num_images must be at least 1, got {num_images}')
        self.num_images = num_images
        self.filename = filename

    def before_val_epoch(self, runner: Runner) -> None:
        """Start a new column."""
        self._validated: list[Image] = []

    def after_val_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict[str, Any] | None = None,
        outputs: Sequence[Any] | None = None,
    ) -> None:
        """Draw the first images."""
        if len(self._validated) >= self.num_images or not is_main_process():
            return
        colours = class_colours(runner.val_dataloader.dataset.metainfo)
        for inputs, output in zip(data_batch['inputs'], outputs, strict=True):
            prediction = output.pred_sem_seg.data[0].cpu().numpy()
            truth = output.gt_sem_seg.data[0].cpu().numpy()
            # the network may have seen another size than the one that is evaluated
            photo = cv2.resize(rgb_picture(inputs), prediction.shape[::-1])
            titles = {'photo': f'val {Path(output.img_path).name}'}
            self._validated.append(draw_panels(photo, prediction=prediction, truth=truth, titles=titles, **colours))

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Write the sheet."""
        if not is_main_process():
            return
        columns = [self._trained(runner), self._validated[: self.num_images]]
        sheet = contact_sheet([contact_sheet(column) for column in columns if column], columns=2)
        path = Path(runner.work_dir) / self.filename
        imwrite(sheet[..., ::-1], str(path))
        runner.logger.info(f'photos, weak labels, predictions and truth: {path}')

    def _trained(self, runner: Runner) -> list[Image]:
        dataset = training_dataset(runner)
        if dataset is None:
            return []
        colours = class_colours(dataset.metainfo)
        rows = []
        with undisturbed(runner.model) as model:
            for index in np.linspace(0, len(dataset) - 1, min(self.num_images, len(dataset))).astype(int).tolist():
                seed_everything(index)  # the same crops and flips on every sheet
                sample = dataset[index]
                (prediction,) = predict_batch(model, pseudo_collate([sample]))
                rows.append(
                    draw_panels(
                        rgb_picture(sample['inputs']),
                        prediction=prediction,
                        titles={'photo': f'train {Path(sample["data_samples"].img_path).name}'},
                        **label_maps(sample['data_samples']),
                        **colours,
                    )
                )
        return rows
