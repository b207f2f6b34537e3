"""Masks of another network, as far as it was sure."""

from typing import Any

from mmseg.datasets.transforms import LoadAnnotations
from mmseg.registry import TRANSFORMS

from ..formats.index_png import load_index_image
from ..pseudo_label_files import UNSURE


@TRANSFORMS.register_module()
class LoadPseudoLabels(LoadAnnotations):
    """mmseg's ``LoadAnnotations`` for ``PseudoLabelDataset``: pixels of little confidence become 255.

    Required keys: those of ``LoadAnnotations``, ``confidence_path``. Added keys: those of ``LoadAnnotations``.

    Args:
        min_confidence: Least confidence of a pixel that is learnt from, in [0, 1]; 0 takes the masks as they are.
        **kwargs: Settings of ``LoadAnnotations``.

    Raises:
        ValueError: If ``min_confidence`` is out of range.
    """

    def __init__(self, min_confidence: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not 0 <= min_confidence <= 1:
            raise ValueError(f'min_confidence must be in [0, 1], got {min_confidence}')
        self.min_confidence = min_confidence

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Load the mask and leave out unsure pixels."""
        results = super().transform(results)
        if self.min_confidence > 0 and results['confidence_path'] is not None:
            confidence = load_index_image(results['confidence_path'])
            results['gt_seg_map'][confidence < round(255 * self.min_confidence)] = UNSURE
        return results
