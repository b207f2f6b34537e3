"""Pseudo-labels by a trained generator of masks, from boxes and images.

Shape letters: K classes of the image that have boxes, C classes of the partner, H x W the image file, h x w the image
as the generator reads it, including the padding.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from mmcv.transforms import Compose
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.device import get_device
from mmseg.registry import TRANSFORMS
from torch import Tensor

from ..checkpoints.network import Source, check_trained_classes, trained_network
from ..checkpoints.weights import ROUND_KEY
from ..functional import box_maps, merge_class_masks
from ..functional.box_maps import RULES
from ..models.segmentors import MaskGenerator, check_generator_checkpoint
from ..models.segmentors.inference import RESIZE, check_at_once
from ..structures import ImageDataset, Sample, WeakAnnotations
from .images import BoxImages, images_with_boxes
from .label_folder import LabelAndConfidence, write_label_folder


@dataclass(frozen=True, kw_only=True)
class GeneratorSettings(BoxImages):
    """The expected generator, and how its masks become labels.

    Args:
        round: The expected round of the generator; None means any.
        rule: Which class gets a pixel that several classes claim: ``'overlap'`` or ``'first'``, see
            :func:`~mmseg_wsss.functional.merge_class_masks`.
        unsure: Pixels whose probability is at most this far from 0.5 become 255, in [0, 0.5).
        empty_images: Same as in :class:`~mmseg_wsss.labelling.images.BoxImages`.
        share: Same as in :class:`~mmseg_wsss.labelling.images.BoxImages`.
        workers: Same as in :class:`~mmseg_wsss.datasets.workers.WorkerSettings`.

    Raises:
        ValueError: If a setting is out of range.
    """

    round: int | None = None
    rule: str = 'overlap'
    unsure: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.rule not in RULES or not 0 <= self.unsure < 0.5:
            raise ValueError(
                f'expected a rule of {", ".join(RULES)} and unsure in [0, 0.5), got {self.rule!r} and {self.unsure}'
            )


def write_generator_labels(
    generator: Source,
    dataset: Mapping[str, Any],
    folder: str | Path,
    settings: GeneratorSettings | None = None,
    *,
    partner: Source | None = None,
    keep: bool = False,
) -> dict[str, Any]:
    """Write the masks of a generator for the boxes of a data set; pixels outside of all boxes are background.

    The ``test_pipeline`` of the generator's config reads the image (without flips and crops; it must end in
    ``PackSegInputs``); labels have the size of the file. The confidence is the probability of the generator that the
    label, object or background, is correct; it is 1 outside of all boxes.

    Args:
        generator: Checkpoint of a ``MaskGenerator``, or ``dict(checkpoint=..., config=...)``.
        dataset: Config of a ``WeakSegDataset`` with boxes; its classes may differ from those that the generator
            learned.
        folder: The folder to write to; see :mod:`mmseg_wsss.datasets.pseudo_label_files`.
        settings: Settings of the labels.
        partner: The segmentor of the previous round, trained on the classes of ``dataset``, in the same form as
            ``generator``; required if the generator reads its probabilities, otherwise None.
        keep: Label only missing images; see :mod:`mmseg_wsss.labelling.label_folder`.

    Returns:
        ``images``, ``unsure`` (share of the pixels) and the ``round`` of the generator.

    Raises:
        TypeError: If the checkpoint does not belong to a ``MaskGenerator``.
        ValueError: If generator, partner and data set do not match.
    """
    settings = settings or GeneratorSettings()
    model, cfg, made_in = load_generator(generator, with_partner=partner is not None, expected=settings.round)
    images = images_with_boxes({**dataset, 'pipeline': []}, settings)
    check_foreground(images)
    if partner is not None:
        segmentor, _, trained = trained_network(partner)
        check_trained_classes(trained, images.metainfo['classes'], partner)
        model.set_partner(segmentor)
    model.to(get_device())
    read = reading_pipeline(cfg)

    def label_image(index: int, info: Sample) -> LabelAndConfidence:
        annotations = info['weak_annotations']
        return generator_label(model, read(info), annotations, rule=settings.rule, unsure=settings.unsure)

    source = {
        'from': 'boxes',
        'method': 'generator',
        'generator': str(generator),
        'partner': None if partner is None else str(partner),
        'round': made_in,
        'rule': settings.rule,
        'unsure_within': settings.unsure,
    }
    summary = write_label_folder(images, folder, label_image, source, keep=keep, workers=settings.workers)
    return {**summary, 'round': made_in}


def load_generator(
    generator: Source, *, with_partner: bool, expected: int | None = None
) -> tuple[MaskGenerator, Config, int | None]:
    """Build the generator of a checkpoint.

    Args:
        generator: Same as in :func:`write_generator_labels`.
        with_partner: Whether it gets a partner.
        expected: The expected round; None means any.

    Returns:
        The generator, its config, and its round, or None if its checkpoint does not contain it.

    Raises:
        TypeError: If the checkpoint does not belong to a ``MaskGenerator``.
        ValueError: If it belongs to another round, or needs a partner and does not get one, or vice versa.
    """
    model, cfg, checkpoint = trained_network(generator)
    if not isinstance(model, MaskGenerator):
        raise TypeError(f'{generator} is a {type(model).__name__}, expected a checkpoint of a MaskGenerator')
    rounds = () if expected is None else (expected,)
    check_generator_checkpoint(checkpoint, in_channels=model.in_channels, rounds=rounds, source=str(generator))
    if model.use_probability != with_partner:
        needs = 'has no use for a partner' if with_partner else 'reads the probability of the class: give partner'
        raise ValueError(f'{generator} {needs} (input channels: {model.in_channels})')
    return model, cfg, checkpoint.get('meta', {}).get(ROUND_KEY)


def check_foreground(images: ImageDataset) -> None:
    """Raise an error for boxes of the background, before the first image is labelled.

    Raises:
        ValueError: If there are any; the message names the image.
    """
    for index in range(len(images)):
        info = images.get_data_info(index)
        if 0 in info['weak_annotations'].box_labels:
            raise ValueError(
                f'{info["img_path"]} has a box of class 0, the background, which generators do not support: '
                'remove it, or correct its class'
            )


def reading_pipeline(cfg: Config) -> Compose:
    """Return the ``test_pipeline`` of a generator's config; the default loads the image file.

    Raises:
        ValueError: If the pipeline does not end in ``PackSegInputs``.
    """
    steps = cfg.get('test_pipeline') or [{'type': 'LoadImageFromFile'}, {'type': 'PackSegInputs'}]
    if steps[-1]['type'] != 'PackSegInputs':
        raise ValueError(
            'test_pipeline of the generator must load an image but no labels, and end in PackSegInputs, got '
            f'{[step["type"] for step in steps]}'
        )
    return Compose([TRANSFORMS.build(step) for step in steps])


@torch.no_grad()
def generator_label(
    model: MaskGenerator,
    sample: dict[str, Any],
    annotations: WeakAnnotations,
    *,
    rule: str = 'overlap',
    unsure: float = 0.0,
) -> LabelAndConfidence:
    """Return the labels of one image and their confidence, (H, W) each.

    Args:
        model: The generator, with its partner if it needs one.
        sample: The packed image.
        annotations: Its boxes.
        rule: Same as in :class:`GeneratorSettings`.
        unsure: Same as in :class:`GeneratorSettings`.

    Raises:
        ValueError: If the partner has fewer classes than the boxes.
    """
    meta = sample['data_samples'].metainfo
    size, shown = tuple(meta['ori_shape'][:2]), tuple(meta['img_shape'][:2])
    if not len(annotations.boxes):
        return np.zeros(size, dtype=np.uint8), np.ones(size)
    maps, class_ids = box_maps(annotations.boxes, annotations.box_labels, size)
    image = model.data_preprocessor(pseudo_collate([sample]), False)['inputs']
    check_at_once(image, None, str(meta.get('img_path', 'an image')), RESIZE)
    around = (0, image.shape[3] - shown[1], 0, image.shape[2] - shown[0])  # padding is at the right and at the bottom
    inputs = F.pad(F.interpolate(maps[:, None].to(image), shown, mode='nearest-exact'), around)
    probabilities = None
    if model.use_probability:
        inside = F.pad(image.new_ones(1, 1, *shown), around)
        probabilities = of_classes(model.class_probabilities(image, inside)[0], class_ids)
    logits = model.generate(image.expand(len(maps), -1, -1, -1), inputs, probabilities)
    logits = F.interpolate(logits[..., : shown[0], : shown[1]].float(), size, mode='bilinear', align_corners=False)
    maps = maps.to(logits.device)
    labels = merge_class_masks(logits, class_ids, box_maps=maps, rule=rule, unsure=unsure)
    objects = torch.where(maps > 0, logits.softmax(dim=1)[:, 1], 0)
    confidence = 1 - objects.amax(dim=0)
    for label, prob in zip(class_ids, objects, strict=True):
        confidence = torch.where(labels == label, prob, confidence)
    confidence = torch.where(labels == 255, objects.amax(dim=0), confidence)
    return labels.cpu().numpy(), confidence.clamp(0, 1).cpu().numpy()


def of_classes(probs: Tensor, class_ids: Sequence[int]) -> Tensor:
    """Return the maps of some classes, (K, 1, h, w), from those of all classes, (C, h, w).

    Raises:
        ValueError: If a class is not among them.
    """
    if max(class_ids) >= len(probs):
        raise ValueError(
            f'a box has class {max(class_ids)}, but the partner has {len(probs)} classes: it must be trained '
            'on the classes of this data set'
        )
    return probs[list(class_ids)][:, None]
