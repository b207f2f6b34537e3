"""One file per metric."""

from .contour_f_score import ContourFScore
from .refined_iou_metric import RefinedIoUMetric
from .subset_iou_metric import SubsetIoUMetric
from .tag_iou_metric import TagContourFScore, TagIoUMetric

__all__ = ['ContourFScore', 'RefinedIoUMetric', 'SubsetIoUMetric', 'TagContourFScore', 'TagIoUMetric']
