"""Look at how pseudo-masks come about while they train a model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import mmcv
import numpy as np
import numpy.typing as npt
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from mmseg.registry import HOOKS
from torch import Tensor, nn

from ...models.losses import PMPLoss
from ...models.pseudo_masks import ExpandingMaps
from ...visualization.panels import contact_sheet
from ...visualization.pseudo_mask_panels import draw_pseudo_mask_panels
from ._batch_pictures import class_colours, label_maps, rgb_picture, training_dataset, undisturbed
from .expanding_confidence_hook import iterations_per_epoch

UNLABELLED = 255


@HOOKS.register_module()
class PseudoMaskVisualizationHook(Hook):
    """Sends pictures of how the pseudo-masks of the current batch come about to the visual backends.

    A row is photo | points | blots | distance field | refined | pseudo-mask, with ``truth`` also the truth. The maps
    are those that the :class:`~mmseg_wsss.models.losses.PMPLoss` of the model makes of the batch; training goes on
    exactly as without the hook. Logged with each picture, over its images: ``pseudo_mask_coverage``, the share of the
    pixels inside the images that are labelled, and with ``truth`` also ``pseudo_mask_precision``, the share of labelled
    pixels that are right.

    Args:
        interval: Iterations between two pictures; None: those that go once through the data.
        max_images: Images of the batch to draw.
        truth: Read the full masks of the training images, too (``seg_map_path`` of the data set). They are compared
            with and never trained on.

    Raises:
        ValueError: If ``interval`` or ``max_images`` is below 1.
    """

    def __init__(self, interval: int | None = None, max_images: int = 4, truth: bool = False) -> None:
        if (interval is not None and interval < 1) or max_images < 1:
            raise ValueError(f'interval and max_images must be at least 1, got {interval} and {max_images}')
        self.interval = interval
        self.max_images = max_images
        self.truth = truth

    def before_train(self, runner: Runner) -> None:
        """Find the loss and the interval.

        Raises:
            ValueError: If the model has no ``PMPLoss``.
        """
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        losses = [loss for loss in getattr(model, 'losses', nn.ModuleDict()).values() if isinstance(loss, PMPLoss)]
        if not losses:
            raise ValueError('PseudoMaskVisualizationHook draws what PMPLoss makes; model.losses has none: remove it')
        self._loss = losses[0]
        self._interval = self.interval or iterations_per_epoch(runner)

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict[str, Any] | None = None, outputs: Any = None
    ) -> None:
        """Draw, every ``interval`` iterations, on the main process."""
        if not (self.every_n_train_iters(runner, self._interval) and is_main_process()):
            return
        dataset = training_dataset(runner)
        colours = class_colours(dataset.metainfo)
        batch = {key: values[: self.max_images] for key, values in data_batch.items()}
        with undisturbed(runner.model) as model:
            data = model.data_preprocessor(batch, True)
            features = model.extract_feat(data['inputs'])
            inputs = model.loss_inputs(model.decode_head, features, data['inputs'], data['data_samples'])
            maps = self._loss.make_maps(inputs)
        rows, counts = [], np.zeros(4)
        for number, (picture, sample) in enumerate(zip(batch['inputs'], batch['data_samples'], strict=True)):
            truth = read_truth(sample, getattr(dataset, 'label_map', None)) if self.truth else None
            drawn, counted = _draw(rgb_picture(picture), sample, maps, number, truth, colours)
            rows.append(drawn)
            counts += counted
        runner.visualizer.add_image('pseudo_masks', contact_sheet(rows), runner.iter + 1)
        inside, labelled, compared, right = counts
        runner.message_hub.update_scalar('train/pseudo_mask_coverage', labelled / max(inside, 1))
        if self.truth:
            runner.message_hub.update_scalar('train/pseudo_mask_precision', right / max(compared, 1))


def _draw(
    photo: npt.NDArray,
    sample: Any,
    maps: ExpandingMaps,
    number: int,
    truth: npt.NDArray[np.uint8] | None,
    colours: dict[str, Any],
) -> tuple[npt.NDArray, npt.NDArray[np.float64]]:
    """Return the row of an image, and how many of its pixels are inside, labelled, comparable and right."""
    height, width = photo.shape[:2]

    def cut(tensor: Tensor) -> npt.NDArray:
        return tensor[number, ..., :height, :width].cpu().numpy()

    drawn = label_maps(sample)
    valid = drawn.get('valid', np.ones((height, width)))
    labels = cut(maps.labels)
    row = draw_pseudo_mask_panels(
        photo,
        drawn['weak_labels'],
        labels,
        cut(maps.fields),
        cut(maps.refined),
        maps.classes[number].tolist(),
        blots=None if maps.blots is None else cut(maps.blots),
        truth=truth,
        valid=valid,
        **colours,
    )
    labelled = (labels != UNLABELLED) & (valid > 0)
    compared = np.zeros_like(labelled) if truth is None else labelled & (truth != UNLABELLED)
    right = compared if truth is None else compared & (labels == truth)
    return row, np.array([(valid > 0).sum(), labelled.sum(), compared.sum(), right.sum()], dtype=float)


def read_truth(sample: Any, label_map: Mapping[int, int] | None = None) -> npt.NDArray[np.uint8]:
    """Return the full mask of a training sample as its pixels see it, (H, W).

    Args:
        sample: A packed ``SegDataSample``.
        label_map: Class of each value of the file, where they differ.

    Raises:
        ValueError: If the data set names no masks.
    """
    if 'seg_map_path' not in sample.metainfo:
        raise ValueError(
            'PseudoMaskVisualizationHook(truth=True) needs full masks of the training images: set '
            'data_prefix=dict(..., seg_map_path=...) of the training data'
        )
    mask = mmcv.imread(sample.metainfo['seg_map_path'], flag='unchanged', backend='pillow')
    if label_map is not None:
        table = np.arange(256, dtype=np.uint8)
        table[list(label_map)] = list(label_map.values())
        mask = table[mask]
    valid = sample.gt_valid_map.data[0].cpu().numpy()
    rows, columns = np.indices(valid.shape) + 0.5
    origin = np.linalg.inv(sample.metainfo['homography_matrix'])
    x, y = (np.floor(origin[axis] @ [columns.ravel(), rows.ravel(), np.ones(rows.size)]) for axis in (0, 1))
    seen = mask[y.clip(0, mask.shape[0] - 1).astype(int), x.clip(0, mask.shape[1] - 1).astype(int)]
    return np.where(valid > 0, seen.reshape(valid.shape), UNLABELLED).astype(np.uint8)
