"""What's the Point (Bearman et al., ECCV 2016): JSON files of clicks on PASCAL VOC, and others of that form."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...structures import ImageEntry, WeakAnnotations, WeakLabelSet
from .files import load_json
from .label_format import LabelFormat, Option
from .recognition import json_with


def read_whats_the_point(
    path: str,
    classes: tuple[str, ...],
    *,
    background: str | Sequence[str] = (),
    max_rank: int | None = None,
    img_suffix: str = '.jpg',
) -> WeakLabelSet:
    """Read ``{image_id: [{x, y, cls, rank}, ...]}``.

    Args:
        path: The file of clicks.
        classes: Class names by id; ``cls`` is the id.
        background: One more file or several, of the same form; their clicks win where two meet on a pixel.
        max_rank: Keep only clicks up to this ``rank``; 1 is one click per class and image. None keeps all.
        img_suffix: Suffix of the images.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If a file is not of this form.
    """
    labels = WeakLabelSet(classes)
    for file in [path, *([background] if isinstance(background, str) else background)]:
        data = load_json(file, "a What's the Point file")
        if not isinstance(data, dict):
            raise ValueError(f'{file}: expected {{image_id: [{{x, y, cls}}, ..]}}, got a {type(data).__name__}')
        images = {}
        for key, clicks in data.items():
            annotations = _clicks(clicks, max_rank, f'{file}: image {key!r}')
            images[key] = ImageEntry(key + img_suffix, annotations=annotations)
        labels = labels.merged(WeakLabelSet(classes, images=images))
    return labels


def _clicks(clicks: Any, max_rank: int | None, where: str) -> WeakAnnotations:
    if not isinstance(clicks, list):
        raise ValueError(f'{where}: expected a list of clicks, got {clicks!r}')
    try:
        if max_rank is not None:
            clicks = [click for click in clicks if click.get('rank', 1) <= max_rank]
        points, ids = [(click['x'], click['y']) for click in clicks], [click['cls'] for click in clicks]
        annotations = WeakAnnotations(points=points, point_labels=ids)
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
        raise ValueError(
            f'{where}: a click must be {{"x": .., "y": .., "cls": id}}; reading it gave {error!r}'
        ) from error
    if annotations.point_labels.tolist() != ids:
        raise ValueError(f'{where}: cls must be integers, got {ids}')
    return annotations


def _recognise(path: Path) -> bool:
    return json_with(path, 'x', 'y', 'cls')


FORMAT = LabelFormat(
    'whats_the_point',
    "clicks in What's the Point JSON",
    'the JSON file of clicks',
    read_whats_the_point,
    _recognise,
    (
        Option('background', 'more files of clicks, e.g. on the background', several=True, is_path=True),
        Option('max_rank', 'keep clicks up to this rank; 1: one per class and image', int),
    ),
)
