"""Accuracy of labels, if true masks are known.

Shape letters: C classes with the background, H x W pixels.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from mmengine.dist import all_gather_object
from torch import Tensor

from ..datasets.formats.files import read_ids
from ..datasets.formats.index_png import load_index_image
from ..functional import class_areas, class_ious, contour_scores, count_contours, mean_iou
from ..structures.sample import with_label_map

Counts = npt.NDArray[np.int64]


class MaskScores:
    """Counts areas and contours of predicted labels by name, and computes scores from the counts.

    Args:
        num_classes: Number of classes C.
        chosen: Ids of the classes to average over; means of contours leave out the background.
        ignore_index: The value of unlabelled pixels in true masks.
        bound: Same as in :func:`mmseg_wsss.functional.boundary_matches`.
    """

    def __init__(
        self, num_classes: int, chosen: Sequence[int], *, ignore_index: int = 255, bound: float = 0.008
    ) -> None:
        self.num_classes = num_classes
        self.chosen = list(chosen)
        self.foreground = [index for index in chosen if index != 0]
        self.ignore_index = ignore_index
        self.bound = bound
        self._areas: dict[str, Counts] = defaultdict(lambda: np.zeros((2, num_classes), dtype=np.int64))
        self._contours: dict[str, Counts] = defaultdict(lambda: np.zeros((len(self.foreground), 4), dtype=np.int64))

    def add(self, name: str, labels: Tensor, truth: Tensor, *, contours: bool = True, source: object = None) -> None:
        """Count an image.

        Args:
            name: Name of the kind of labels.
            labels: Class ids, (H, W).
            truth: Class ids, (H, W).
            contours: Whether to also count contours, which takes longer.
            source: Source of the true mask, for the message.

        Raises:
            ValueError: If the sizes differ.
        """
        if labels.shape != truth.shape:
            raise ValueError(
                f'labels are {tuple(labels.shape)} and the true mask {source or ""} {tuple(truth.shape)} (height, '
                'width): both must be of the image as it is'
            )
        areas = class_areas(labels, truth, self.num_classes, ignore_index=self.ignore_index)
        self._areas[name] += torch.stack([areas.intersection, areas.union]).numpy()
        if contours:
            self._contours[name] += count_contours(labels.numpy(), truth.numpy(), self.foreground, bound=self.bound)

    def take(self) -> tuple[dict[str, Counts], dict[str, Counts]]:
        """Return the counts, and start again at 0, as a :class:`~mmseg_wsss.datasets.workers.Tally`."""
        taken = dict(self._areas), dict(self._contours)
        self._areas.clear()
        self._contours.clear()
        return taken

    def give(self, taken: tuple[dict[str, Counts], dict[str, Counts]]) -> None:
        """Add the counts of another process."""
        for own, other in zip((self._areas, self._contours), taken, strict=True):
            for name, counts in other.items():
                own[name] += counts

    def compute(self) -> dict[str, float]:
        """Return ``<name>/mIoU`` and ``<name>/contour_F``, in percent, over the images of all processes."""
        results = {}
        for name, areas in _sums(self._areas).items():
            mean = mean_iou(*map(torch.from_numpy, areas), classes=self.chosen)
            results[f'{name}/mIoU'] = round(100 * mean.item(), 2)
        for name, counts in _sums(self._contours).items():
            scores = contour_scores(counts)[0]
            results[f'{name}/contour_F'] = round(100 * float(scores.mean()), 2) if len(scores) else float('nan')
        return results

    def class_ious(self, name: str) -> npt.NDArray[np.float64]:
        """Return the IoU of every class in percent, (C,), over the images of all processes; NaN for absent ones."""
        ious: npt.NDArray[np.float64] = class_ious(*map(torch.from_numpy, _sums(self._areas)[name])).numpy()
        return 100 * ious


class TruthScores:
    """Evaluates labels with true masks, if there is a folder of them.

    Args:
        folder: Folder of the true masks, ``<image id>.png``, or None.
        chosen: Ids of the classes to average over.
        num_classes: Number of all classes.
        ids: Text file with the ids of the images to evaluate, one per line; None means all that have a mask.
        label_map: That of the data set, which changes ids in the masks; see
            :func:`~mmseg_wsss.structures.sample.with_label_map`.
    """

    def __init__(
        self,
        folder: str | Path | None,
        chosen: Sequence[int],
        num_classes: int,
        ids: str | Path | None = None,
        label_map: Mapping[int, int] | None = None,
    ) -> None:
        check_masks(folder, ids)
        self.label_map = label_map
        self.folder = None if folder is None else Path(folder)
        self.ids = None if ids is None else set(read_ids(ids))
        self.scores = MaskScores(num_classes, chosen)

    def add(self, name: str, key: str, labels: npt.NDArray[np.integer]) -> None:
        """Count an image."""
        path = None if self.folder is None else self.folder / f'{key}.png'
        if path is not None and path.is_file() and (self.ids is None or key in self.ids):
            truth = with_label_map(load_index_image(path), self.label_map).astype(np.int64)
            self.scores.add(name, torch.from_numpy(labels), torch.from_numpy(truth), source=path)

    def compute(self) -> dict[str, float]:
        """Return the scores of all processes.

        Raises:
            FileNotFoundError: If no image was evaluated.
        """
        scores = self.scores.compute()
        if self.folder is not None and not scores:
            of = 'any image' if self.ids is None else f'any image that is among the {len(self.ids)} of mask_ids'
            raise FileNotFoundError(f'{self.folder} has no mask of {of}, <image id>.png: correct it, or omit it')
        return scores


def check_masks(folder: str | Path | None, ids: str | Path | None) -> None:
    """Raise unless the true masks, if given, and the list of their images exist."""
    if folder is None and ids is not None:
        raise ValueError(f'mask_ids={str(ids)!r} selects the masks to evaluate with: set masks, too, or omit it')
    if folder is not None and not Path(folder).is_dir():
        raise FileNotFoundError(f'masks={str(folder)!r} is not a folder: give that of the true masks, or omit it')
    if ids is not None and not Path(ids).is_file():
        raise FileNotFoundError(f'mask_ids={str(ids)!r} is not a file: give a list of image ids, one per line')


def _sums(counts: Mapping[str, Counts]) -> dict[str, Counts]:
    parts: list[dict[str, Counts]] = all_gather_object(dict(counts))
    names = dict.fromkeys(name for part in parts for name in part)
    return {name: np.sum([part[name] for part in parts if name in part], axis=0) for name in names}
