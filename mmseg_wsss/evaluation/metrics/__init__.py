"""One file per metric."""

from .subset_iou_metric import SubsetIoUMetric
from .tag_iou_metric import TagIoUMetric

__all__ = ['SubsetIoUMetric', 'TagIoUMetric']
