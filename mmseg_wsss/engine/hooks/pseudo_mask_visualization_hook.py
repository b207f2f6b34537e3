"""Pictures of pseudo-labels during training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeGuard

from mmseg.registry import HOOKS
from mmseg.structures import SegDataSample
from torch import nn

from ...models.losses import BaseWeakLoss
from ...models.segmentors import WeakEncoderDecoder
from ...visualization.panels import Panels
from .weak_visualization_hook import WeakVisualizationHook


@HOOKS.register_module()
class PseudoMaskVisualizationHook(WeakVisualizationHook):
    """Draws photo | steps of the pseudo-labels | prediction of the training batch to the visual backends.

    The loss determines the steps: CAM | after the refiner | pseudo-labels for ``PseudoMaskLoss``, blots | distance
    field | refined | pseudo-mask for ``PMPLoss``. In a map of class ids, pixels have the colour of their class and are
    hatched where unlabelled; in a soft map, a pixel has the colour of its highest class, paler for lower values. The
    title of the photo contains its tags. Weak labels are drawn if a pixel of the batch has one. The network is in eval
    mode, so results differ slightly from training, where dropout and gates are active. As in
    ``WeakVisualizationHook``, the hook does not change the training.

    Args:
        loss: Name of the loss in ``model.losses`` that makes pseudo-labels; None means the only one.
        interval: Iterations between two pictures; None means one epoch.
        max_images: Maximum number of images of the batch to draw.
        draw: Whether to draw at all.

    Raises:
        ValueError: If ``interval`` or ``max_images`` is below 1.
    """

    def __init__(
        self, loss: str | None = None, interval: int | None = 500, max_images: int = 4, draw: bool = True
    ) -> None:
        super().__init__(interval, max_images, draw)
        self.loss = loss

    def panels(self, model: WeakEncoderDecoder, batch: dict[str, Any], classes: Sequence[str]) -> list[Panels]:
        """Return the maps to draw next to each photo, as arguments of ``draw_panels``."""
        loss = find_loss(model, self.loss)
        rows = super().panels(model, batch, classes)
        data = model.data_preprocessor(batch, True)
        features = model.extract_feat(data['inputs'])
        inputs = model.loss_inputs(model.decode_head, features, data['inputs'], data['data_samples'])
        steps = loss.steps(inputs)
        labelled = bool((inputs.labels != inputs.ignore_index).any())
        for index, (row, image, sample) in enumerate(zip(rows, batch['inputs'], batch['data_samples'], strict=True)):
            height, width = image.shape[-2:]
            row['steps'] = {name: maps[index, ..., :height, :width].cpu().numpy() for name, maps in steps.items()}
            row['titles'] = {'photo': tag_names(sample, classes)}
            if not labelled:
                del row['weak_labels']
        return rows


def find_loss(model: nn.Module, name: str | None) -> BaseWeakLoss:
    """Return the loss that makes labels.

    Raises:
        ValueError: If there is no loss of that name, or if there are none or several to choose from.
    """
    losses: dict[str, BaseWeakLoss]
    losses = {key: loss for key, loss in getattr(model, 'losses', {}).items() if makes_labels(loss)}
    chosen = [loss for key, loss in losses.items() if name in (None, key)]
    if len(chosen) != 1:
        wanted = 'exactly one' if name is None else f'one called {name!r}'
        raise ValueError(
            'PseudoMaskVisualizationHook draws the labels that a PseudoMaskLoss or a PMPLoss makes and expects '
            f'{wanted} in model.losses, which has {sorted(losses) or "none"}: set loss=... of the hook, or use '
            'WeakVisualizationHook'
        )
    return chosen[0]


def makes_labels(loss: object) -> TypeGuard[BaseWeakLoss]:
    """Return whether the loss has steps to draw."""
    return isinstance(loss, BaseWeakLoss) and type(loss).steps is not BaseWeakLoss.steps


def tag_names(sample: SegDataSample, classes: Sequence[str]) -> str:
    """Return the names of the tags of a sample, as a title."""
    if 'gt_tags' not in sample:
        return 'no tags'
    return ', '.join(classes[tag] for tag in sample.gt_tags.tolist() if tag) or 'nothing'
