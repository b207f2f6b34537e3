"""One file per metric, and the names that metrics had before."""

from collections.abc import Callable
from typing import Any

from mmseg.registry import METRICS

from ...renamed import register_renamed
from .contour_f_score import ContourFScore
from .subset_iou_metric import SubsetIoUMetric, switches_name


def _refined(refiner: Any = None, **settings: Any) -> dict[str, Any]:
    return {'type': 'SubsetIoUMetric', 'refiner': refiner or {'type': 'DenseCRF'}, **settings}


def _of_split(new_name: str) -> Callable[..., dict[str, Any]]:
    return lambda split, **settings: {'type': new_name, 'split': split, **settings}


RefinedIoUMetric = register_renamed(METRICS, 'RefinedIoUMetric', _refined)
TagIoUMetric = register_renamed(METRICS, 'TagIoUMetric', _of_split('SubsetIoUMetric'))
TagContourFScore = register_renamed(METRICS, 'TagContourFScore', _of_split('ContourFScore'))

__all__ = [
    'ContourFScore',
    'RefinedIoUMetric',
    'SubsetIoUMetric',
    'TagContourFScore',
    'TagIoUMetric',
    'switches_name',
]
