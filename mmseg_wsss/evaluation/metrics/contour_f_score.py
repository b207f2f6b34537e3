"""How well predicted contours follow the true ones, beside the IoU."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from mmengine.logging import MMLogger, print_log
from mmseg.registry import METRICS
from prettytable import PrettyTable

from ...functional import boundary_matches
from ...functional.boundary import check_bound
from .subset_iou_metric import SubsetIoUMetric

Counts = npt.NDArray[np.int64]


@METRICS.register_module()
class ContourFScore(SubsetIoUMetric):
    r"""``IoUMetric`` that also measures contours: precision, recall and F of the boundaries of each class.

    With the counts of :func:`mmseg_wsss.functional.boundary_matches`, for each class summed over the data set:

    .. math:: P = \frac{matches_{pred}}{num_{pred}}, \quad R = \frac{matches_{target}}{num_{target}}, \quad
        F = \frac{2 P R}{P + R}

    (Jonnarth, Felsberg: "Importance Sampling CAMs for Weakly-Supervised Segmentation", 2022, and its published code).
    In the truth, unlabelled pixels (255) are background here. A class without predicted contours has P = 1, one without
    true contours R = 1, so F = 0 if the other has some.

    Keys: ``contour_F``, ``contour_P``, ``contour_R`` in percent, means over the foreground classes (all but class 0, of
    ``classes`` if given), those of ``IoUMetric``, and ``mIoU_subset`` if ``classes`` is given.

    Args:
        classes: Names of the classes to average over; None: all.
        bound: How far matching contours may be apart, as a fraction of the image's diagonal.
        absent_score: P, R and F in [0, 1] of a class without any contour in predictions and truth; None leaves it out
            of the means. The published code has 1.
        **kwargs: Settings of ``IoUMetric``.

    Raises:
        TypeError: If ``bound`` is no number.
        ValueError: If ``bound`` or ``absent_score`` is out of range.
    """

    def __init__(
        self,
        classes: Sequence[str] | None = None,
        bound: float = 0.008,
        absent_score: float | None = 1.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(classes, **kwargs)
        if absent_score is not None and not 0 <= absent_score <= 1:
            raise ValueError(f'absent_score must be in [0, 1] or None, got {absent_score}')
        self.bound = check_bound(bound)
        self.absent_score = absent_score

    def process(self, data_batch: dict[str, Any], data_samples: Sequence[dict[str, Any]]) -> None:
        """Count areas and contours of one batch."""
        super().process(data_batch, data_samples)
        if self.format_only:
            return
        foreground = self._foreground()
        first = len(self.results) - len(data_samples)
        for index, sample in enumerate(data_samples, start=first):
            pred, target = (
                np.atleast_2d(sample[key]['data'].squeeze().cpu().numpy()) for key in ('pred_sem_seg', 'gt_sem_seg')
            )
            counts = count_contours(pred, target, foreground, self.bound)
            self.results[index] = (*self.results[index], counts)

    def compute_metrics(self, results: list[tuple[Any, ...]]) -> dict[str, float]:
        """Add the means over the foreground classes, in percent; the classes go to the log."""
        metrics = super().compute_metrics([result[:-1] for result in results])
        if not metrics:  # format_only: the predictions went to disk
            return metrics
        scores = 100 * contour_scores(np.sum([result[-1] for result in results], axis=0), self.absent_score)
        table = PrettyTable()
        table.add_column('Class', [self.dataset_meta['classes'][index] for index in self._foreground()])
        for name, values in zip(('F', 'P', 'R'), scores, strict=True):
            present = values[~np.isnan(values)]
            metrics[f'contour_{name}'] = round(float(present.mean()), 2) if len(present) else float('nan')
            table.add_column(f'contour {name}', np.round(values, 2).tolist())
        print_log(f'contours:\n{table.get_string()}', logger=MMLogger.get_current_instance())
        return metrics

    def _foreground(self) -> list[int]:
        return [index for index in self.chosen_ids() if index != 0]


def count_contours(pred: npt.NDArray[Any], target: npt.NDArray[Any], classes: Sequence[int], bound: float) -> Counts:
    """Return the four counts of :func:`boundary_matches` for each of the classes of two label maps, (len, 4)."""
    there = {*np.unique(pred).tolist(), *np.unique(target).tolist()}
    counts = [boundary_matches(pred == c, target == c, bound=bound) if c in there else (0, 0, 0, 0) for c in classes]
    return np.array(counts, dtype=np.int64).reshape(-1, 4)


def contour_scores(counts: Counts, absent_score: float | None = 1.0) -> npt.NDArray[np.float64]:
    """Return F, P and R, (3, K), of the counts (K, 4) of :func:`boundary_matches`, summed over the images."""
    pred_matches, target_matches, num_pred, num_target = counts.T.astype(np.float64)
    precision = np.where(num_pred > 0, pred_matches / np.maximum(num_pred, 1), 1)
    recall = np.where(num_target > 0, target_matches / np.maximum(num_target, 1), 1)
    # A class that one of the two lacks: no match, 0 and 1.
    total = precision + recall
    f_score = np.where(total > 0, 2 * precision * recall / np.where(total > 0, total, 1), 0)
    scores = np.stack([f_score, precision, recall])
    scores[:, (num_pred == 0) & (num_target == 0)] = np.nan if absent_score is None else absent_score
    return scores
