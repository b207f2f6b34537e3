"""One file per metric."""

from .contour_f_score import ContourFScore
from .subset_iou_metric import SubsetIoUMetric

__all__ = ['ContourFScore', 'SubsetIoUMetric']
