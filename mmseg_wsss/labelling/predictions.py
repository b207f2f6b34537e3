"""Predictions of a trained network, written as labels for the next one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.model import BaseModel
from mmengine.registry import init_default_scope
from torch import Tensor, nn

from ..checkpoints.network import build_network
from ..checkpoints.weights import load_weights
from ..datasets.pseudo_label_files import UNSURE
from ..datasets.workers import WorkerSettings
from ..functional import box_maps, present_classes
from ..functional.checks import check_share
from ..models.views.base import log_probs
from ..structures import Sample, WeakAnnotations
from .images import check_known, check_split, known_classes, prediction_dataset
from .label_folder import LabelAndConfidence, write_label_folder

Network = TypeVar('Network', bound=nn.Module)


@dataclass(frozen=True, kw_only=True)
class PredictionSettings(WorkerSettings):
    """How predictions become labels.

    Args:
        split: The data set, ``'train'``, ``'val'`` or ``'test'``, which the pipeline of the test data reads.
        known_tags: Whether to set foreground classes that are not in the weak labels of the image to 0 before the
            refiner and the maximum, and scale the rest to sum to 1. Images without weak labels do not change; the log
            has their number.
        known_boxes: Whether to also do so for each pixel outside of the boxes of a class, in images with boxes. Boxes
            must then cover all objects. Requires ``known_tags``.
        unsure_below: Pixels with a lower confidence become 255, in [0, 1].
        workers: Same as in :class:`~mmseg_wsss.datasets.workers.WorkerSettings`.
        coco_rle: Whether to also write ``coco_rle.json``.

    Raises:
        TypeError: If ``unsure_below`` is not a number.
        ValueError: If a setting is out of range, or ``known_boxes`` is set without ``known_tags``.
    """

    split: str = 'train'
    known_tags: bool = False
    known_boxes: bool = False
    unsure_below: float = 0.0
    coco_rle: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        check_split(self.split, 'split')
        check_share(self.unsure_below, 'unsure_below')
        if self.known_boxes and not self.known_tags:
            raise ValueError('known_boxes=True also uses the classes of the image: set known_tags=True, too')


def write_pseudo_labels(
    cfg: Config,
    checkpoint: str | Path,
    folder: str | Path,
    settings: PredictionSettings | None = None,
    *,
    keep: bool = False,
) -> dict[str, Any]:
    """Predict the images of a split, without augmentation, and write them as pseudo-labels.

    The label of a pixel is that of the decision of the model, such as ``TagDecision``, with its refiner and its power
    of the background; ``known_tags`` replaces the classes that it would choose. The confidence is the value of the
    label in the refined masks, scaled to sum to 1. For a model without a decision, the label is the most probable
    class, and the confidence its softmax probability.

    Args:
        cfg: Config of the network and of the data.
        checkpoint: Checkpoint of the network.
        folder: The folder to write to; see :mod:`mmseg_wsss.datasets.pseudo_label_files`.
        settings: Settings of the labels.
        keep: Label only missing images; see :mod:`mmseg_wsss.labelling.label_folder`.

    Returns:
        ``images``, the share ``unsure`` of all pixels, and the ``split``.

    Raises:
        ValueError: If the split cannot be read this way, ``known_tags`` is set and no image has tags, ``known_boxes``
            is set and none has boxes, or the weights do not fit.
    """
    settings = settings or PredictionSettings()
    init_default_scope(cfg.get('default_scope', 'mmseg'))
    dataset = prediction_dataset(cfg, settings.split)
    if settings.known_tags:
        check_known(dataset, settings.split, 'tags')
    if settings.known_boxes:
        check_known(dataset, settings.split, 'boxes')
    model = load_model(cfg, checkpoint, BaseModel)

    def label_image(index: int, info: Sample) -> LabelAndConfidence:
        known = known_classes(info) if settings.known_tags else None
        boxes = info['weak_annotations'].select(['boxes']) if settings.known_boxes else None
        logits = predicted_logits(model, pseudo_collate([dataset[index]]), known, boxes)
        return label_and_confidence(logits, known, settings.unsure_below, boxes)

    source = {
        'checkpoint': str(checkpoint),
        'known_tags': settings.known_tags,
        'known_boxes': settings.known_boxes,
        'unsure_below': float(settings.unsure_below),
        'split': settings.split,
    }
    return write_label_folder(
        dataset, folder, label_image, source, coco_rle=settings.coco_rle, keep=keep, workers=settings.workers
    )


def load_model(cfg: Config, checkpoint: str | Path, kind: type[Network]) -> Network:
    """Build the network of a config with the weights of a checkpoint, in evaluation mode.

    Args:
        cfg: The config.
        checkpoint: The weights.
        kind: The expected class of the network.

    Raises:
        TypeError: If the network has another class.
        ValueError: If weights are missing or have another shape.
    """
    model = build_network(cfg)
    if not isinstance(model, kind):
        raise TypeError(
            f'expected a network of type {kind.__name__}, got {type(model).__name__}: name the config or stage of such '
            'a network'
        )
    load_weights(model, checkpoint)
    return model


def predicted_logits(
    model: BaseModel, batch: dict[str, Any], known: Sequence[int] | None, boxes: WeakAnnotations | None = None
) -> Tensor:
    """Return the logits of an image at the size of its file, (C, H, W), from the decision of the model if it has one.

    Args:
        model: The network.
        batch: A batch of one image, as the data loader returns it.
        known: Same as in :func:`label_and_confidence`; the refiner of the decision only sees these classes.
        boxes: Same as in :func:`label_and_confidence`; the refiner only sees a class inside its boxes.
    """
    decision = getattr(model, 'decision', None)
    if decision is None:
        logits: Tensor = model.test_step(batch)[0].seg_logits.data
        return logits
    batch = model.data_preprocessor(batch, False)
    (maps,) = model.class_probs(**batch)
    probs = _only_inside(boxes, maps.probs, 0.0)
    present = None if known is None else present_classes(known, len(probs)).to(probs.device)
    return log_probs(decision.refined_masks(replace(maps, probs=probs), batch['data_samples'][0], present=present))


def label_and_confidence(
    logits: Tensor, known: Sequence[int] | None, unsure_below: float = 0.0, boxes: WeakAnnotations | None = None
) -> LabelAndConfidence:
    """Return class ids (H, W), 255 where unsure, and the probability of the class, (H, W).

    Args:
        logits: Scores of an image before softmax, (C, H, W), background first.
        known: Classes that may be present in addition to the background; None means all.
        unsure_below: Same as in :class:`PredictionSettings`.
        boxes: Each class that has boxes is only possible inside them, and a class without boxes nowhere; no boxes, or
            None, means no limit.

    Raises:
        ValueError: If there is only one channel, or a box is not inside the image.
    """
    if len(logits) < 2:
        raise ValueError('the network has one output channel: pseudo-labels need a separate channel of the background')
    logits = logits.float()
    if known is not None:
        absent = [index for index in range(1, len(logits)) if index not in known]
        logits = logits.index_fill(0, torch.tensor(absent, dtype=torch.long, device=logits.device), -torch.inf)
    logits = _only_inside(boxes, logits, -torch.inf)
    confidence, labels = logits.softmax(dim=0).max(dim=0)
    labels = torch.where(confidence < unsure_below, UNSURE, labels)
    return labels.cpu().numpy(), confidence.clamp(0, 1).cpu().numpy()


def _only_inside(boxes: WeakAnnotations | None, maps: Tensor, outside: float) -> Tensor:
    """Return the maps of all classes, (C, H, W), with another value outside of the boxes of a class."""
    if boxes is None or not len(boxes.boxes):
        return maps
    inside, ids = box_maps(boxes.boxes, boxes.box_labels, (maps.shape[1], maps.shape[2]))
    possible = torch.zeros(maps.shape, dtype=torch.bool)
    possible[0] = True
    possible[list(ids)] = inside.bool()
    return maps.masked_fill(~possible.to(maps.device), outside)
