"""Mean IoU over the classes that a sample of a data set really has."""

from collections.abc import Sequence
from typing import Any

import torch
from mmseg.evaluation import IoUMetric
from mmseg.registry import METRICS


@METRICS.register_module()
class SubsetIoUMetric(IoUMetric):
    """``IoUMetric`` that also reports the mean over some classes, as ``mIoU_subset``.

    A class outside the subset counts in no mean, but predicting it on a pixel of the subset costs that pixel.

    Args:
        classes: Names of the classes to average over; none: ``IoUMetric`` as it is.
        **kwargs: Settings of ``IoUMetric``.
    """

    def __init__(self, classes: Sequence[str] | None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.classes = None if classes is None else tuple(classes)

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Add ``mIoU_subset``, in percent.

        Raises:
            ValueError: If a class is not one of the data set's.
        """
        metrics = super().compute_metrics(results)
        if not metrics or not self.classes:  # format_only: the predictions went to disk
            return metrics
        intersection, union = (torch.stack(areas).sum(0) for areas in list(zip(*results, strict=True))[:2])
        chosen = self.chosen_ids()
        metrics['mIoU_subset'] = round(float((intersection[chosen] / union[chosen]).nanmean()) * 100, 2)
        return metrics

    def chosen_ids(self) -> list[int]:
        """Return the ids of ``classes``, of all classes if there is no subset.

        Raises:
            ValueError: If a class is not one of the data set's.
        """
        names = list(self.dataset_meta['classes'])
        chosen = self.classes or names
        unknown = [name for name in chosen if name not in names]
        if unknown:
            raise ValueError(f'{type(self).__name__}: {unknown} are no classes of the data set: choose from {names}')
        return [names.index(name) for name in chosen]
