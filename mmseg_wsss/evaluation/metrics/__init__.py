"""One file per metric, and the names that metrics had before."""

from mmseg.registry import METRICS

from ...renamed import Settings, Translation, register_renamed
from .contour_f_score import ContourFScore
from .subset_iou_metric import SubsetIoUMetric, switches_name


def _refined(settings: Settings) -> Settings:
    return {**settings, 'type': 'SubsetIoUMetric', 'refiner': settings.get('refiner') or {'type': 'DenseCRF'}}


def _of_split(new_name: str) -> Translation:
    return lambda settings: {**settings, 'type': new_name}


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
