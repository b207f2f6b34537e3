"""QuPath GeoJSON: one file of points, lines and polygons with holes per image."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .files import listed_files, load_json, relative_id
from .image_files import find_image, header_size, picture_name
from .label_format import LabelFormat, Option
from .recognition import json_with, some_files
from .tool_labels import IMAGES, SHAPE_OPTIONS, Size, ToolLabels, shape_reader
from .values import keyed, listed, shown, vertices

KEYS = ('classification', 'objectType', 'isLocked')
"""Properties that features have in QuPath alone."""
Places = list[tuple[float, float]]


@shape_reader
def read_qupath(
    path: str, labels: ToolLabels, *, images: str | None = None, suffix: str = '.geojson', img_suffix: str = '.jpg'
) -> None:
    """Read points as clicks and lines as scribbles; polygons, with their holes, become masks.

    The class of an object is its classification; objects without one are left out. Coordinates are pixels of the image
    at full resolution.

    Args:
        path: The folder, or one file; an image has the name of its file without ``suffix``, with or without its own.
        labels: The collector that the shapes are added to.
        images: The folder of the images, because masks need their sizes. None: the sizes are not known.
        suffix: Suffix of the file names.
        img_suffix: Suffix of the images, if ``images`` is not given.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If a file does not have this form or names an unknown class.
    """
    root, files = listed_files(path, suffix, 'the folder of GeoJSON files', labels.report, or_file=True)
    for file in files:
        key = relative_id(file, root, suffix)
        name = picture_name(key, img_suffix)
        size: Size = (None, None)
        if images is not None:
            image = find_image(Path(images), key, str(file))
            name, size = image.relative_to(images).as_posix(), header_size(image)
        for index, feature in enumerate(_features(load_json(file, 'a GeoJSON file'), str(file))):
            _feature(feature, size, labels, f'{file}: feature {index}')
        labels.finish(name, size, str(file))


def _features(content: Any, where: str) -> list[Any]:
    """The objects of a collection or list, or a single object."""
    if isinstance(content, list):
        return content
    keyed(content, where, 'type')
    return [content] if content['type'] == 'Feature' else listed(content.get('features'), where, 'features')


def _feature(feature: Any, size: Size, labels: ToolLabels, where: str) -> None:
    keyed(feature, where, 'geometry')
    found = (feature.get('properties') or {}) if isinstance(feature.get('properties') or {}, Mapping) else {}
    kind = found.get('classification')
    name = _name(kind) if isinstance(kind, Mapping) else kind
    if name is None:
        labels.report.leave_out('objects without a classification', where)
        return
    shape = keyed(feature['geometry'], where, 'type')['type']
    if shape == 'GeometryCollection':
        labels.leave_out(f'objects of the type {shown(shape)}', name, where)
        return
    places = keyed(feature['geometry'], where, 'type', 'coordinates')['coordinates']
    if shape in ('Point', 'MultiPoint'):
        for x, y in _line([places] if shape == 'Point' else places, where):
            labels.click(name, x, y, where)
    elif shape in ('LineString', 'MultiLineString'):
        for line in [places] if shape == 'LineString' else listed(places, where, 'coordinates'):
            labels.scribble(name, _line(line, where), where)
    elif shape in ('Polygon', 'MultiPolygon'):
        for rings in [places] if shape == 'Polygon' else listed(places, where, 'coordinates'):
            outline = [_line(ring, where) for ring in listed(rings, where, 'coordinates')]
            labels.outline_with_holes(name, outline, size, where)
    else:
        labels.leave_out(f'objects of the type {shown(shape)}', name, where)


def _name(kind: Mapping[str, Any]) -> Any:
    """The name of a class, or the names of a class and those that it is derived from."""
    names = kind.get('names')
    joined = ': '.join(map(str, names)) if isinstance(names, list) and names else None
    return kind.get('name', joined)


def _line(places: Any, where: str) -> Places:
    """Places [x, y], which may have a plane as a third value."""
    flat = [item[:2] if isinstance(item, list) and len(item) == 3 else item for item in listed(places, where, 'places')]
    return vertices(flat, where, 'coordinates')


def is_of_map(path: Path) -> bool:
    """Whether a path looks like a GeoJSON file whose features are not those of QuPath."""
    return path.suffix.lower() in ('.geojson', '.json') and json_with(
        path, 'features', 'geometry', 'coordinates', without=KEYS
    )


def _recognise(path: Path) -> bool:
    return not is_of_map(path) and any(
        json_with(file, 'geometry', 'coordinates', 'properties', first='[{') for file in some_files(path, 'json')
    )


FORMAT = LabelFormat(
    'qupath',
    'QuPath GeoJSON',
    'the folder of GeoJSON files, or one file',
    read_qupath,
    _recognise,
    (*SHAPE_OPTIONS, IMAGES, Option('suffix', 'what the names of the files end in (.geojson)')),
)
