"""A picture of the results of a training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
from mmseg.structures import SegDataSample
from torch import Tensor

from ...datasets.resumable import seed_everything
from ...structures import ImageDataset
from ...visualization.panels import Image, Panels, contact_sheet, draw_panels
from ._batch_pictures import class_colours, label_maps, predict_batch, rgb_picture, training_dataset, undisturbed


@HOOKS.register_module()
class ResultSheetHook(Hook):
    """Writes ``result_sheet.png`` to the work dir after every validation; the newest replaces the older one.

    The left column has training images from their own pipeline, photo | weak labels | prediction, with the labels that
    the loss receives. The right column has validation images, photo | prediction | truth; if the decision of the
    model has a refiner, photo | prediction | prediction after the refiner | truth. A test writes the right column for
    its images to ``test_result_sheet.png``, with the first of several views, and without the truth if there is none.

    Priority: before the hooks that restore the training weights after a validation (``EMAHook``), so that both
    columns show the validated weights.

    Args:
        num_images: Images per column.
        filename: The name of the file in the work dir; that of a test starts with ``test_``.

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
        self._evaluated: list[Image] = []

    before_test_epoch = before_val_epoch

    def after_val_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Mapping[str, Any] | None = None,
        outputs: Sequence[SegDataSample] | None = None,
    ) -> None:
        """Draw the first images."""
        if data_batch is not None and outputs is not None:
            self._draw(runner.val_dataloader.dataset, 'val', data_batch['inputs'], outputs)

    def after_test_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Mapping[str, Any] | None = None,
        outputs: Sequence[SegDataSample] | None = None,
    ) -> None:
        """Draw the first images."""
        if data_batch is None or outputs is None:
            return
        inputs = data_batch['inputs']
        views_first = not isinstance(inputs[0], Tensor) or inputs[0].ndim == 4
        self._draw(runner.test_dataloader.dataset, 'test', inputs[0] if views_first else inputs, outputs)

    def _draw(
        self, dataset: ImageDataset, split: str, images: Sequence[Tensor], outputs: Sequence[SegDataSample]
    ) -> None:
        """Add the pictures of a batch to the column, while there is room."""
        if len(self._evaluated) >= self.num_images or not is_main_process():
            return
        colours = class_colours(dataset.metainfo)
        for inputs, output in zip(images, outputs, strict=True):
            panels = _predictions(output)
            panels['titles'] = {'photo': f'{split} {Path(output.img_path).name}', **_refined_titles(output)}
            height, width = panels['prediction'].shape
            # the input of the network may differ in size from the evaluated prediction
            photo = np.asarray(cv2.resize(rgb_picture(inputs), (width, height)), dtype=np.uint8)
            self._evaluated.append(draw_panels(photo, **panels, **colours))

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Write the sheet."""
        if not is_main_process():
            return
        self._write(runner, [self._trained(runner), self._evaluated[: self.num_images]], self.filename)

    def after_test_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Write the sheet of the test."""
        if is_main_process():
            self._write(runner, [self._evaluated[: self.num_images]], f'test_{self.filename}')

    def _write(self, runner: Runner, columns: Sequence[Sequence[Image]], filename: str) -> None:
        sheet = contact_sheet([contact_sheet(column) for column in columns if column], columns=2)
        path = Path(runner.work_dir) / filename
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
                panels = label_maps(sample['data_samples'])
                panels['prediction'] = prediction
                panels['titles'] = {'photo': f'train {Path(sample["data_samples"].img_path).name}'}
                rows.append(draw_panels(rgb_picture(sample['inputs']), **panels, **colours))
        return rows


def _predictions(output: SegDataSample) -> Panels:
    """Return the label maps of a predicted sample, as arguments of panels."""
    maps: Panels = {'prediction': output.pred_sem_seg.data[0].cpu().numpy()}
    if 'unrefined_sem_seg' in output:
        maps['steps'] = {'unrefined': output.unrefined_sem_seg.data[0].cpu().numpy()}
    if 'gt_sem_seg' in output:
        maps['truth'] = output.gt_sem_seg.data[0].cpu().numpy()
    return maps


def _refined_titles(output: SegDataSample) -> dict[str, str]:
    """Return the titles that distinguish two predictions."""
    if 'unrefined_sem_seg' not in output:
        return {}
    return {'unrefined': 'prediction', 'prediction': f'after {output.inference_switches["refiner"]}'}
