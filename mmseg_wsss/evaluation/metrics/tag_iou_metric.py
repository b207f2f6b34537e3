"""Scores under a name that says how they were reached."""

from collections.abc import Sequence
from typing import Any

from mmseg.registry import METRICS

from .contour_f_score import ContourFScore
from .subset_iou_metric import SubsetIoUMetric


@METRICS.register_module()
class TagIoUMetric(SubsetIoUMetric):
    """Mean IoU of predictions of a ``TagEncoderDecoder``, the switches of its inference in the name.

    Papers on image tags mix scores that know the tags of the image with scores that do not. Here the keys are such as
    ``val_predicted_tags_1_view/mIoU`` or ``train_known_tags_bg3_8_views_DenseCRF/mIoU``, read from the predictions
    themselves: the split, where the tags come from (``all_classes`` where nothing is pruned), the power of the
    background where it is not 1, how many views were averaged and what refined the masks.

    Args:
        split: What is evaluated, such as ``'val'``.
        classes: As of ``SubsetIoUMetric``.
        **kwargs: As of ``IoUMetric``, but ``prefix``.

    Raises:
        ValueError: If ``prefix`` is set, or samples of one evaluation differ in their switches.
        KeyError: If the predictions are not those of a ``TagEncoderDecoder``.
    """

    def __init__(self, split: str, classes: Sequence[str] | None = None, **kwargs: Any) -> None:
        if 'prefix' in kwargs:
            name = type(self).__name__
            raise ValueError(f'{name} makes its prefix from split and the switches of the inference: leave it out')
        super().__init__(classes, **kwargs)
        self.split = split
        self.prefix = None

    def process(self, data_batch: dict[str, Any], data_samples: Sequence[dict[str, Any]]) -> None:
        """Count one batch and take the name from it."""
        for sample in data_samples:
            if 'inference_switches' not in sample:
                raise KeyError(
                    f'{type(self).__name__} evaluates a TagEncoderDecoder; for other models take SubsetIoUMetric'
                )
            name = switches_name(self.split, sample['inference_switches'])
            if self.prefix is not None and self.prefix != name and self.results:
                raise ValueError(f'one evaluation mixes {self.prefix} and {name}: evaluate them apart')
            self.prefix = name
        super().process(data_batch, data_samples)


@METRICS.register_module()
class TagContourFScore(TagIoUMetric, ContourFScore):
    """``TagIoUMetric`` and ``ContourFScore`` in one pass: areas and contours under one name.

    Keys are such as ``val_predicted_tags_1_view/contour_F``, beside those of ``TagIoUMetric``.

    Args:
        split: What is evaluated, such as ``'val'``.
        classes: As of ``ContourFScore``.
        **kwargs: As of ``ContourFScore``, but ``prefix``.
    """


def switches_name(split: str, switches: dict[str, Any]) -> str:
    """Return the name of an inference.

    Example:
        >>> switches_name('val', {'tags': 'predicted', 'background_power': 3.0, 'views': 8, 'refiner': 'DenseCRF'})
        'val_predicted_tags_bg3_8_views_DenseCRF'
    """
    views = f'{switches["views"]}_view{"" if switches["views"] == 1 else "s"}'
    refiner = f'_{switches["refiner"]}' if switches['refiner'] else ''
    tags = f'{switches["tags"]}_tags' if switches['tags'] else 'all_classes'
    power = '' if switches['background_power'] == 1 else f'_bg{switches["background_power"]:g}'
    return f'{split}_{tags}{power}_{views}{refiner}'
