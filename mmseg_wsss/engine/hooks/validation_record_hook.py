"""What the report of a run shows of its last validation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np
from mmengine.dist import all_gather_object, is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.structures import SegDataSample
from torch import Tensor

from ...functional import class_areas, confusion_matrix, mean_iou
from ...labelling.label_folder import names_of
from ...visualization.panels import Image, draw_panels
from ..validation_record import ENDS, write_record
from ._batch_pictures import rgb_picture

NUM_PICTURES = 3
LONGEST_SIDE = 320
QUALITY = 85
Scored = tuple[float, str, bytes]
"""Mean IoU in percent, the name of the image, and its picture as a JPEG file."""


class ValidationRecordHook(Hook):
    """Writes ``validation/`` to the work dir after every validation, for ``wsss report --html``.

    It contains the confusion matrix, the mean IoU of each image, and pictures of the images with the lowest and the
    highest one, three each: photo, prediction and truth. The predictions are those of the model; a new decision of a
    metric (``known_tags``, ``refiner``) is not in them. Predictions without truth are left out.

    With several processes, the images that fill up the last batch of a process are counted twice in the matrix.
    """

    def before_val_epoch(self, runner: Runner) -> None:
        """Start with nothing."""
        self._confusion: Tensor | int = 0
        self._scores: dict[str, float] = {}
        self._ends: dict[str, list[Scored]] = {end: [] for end in ENDS}

    def after_val_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Mapping[str, Any] | None = None,
        outputs: Sequence[SegDataSample] | None = None,
    ) -> None:
        """Count the pixels of the images, and draw those that are among the worst or the best so far."""
        dataset = runner.val_dataloader.dataset
        meta = dataset.metainfo
        if data_batch is None or outputs is None or not meta.get('classes'):
            return
        for inputs, output in zip(data_batch['inputs'], outputs, strict=True):
            if 'pred_sem_seg' not in output or 'gt_sem_seg' not in output:
                continue
            prediction, truth = output.pred_sem_seg.data[0].long(), output.gt_sem_seg.data[0].long()
            if prediction.shape != truth.shape:
                continue
            self._confusion = self._confusion + confusion_matrix(prediction, truth, len(meta['classes'])).cpu()
            areas = class_areas(prediction, truth, len(meta['classes']))
            score = 100 * mean_iou(areas.intersection, areas.union).item()
            if score != score:  # no pixel of the image has a true class
                continue
            _, name = names_of({'img_path': output.img_path}, dataset)
            self._scores[name] = score
            self._keep(score, name, inputs, prediction.cpu().numpy(), truth.cpu().numpy(), meta)

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Write the record, on the first process."""
        parts = all_gather_object((self._confusion, self._scores, self._ends))
        scores = {name: score for part in parts for name, score in part[1].items()}
        confusion = sum(part[0] for part in parts)
        if not isinstance(confusion, Tensor) or not is_main_process():
            return
        drawn = {end: _chosen([item for part in parts for item in part[2][end]], end, len(scores)) for end in ENDS}
        classes = runner.val_dataloader.dataset.metainfo['classes']
        rounded = {name: round(score, 2) for name, score in scores.items()}
        write_record(runner.work_dir, classes, confusion.tolist(), rounded, drawn)

    def _keep(
        self, score: float, name: str, inputs: Tensor, prediction: Any, truth: Any, meta: Mapping[str, Any]
    ) -> None:
        """Draw an image if it is among the worst or the best, and drop the one that no longer is."""
        picture = None
        for end, kept in self._ends.items():
            kept.sort(key=_order(end))
            if not meta.get('palette') or (
                len(kept) == NUM_PICTURES and _order(end)((score, name, b'')) > _order(end)(kept[-1])
            ):
                continue
            picture = picture or _drawn(rgb_picture(inputs), prediction, truth, meta)
            self._ends[end] = [*kept[: NUM_PICTURES - 1], (score, name, picture)]


def _order(end: str) -> Any:
    """Return the key that sorts scored images from this end; names decide between equal scores."""
    return lambda item: (item[0] if end == 'worst' else -item[0], item[1])


def _chosen(items: Sequence[Scored], end: str, num_images: int) -> list[tuple[str, bytes]]:
    """Return names and pictures of one end; an image of a small data set is only at one of them."""
    room = min(NUM_PICTURES, num_images // 2 if end == 'worst' else (num_images + 1) // 2)
    unique = {name: (score, name, picture) for score, name, picture in items}
    return [(name, picture) for _, name, picture in sorted(unique.values(), key=_order(end))[:room]]


def _drawn(photo: Image, prediction: Any, truth: Any, meta: Mapping[str, Any]) -> bytes:
    """Return photo, prediction and truth side by side, as a JPEG file."""
    height, width = prediction.shape
    scale = min(1.0, LONGEST_SIDE / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    maps = [np.where(labels < len(meta['classes']), labels, 255).astype(np.uint8) for labels in (prediction, truth)]
    small = [np.asarray(cv2.resize(m, size, interpolation=cv2.INTER_NEAREST), dtype=np.uint8) for m in maps]
    row = draw_panels(
        np.asarray(cv2.resize(photo, size, interpolation=cv2.INTER_AREA), dtype=np.uint8),
        prediction=small[0],
        truth=small[1],
        palette=meta['palette'],
        classes=meta['classes'],
    )
    content: bytes = cv2.imencode('.jpg', row[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes()
    return content
