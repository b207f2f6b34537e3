"""Pictures of training batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.models import BaseSegmentor
from mmseg.registry import HOOKS

from ...visualization.panels import Panels, contact_sheet, draw_panels
from ._batch_pictures import class_colours, label_maps, predict_batch, rgb_picture, training_dataset, undisturbed
from .expanding_confidence_hook import iterations_per_epoch


@HOOKS.register_module()
class WeakVisualizationHook(Hook):
    """Draws photo | weak labels | prediction of the current training batch to the visual backends.

    The labels are those of the loss, after augmentation; the area outside the image is crossed out. The hook does not
    change the training: the modes of all modules, the statistics of batch norm and the random states are restored.

    Args:
        interval: Iterations between two pictures; None means one epoch.
        max_images: Maximum number of images of the batch to draw.
        draw: Whether to draw at all.

    Raises:
        ValueError: If ``interval`` or ``max_images`` is below 1.
    """

    def __init__(self, interval: int | None = 500, max_images: int = 4, draw: bool = True) -> None:
        if (interval is not None and interval < 1) or max_images < 1:
            raise ValueError(f'interval and max_images must be at least 1, got {interval} and {max_images}')
        self.interval = interval
        self.max_images = max_images
        self.draw = draw

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Mapping[str, Any] | None = None, outputs: Any = None
    ) -> None:
        """Draw, every ``interval`` iterations, on the main process."""
        if data_batch is None or not (self.draw and is_main_process()):
            return
        if not self.every_n_train_iters(runner, self.interval or iterations_per_epoch(runner)):
            return
        colours = class_colours(training_dataset(runner).metainfo)
        batch = {key: values[: self.max_images] for key, values in data_batch.items()}
        with undisturbed(runner.model) as model:
            panels = self.panels(model, batch, colours['classes'])
        rows = [
            draw_panels(rgb_picture(inputs), **row, **colours)
            for inputs, row in zip(batch['inputs'], panels, strict=True)
        ]
        runner.visualizer.add_image('train_batch', contact_sheet(rows), runner.iter + 1)

    def panels(self, model: BaseSegmentor, batch: dict[str, Any], classes: Sequence[str]) -> list[Panels]:
        """Return the maps to draw next to each photo, as arguments of ``draw_panels``; subclasses draw more.

        Args:
            model: The network in eval mode, without gradients.
            batch: ``inputs`` and ``data_samples`` of the data loader.
            classes: The names of the classes.
        """
        rows = [label_maps(sample) for sample in batch['data_samples']]
        for row, prediction in zip(rows, predict_batch(model, batch), strict=True):
            row['prediction'] = prediction
        return rows
