"""Look at pseudo-labels while they train the model that makes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch.nn.functional as F
from mmseg.registry import HOOKS
from torch import Tensor, nn

from ...models.losses import PseudoMaskLoss
from .weak_visualization_hook import WeakVisualizationHook


@HOOKS.register_module()
class PseudoMaskVisualizationHook(WeakVisualizationHook):
    """Sends photo | CAM | after the refiner | pseudo-labels | prediction of the training batch to the visual backends.

    CAM is the most probable class among the background and the image tags, which are the title of the photo; after the
    refiner likewise. Pixels without a pseudo-label are hatched. Weak labels stand beside the photo if a pixel of the
    batch has one. All is made by the network in eval mode: in training, dropout and gates move it a little. As in
    ``WeakVisualizationHook``, training goes on as without the hook.

    Args:
        loss: Name of the ``PseudoMaskLoss`` in ``model.losses``; None takes the only one.
        interval: Iterations between two pictures.
        max_images: Images of the batch to draw.
        draw: Whether to draw at all.

    Raises:
        ValueError: If ``interval`` or ``max_images`` is below 1.
    """

    def __init__(self, loss: str | None = None, interval: int = 500, max_images: int = 4, draw: bool = True) -> None:
        super().__init__(interval, max_images, draw)
        self.loss = loss

    def panels(self, model: nn.Module, batch: dict[str, Any], classes: Sequence[str]) -> list[dict[str, Any]]:
        """Return what to draw beside each photo, as arguments of ``draw_panels``."""
        loss = find_pseudo_mask_loss(model, self.loss)
        rows = super().panels(model, batch, classes)
        data = model.data_preprocessor(batch, True)
        features = model.extract_feat(data['inputs'])
        inputs = model.loss_inputs(model.decode_head, features, data['inputs'], data['data_samples'])
        made = loss.pseudo_masks(inputs)
        steps = {'CAM': most_probable(made.cam, inputs.image)}
        if loss.refiner is not None:
            steps[f'after {type(loss.refiner).__name__}'] = most_probable(made.refined, inputs.image)
        steps['pseudo-labels'] = made.labels
        labelled = bool((inputs.labels != inputs.ignore_index).any())
        for index, (row, image, sample) in enumerate(zip(rows, batch['inputs'], batch['data_samples'], strict=True)):
            height, width = image.shape[-2:]
            row['steps'] = {name: maps[index, :height, :width].cpu().numpy() for name, maps in steps.items()}
            row['titles'] = {'photo': tag_names(sample, classes)}
            if not labelled:
                del row['weak_labels']
        return rows


def find_pseudo_mask_loss(model: nn.Module, name: str | None) -> PseudoMaskLoss:
    """Return the loss that makes pseudo-labels.

    Raises:
        ValueError: If there is none of that name, or none or several to choose from.
    """
    losses = {key: loss for key, loss in getattr(model, 'losses', {}).items() if isinstance(loss, PseudoMaskLoss)}
    chosen = [loss for key, loss in losses.items() if name in (None, key)]
    if len(chosen) != 1:
        wanted = 'exactly one' if name is None else f'one called {name!r}'
        raise ValueError(
            f'PseudoMaskVisualizationHook draws the labels of a PseudoMaskLoss and expects {wanted} in model.losses, '
            f'which has {sorted(losses) or "none"}: set loss=... of the hook, or take WeakVisualizationHook'
        )
    return chosen[0]


def most_probable(masks: Tensor, image: Tensor) -> Tensor:
    """Return the class with the largest mask at every pixel of the image, (B, h, w)."""
    return F.interpolate(masks, image.shape[2:], mode='bilinear', align_corners=True).argmax(dim=1)


def tag_names(sample: Any, classes: Sequence[str]) -> str:
    """Return the names of the tags of a sample, as a title."""
    if 'gt_tags' not in sample:
        return 'no tags'
    return ', '.join(classes[tag] for tag in sample.gt_tags.tolist() if tag) or 'nothing'
