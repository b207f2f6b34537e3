"""One file per metric, and their old names."""

from mmseg.registry import METRICS

from ...renamed import Settings, register_renamed
from .contour_f_score import ContourFScore
from .subset_iou_metric import SubsetIoUMetric, switches_name

__all__ = ['ContourFScore', 'SubsetIoUMetric', 'switches_name']


def _refined(settings: Settings) -> Settings:
    return {**settings, 'type': 'SubsetIoUMetric', 'refiner': settings.get('refiner') or {'type': 'DenseCRF'}}


register_renamed(METRICS, 'RefinedIoUMetric', _refined)
register_renamed(METRICS, 'TagIoUMetric', lambda settings: {**settings, 'type': 'SubsetIoUMetric'})
register_renamed(METRICS, 'TagContourFScore', lambda settings: {**settings, 'type': 'ContourFScore'})
