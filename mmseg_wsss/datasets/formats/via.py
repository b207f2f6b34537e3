"""VIA (VGG Image Annotator 2) JSON: points, polylines, rectangles, polygons, circles and ellipses of all images."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .files import load_json, nearest
from .image_files import header_size
from .label_format import LabelFormat, Option
from .recognition import json_with
from .tool_labels import IMAGES, SHAPE_OPTIONS, Size, ToolLabels, shape_reader
from .values import image_name, keyed, listed, number, shown

PROJECT = '_via_img_metadata'


@shape_reader
def read_via(path: str, labels: ToolLabels, *, attribute: str | None = None, images: str | None = None) -> None:
    """Read points as clicks, polylines as scribbles, rectangles as boxes; polygons, circles and ellipses become masks.

    Args:
        path: The project, or its annotations exported as JSON.
        labels: The collector that the shapes are added to.
        attribute: The attribute of a region that contains its class. None: the only attribute.
        images: The folder of the images, because masks need their sizes.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If it does not have this form or names an unknown class.
    """
    content = keyed(load_json(path, 'a VIA file'), path)
    if attribute is not None:
        _check_attribute(attribute, content, path)
    items, found_images = keyed(content.get(PROJECT, content), path), 0
    for key, item in items.items():
        where = f'{path}: {shown(key)}'
        keyed(item, where, 'filename', 'regions')
        name = image_name(item['filename'], where, 'filename')
        if images is not None and not (Path(images) / name).is_file():
            labels.report.leave_out('images that are not in the folder of the images', name)
            continue
        found_images += 1
        size: Size = (None, None) if images is None else header_size(Path(images) / name)
        regions = item['regions']
        regions = list(regions.values()) if isinstance(regions, Mapping) else listed(regions, where, 'regions')
        if any(isinstance(value, str | Mapping) and value for value in _file_attributes(item).values()):
            labels.report.leave_out('attributes of images, not of regions', where)
        for index, region in enumerate(regions):
            place = f'{where}, region {index}'
            keyed(region, place, 'shape_attributes', 'region_attributes')
            found = _class(region['region_attributes'], attribute, place)
            if found is None:
                labels.report.leave_out('regions without a class', place)
            else:
                _shape(keyed(region['shape_attributes'], place, 'name'), found, size, labels, place)
        labels.finish(name, size, where)
    if items and not found_images:
        raise FileNotFoundError(f'none of the {len(items)} images of {path} is in {images}: check --images')


def _file_attributes(item: Mapping[str, Any]) -> Mapping[str, Any]:
    found = item.get('file_attributes')
    return found if isinstance(found, Mapping) else {}


def _check_attribute(attribute: str, content: Mapping[str, Any], path: str) -> None:
    """Reject an attribute that no region has."""
    names: dict[str, None] = {}
    for item in keyed(content.get(PROJECT, content), path).values():
        regions = item.get('regions') if isinstance(item, Mapping) else None
        for region in regions.values() if isinstance(regions, Mapping) else regions or ():
            attributes = region.get('region_attributes') if isinstance(region, Mapping) else None
            names |= dict.fromkeys(attributes if isinstance(attributes, Mapping) else ())
    if names and attribute not in names:
        raise ValueError(f'{path}: no region has the attribute {attribute!r}; {nearest(attribute, list(names))}')


def _class(attributes: Any, attribute: str | None, where: str) -> str | None:
    """The value of the attribute that contains the class: a text, or the option that is ticked."""
    keyed(attributes, where)
    if attribute is None and len(attributes) > 1:
        raise ValueError(
            f'{where}: the region has the attributes {", ".join(map(shown, attributes))}: --attribute NAME says which '
            'one is the class'
        )
    value = attributes.get(attribute) if attribute is not None else next(iter(attributes.values()), None)
    if isinstance(value, Mapping):
        ticked = [name for name, chosen in value.items() if chosen in (True, 'true')]
        if len(ticked) > 1:
            raise ValueError(f'{where}: a region must have one class, got {", ".join(map(shown, ticked))}')
        value = ticked[0] if ticked else None
    if value is not None and not isinstance(value, str):
        raise ValueError(f'{where}: the class must be a text, got {shown(value)}')
    return value.strip() or None if value is not None else None


def _shape(shape: Mapping[str, Any], name: str, size: Size, labels: ToolLabels, where: str) -> None:
    kind = shape['name']

    def values(*keys: str) -> list[float]:
        keyed(shape, where, *keys)
        return [number(shape[key], where, key) for key in keys]

    if kind == 'point':
        x, y = values('cx', 'cy')
        labels.click(name, x, y, where)
    elif kind == 'rect':
        x, y, width, height = values('x', 'y', 'width', 'height')
        labels.box(name, (x, y, x + width, y + height), where)
    elif kind in ('polyline', 'polygon'):
        keyed(shape, where, 'all_points_x', 'all_points_y')
        across, down = (listed(shape[key], where, key) for key in ('all_points_x', 'all_points_y'))
        if len(across) != len(down):
            raise ValueError(
                f'{where}: all_points_x and all_points_y must be as long, got {len(across)} and {len(down)}'
            )
        places = [(number(x, where, 'x'), number(y, where, 'y')) for x, y in zip(across, down, strict=True)]
        if kind == 'polygon':
            labels.outline(name, [places], size, where)
        else:
            labels.scribble(name, places, where)
    elif kind == 'circle':
        x, y, radius = values('cx', 'cy', 'r')
        labels.ellipse(name, (x, y, radius, radius, 0), size, where)
    elif kind == 'ellipse':
        turn = number(shape.get('theta') or 0, where, 'theta') * 57.29577951308232  # radians
        labels.ellipse(name, (*values('cx', 'cy', 'rx', 'ry'), turn), size, where)
    else:
        labels.leave_out(f'shapes of the type {shown(kind)}', name, where)


def _recognise(path: Path) -> bool:
    return json_with(path, 'filename', 'regions') and not json_with(path, 'shapes')


FORMAT = LabelFormat(
    'via',
    'VIA JSON',
    'the JSON file',
    read_via,
    _recognise,
    (*SHAPE_OPTIONS, IMAGES, Option('attribute', 'the attribute of a region that holds its class')),
)
