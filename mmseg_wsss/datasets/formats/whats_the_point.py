"""What's the Point (Bearman et al., ECCV 2016): JSON files of clicks on PASCAL VOC, and files of the same form."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...structures import WeakLabelSet
from .collecting import Drawing, ImageCollector
from .files import as_list, load_json
from .label_format import LabelFormat, Option
from .recognition import json_with
from .values import class_number, image_name, keyed, number, shown


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
        background: One or more further files of the same form; their clicks win where two share a pixel.
        max_rank: Keep only clicks up to this ``rank``; 1 keeps one click per class and image, None keeps all.
        img_suffix: Suffix of the images.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If a file does not have this form.
    """
    labels = WeakLabelSet(classes)
    for file in [path, *as_list(background)]:
        data = load_json(file, "a What's the Point file")
        if not isinstance(data, dict):
            raise ValueError(f'{file}: expected {{image_id: [{{x, y, cls}}, ..]}}, got a {type(data).__name__}')
        images = ImageCollector(file)
        for key, clicks in data.items():
            where = f'{file}: image {shown(key)}'
            name = image_name(key + img_suffix, where, 'its id')
            images.add(name, (None, None), _clicks(clicks, max_rank, where), key=name.removesuffix(img_suffix))
        labels = labels.merged(images.label_set(classes))
    return labels


def _clicks(clicks: Any, max_rank: int | None, where: str) -> Drawing:
    drawing = Drawing()
    if not isinstance(clicks, list):
        raise ValueError(f'{where}: expected a list of clicks, got {shown(clicks)}')
    for index, item in enumerate(clicks):
        place = f'{where}: click {index}'
        click = keyed(item, place, 'x', 'y', 'cls')
        x, y = number(click['x'], place, 'x'), number(click['y'], place, 'y')
        label = class_number(click['cls'], place, 'cls')
        if max_rank is None or number(click.get('rank', 1), place, 'rank') <= max_rank:
            drawing.click(x, y, label)
    return drawing


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
    names_classes=False,
)
