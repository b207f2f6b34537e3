"""Accuracy of contours, in addition to the IoU."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from mmengine.logging import MMLogger, print_log
from mmseg.registry import METRICS
from prettytable import PrettyTable

from ...functional import contour_scores, count_contours
from ...functional.boundary import check_bound
from .subset_iou_metric import SubsetIoUMetric


@METRICS.register_module()
class ContourFScore(SubsetIoUMetric):
    r"""``SubsetIoUMetric`` that also measures contours: precision, recall and F of the boundaries of each class.

    With the counts of :func:`mmseg_wsss.functional.boundary_matches`, for each class summed over the data set:

    .. math:: P = \frac{matches_{pred}}{num_{pred}}, \quad R = \frac{matches_{target}}{num_{target}}, \quad
        F = \frac{2 P R}{P + R}

    (Jonnarth, Felsberg: "Importance Sampling CAMs for Weakly-Supervised Segmentation", 2022, and its published code).
    In the ground truth, unlabelled pixels (255) count as background here. A class without predicted contours has P = 1
    and one without true contours has R = 1, so F = 0 if only one of the two is missing.

    Keys: those of ``SubsetIoUMetric``, and ``contour_F``, ``contour_P`` and ``contour_R`` in percent, means over the
    foreground classes (all except class 0) among ``classes``.

    Args:
        classes: Names of the classes to average over; None means all classes of the data set.
        bound: Maximum distance of matching contours, as a fraction of the image's diagonal, in [0, 1].
        absent_score: P, R and F, in [0, 1], of a class without any contour in predictions and ground truth; None leaves
            it out of the means. The published code has 1.
        **kwargs: ``split``, ``known_tags``, ``refiner`` and the other settings of ``SubsetIoUMetric``.

    Raises:
        TypeError: If ``bound`` is not a number.
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

    def count(self, data_batch: dict[str, Any], data_samples: Sequence[dict[str, Any]]) -> None:
        """Add one result per sample: the four areas, then the counts of contours."""
        super().count(data_batch, data_samples)
        if self.format_only:
            return
        foreground = self._foreground()
        first = len(self.results) - len(data_samples)
        for index, sample in enumerate(data_samples, start=first):
            pred, target = (
                np.atleast_2d(sample[key]['data'].squeeze().cpu().numpy()) for key in ('pred_sem_seg', 'gt_sem_seg')
            )
            counts = count_contours(pred, target, foreground, bound=self.bound)
            self.results[index] = (*self.results[index], counts)

    def compute_metrics(self, results: list[tuple[Any, ...]]) -> dict[str, float]:
        """Add the means over the foreground classes, in percent, and log the classes."""
        metrics = super().compute_metrics([result[:-1] for result in results])
        if not metrics:  # with format_only the predictions were written to disk
            return metrics
        counts = np.sum([result[-1] for result in results], axis=0)
        scores = 100 * contour_scores(counts, absent_score=self.absent_score)
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
