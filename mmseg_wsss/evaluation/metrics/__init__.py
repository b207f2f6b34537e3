"""One file per metric."""

from .contour_f_score import ContourFScore
from .subset_iou_metric import SubsetIoUMetric
from .tag_iou_metric import TagContourFScore, TagIoUMetric

__all__ = ['ContourFScore', 'SubsetIoUMetric', 'TagContourFScore', 'TagIoUMetric']
