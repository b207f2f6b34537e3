"""Pseudo-labels from clicks, scribbles and boxes by a promptable network (Kirillov et al., "Segment Anything", 2023).

Shape letters: H x W pixels of the image, P clicks, V vertices of a scribble.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from ..datasets.pseudo_label_files import UNSURE
from ..functional.checks import check_integer, check_share
from ..structures import Sample, WeakAnnotations
from ..structures.sample import ImageSize
from ..structures.weak_annotations import FloatArray
from .box_masks import pixels_of, smaller_last
from .images import BoxImages, images_with_labels
from .label_folder import LabelAndConfidence, check_border, unsure_borders, write_label_folder
from .promptable_model import Mask, Prompt, PromptableModel, check_installed

KINDS = ('points', 'scribbles', 'boxes')
Mark = tuple[FloatArray, int]
"""The points of a click or scribble, (P, 2), and its class."""
RESTS = (None, 'background', 'unlabelled')


@dataclass(frozen=True, kw_only=True)
class PromptSettings(BoxImages):
    r"""How a promptable network labels images.

    Each box is a prompt, with the clicks of its class inside it, and so is every other click and scribble. For each
    prompt the network returns a mask with the probability :math:`p_k` of its object at each pixel and a score
    :math:`s_k`, the overlap that it expects. A pixel gets the class of the mask with the largest :math:`s_k p_k` among
    those with :math:`s_k \ge` ``min_score`` and :math:`p_k \ge` ``object_above``. A pixel where every :math:`p_k <`
    ``background_below`` is background, see ``rest``, and the others are 255. The object of a box stays inside its box,
    and the pixels of the clicks keep their classes.

    Args:
        model: Same as ``name`` of :class:`~mmseg_wsss.labelling.promptable_model.PromptableModel`.
        kinds: The kinds of labels that are prompts.
        negative: Whether clicks and scribbles of other classes are negative points of a prompt; for a box, those inside
            it.
        min_score: Masks with a lower score are not used, and their boxes become 255, in [0, 1].
        object_above: Smallest probability of an object, in [0, 1].
        background_below: Pixels with this or a higher probability are not background, in [0, ``object_above``].
        rest: Label of the pixels outside of all objects: ``'background'`` or ``'unlabelled'`` (255). None means that
            they are background in images with boxes, which are drawn around all objects, and 255 in those with only
            clicks and scribbles, where clicks of class 0 make the background.
        points_per_scribble: The number of points, evenly spread along a scribble, that are its prompt.
        multimask: Same as in :class:`~mmseg_wsss.labelling.promptable_model.PromptableModel`.
        batch: Same as in :class:`~mmseg_wsss.labelling.promptable_model.PromptableModel`.
        unsure_border: Pixels with another label within this number of rows and columns become 255.
        empty_images: Same as in :class:`~mmseg_wsss.labelling.images.BoxImages`, for images without prompts.
        share: Same as in :class:`~mmseg_wsss.labelling.images.BoxImages`.

    Raises:
        ImportError: If transformers is missing.
        TypeError: If a number is something else.
        ValueError: If a setting is out of range.
    """

    model: str
    kinds: tuple[str, ...] = KINDS
    negative: bool = True
    min_score: float = 0.5
    object_above: float = 0.5
    background_below: float = 0.5
    rest: str | None = None
    points_per_scribble: int = 3
    multimask: bool = True
    batch: int = 16
    unsure_border: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, 'kinds', tuple(self.kinds))
        if not self.kinds or not set(self.kinds) <= set(KINDS):
            raise ValueError(f'kinds must be some of {", ".join(KINDS)}, got {self.kinds}')
        for name in ('min_score', 'object_above', 'background_below'):
            check_share(getattr(self, name), name)
        if self.background_below > self.object_above:
            raise ValueError(
                f'background_below must not be above object_above = {self.object_above}, got {self.background_below}'
            )
        if self.rest not in RESTS:
            raise ValueError(f"rest must be 'background', 'unlabelled' or None, got {self.rest!r}")
        check_integer(self.points_per_scribble, 'points_per_scribble')
        check_integer(self.batch, 'batch')
        check_border(self.unsure_border)
        check_installed()


def write_prompted_labels(
    dataset: Mapping[str, Any], folder: str | Path, settings: PromptSettings, *, keep: bool = False
) -> dict[str, Any]:
    """Write pseudo-labels from the clicks, scribbles and boxes of a data set by a promptable network.

    The confidence of a class is its score times its probability, that of the background 1 minus the largest
    probability of an object, and that of clicks 1.

    Args:
        dataset: Config of a ``WeakSegDataset``. Its ``pipeline`` only loads the image; the default is
            ``LoadImageFromFile``.
        folder: The folder to write to; see :mod:`mmseg_wsss.datasets.pseudo_label_files`.
        settings: Settings of the labels.
        keep: Label only missing images; see :mod:`mmseg_wsss.labelling.label_folder`.

    Returns:
        ``images``, ``unsure`` (share of the pixels), and ``prompts``.

    Raises:
        ValueError: If the network cannot be loaded, or an image has no prompts.
    """
    images = images_with_labels(dataset, settings, settings.kinds)
    model = PromptableModel(settings.model, multimask=settings.multimask, batch=settings.batch)

    def prompts_at(info: Sample) -> list[Prompt]:
        annotations = info['weak_annotations'].select(settings.kinds)
        return prompts_of(annotations, negative=settings.negative, points_per_scribble=settings.points_per_scribble)

    def label_image(index: int, info: Sample) -> LabelAndConfidence:
        image = images[index]['img']
        rgb = cv2.cvtColor(image, cv2.COLOR_GRAY2RGB if image.ndim == 2 else cv2.COLOR_BGR2RGB)
        annotations = info['weak_annotations'].select(settings.kinds)
        fill = settings.rest == 'background' if settings.rest else _has_background(annotations)
        decided, confidence = decided_labels(
            model.masks(rgb, prompts_at(info)),
            (rgb.shape[0], rgb.shape[1]),
            min_score=settings.min_score,
            object_above=settings.object_above,
            background_below=settings.background_below if fill else 0.0,
        )
        labels = unsure_borders(decided, settings.unsure_border)
        columns, rows = np.floor(annotations.points + 0.5).astype(int).T
        labels[rows, columns] = annotations.point_labels
        confidence[rows, columns] = 1
        return labels, confidence

    used = {name: getattr(settings, name) for name in ('min_score', 'object_above', 'background_below', 'rest')}
    source = {'from': 'prompts', 'model': settings.model, 'unsure_border': settings.unsure_border, **used}
    summary = write_label_folder(
        images, folder, label_image, source, keep=keep, title='masks from prompts', workers=settings.workers
    )
    summary['prompts'] = sum(len(prompts_at(images.get_data_info(index))) for index in range(len(images)))
    return summary


def _has_background(annotations: WeakAnnotations) -> bool:
    """Whether boxes show where all objects are, or the image is empty."""
    return bool(len(annotations.boxes)) or not annotations.num_labels


def prompts_of(annotations: WeakAnnotations, *, negative: bool = True, points_per_scribble: int = 3) -> list[Prompt]:
    """Return the prompts of an image: boxes, smaller ones last, then clicks and scribbles outside of their boxes.

    Args:
        annotations: The labels of the image.
        negative: Same as in :class:`PromptSettings`.
        points_per_scribble: Same as in :class:`PromptSettings`.

    Example:
        >>> labels = WeakAnnotations(
        ...     points=[[2, 2], [9, 9]], point_labels=[1, 2], boxes=[[0, 0, 5, 5]], box_labels=[1]
        ... )
        >>> [(prompt.label, prompt.points.tolist(), prompt.positive.tolist()) for prompt in prompts_of(labels)]
        [(1, [[2.0, 2.0]], [1]), (2, [[9.0, 9.0], [2.0, 2.0]], [1, 0])]
    """
    marks: list[Mark] = [
        (point[None], int(label)) for point, label in zip(annotations.points, annotations.point_labels, strict=True)
    ]
    marks += [
        (spread_points(line, points_per_scribble), int(label))
        for line, label in zip(annotations.polylines, annotations.polyline_labels, strict=True)
    ]
    free = list(range(len(marks)))
    prompts = []
    for index in smaller_last(annotations)[::-1]:  # a click belongs to the smallest of the boxes around it
        box, label = annotations.boxes[index], int(annotations.box_labels[index])
        inside = [k for k in range(len(marks)) if _inside(marks[k][0], box)]
        own = [k for k in inside if k in free and marks[k][1] == label]
        free = [k for k in free if k not in own]
        prompts.append(_prompt(label, box, own, [k for k in inside if marks[k][1] != label] if negative else [], marks))
    prompts = prompts[::-1]
    for k in free:
        others = [other for other in range(len(marks)) if marks[other][1] != marks[k][1]] if negative else []
        prompts.append(_prompt(marks[k][1], None, [k], others, marks))
    return prompts


def spread_points(line: FloatArray, count: int) -> FloatArray:
    """Return points at equal distances along a polyline, (count, 2), or its first vertex if it has no length.

    Args:
        line: The vertices, (V, 2).
        count: The number of points; they are the middles of as many equal pieces.

    Example:
        >>> spread_points(np.array([[0.0, 0.0], [4.0, 0.0]]), 2).tolist()
        [[1.0, 0.0], [3.0, 0.0]]
    """
    lengths = np.concatenate([[0.0], np.hypot(*np.diff(line, axis=0).T).cumsum()])
    if lengths[-1] == 0:
        return line[:1]
    places = (np.arange(count) + 0.5) / count * lengths[-1]
    return np.stack([np.interp(places, lengths, line[:, axis]) for axis in (0, 1)], axis=1)


def decided_labels(
    masks: Iterable[tuple[Prompt, Mask, float]],
    size: ImageSize,
    *,
    min_score: float = 0.5,
    object_above: float = 0.5,
    background_below: float = 0.5,
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32]]:
    """Decide each pixel by the masks of its image, as :class:`PromptSettings` explains.

    Args:
        masks: Prompt, probability of its object, (H, W), and score, for each prompt.
        size: (height, width).
        min_score: Same as in :class:`PromptSettings`.
        object_above: Same as in :class:`PromptSettings`.
        background_below: Same as in :class:`PromptSettings`; with 0 no pixel is filled with background.

    Returns:
        Labels, 255 where undecided, and their confidence, (H, W) each.

    Example:
        >>> probs = np.array([[0.9, 0.6, 0.1]], np.float32), np.array([[0.2, 0.8, 0.2]], np.float32)
        >>> labels, _ = decided_labels([(Prompt(3), probs[0], 0.9), (Prompt(5), probs[1], 0.8)], (1, 3))
        >>> labels.tolist()
        [[3, 5, 0]]
    """
    highest = np.zeros(size, np.float32)  # probability of any object
    strength = np.full(size, -1, np.float32)  # score times probability of the mask that labels a pixel
    labels = np.full(size, UNSURE, np.uint8)
    lost = np.zeros(size, bool)  # boxes whose masks are not used
    for prompt, mask, score in masks:
        inside = np.ones(size, bool) if prompt.box is None else pixels_of(prompt.box, size)
        prob = np.where(inside, mask, 0)
        highest = np.maximum(highest, prob)
        if score < min_score:
            lost |= inside & (prompt.box is not None)
            continue
        better = inside & (prob >= object_above) & (score * prob > strength)
        strength[better] = score * prob[better]
        labels[better] = prompt.label
    empty = (highest < background_below) & ~lost
    confidence = np.where(empty, 1 - highest, np.where(labels == UNSURE, 0, strength))
    labels[empty] = 0
    return labels, confidence.astype(np.float32)


def _inside(points: FloatArray, box: FloatArray) -> bool:
    return bool(((points >= box[:2] - 0.5) & (points <= box[2:] + 0.5)).all())


def _prompt(label: int, box: FloatArray | None, own: list[int], others: list[int], marks: list[Mark]) -> Prompt:
    points = [marks[k][0] for k in (*own, *others)]
    positive = np.repeat([1] * len(own) + [0] * len(others), [len(part) for part in points]).astype(np.int64)
    return Prompt(label, box, np.concatenate(points) if points else np.zeros((0, 2)), positive)
