"""GeoPackage, GeoJSON and shapefiles: points, lines and polygons by coordinates, on the GeoTIFFs that they lie in."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from .files import existing, listed_files, nearest
from .label_format import LabelFormat, Option
from .qupath import is_of_map
from .tool_labels import IMAGES, SHAPE_OPTIONS, ToolLabels, shape_reader
from .values import shown

NEEDED = 'geographic labels need rasterio, pyogrio and shapely: pip install "mmseg-wsss[geo]"'
SQLITE = b'SQLite format 3\0'
SHAPEFILE = b'\x00\x00\x27\x0a'
POINT, LINE, POLYGON = 0, 1, 2
"""Dimensions of geometries."""


@dataclass(frozen=True)
class Feature:
    """A feature of a file.

    Args:
        name: Its class, as text.
        geometry: Its geometry, of shapely, in the coordinates of its file.
        crs: The coordinate reference system of its file, of rasterio.
        where: File, layer and number, for messages.
    """

    name: str
    geometry: Any
    crs: Any
    where: str


@shape_reader
def read_geo(
    path: str,
    labels: ToolLabels,
    *,
    images: str | None = None,
    attribute: str = 'class',
    layer: str | None = None,
    crs: str | None = None,
) -> None:
    """Read points as clicks and lines as scribbles; polygons, with their holes, become masks.

    A feature labels every image that it lies in, and only its part inside the image. Coordinates are reprojected to
    the coordinate reference system of each image.

    Args:
        path: A GeoPackage, a GeoJSON file, a shapefile or another file that GDAL reads.
        labels: The collector that the shapes are added to.
        images: The folder of the GeoTIFFs (``.tif``, ``.tiff``).
        attribute: The attribute that has the class of a feature.
        layer: The layer to read. None: all layers that have geometries.
        crs: Coordinate reference system of the features, such as ``'EPSG:4326'``, if the file does not contain it.

    Raises:
        FileNotFoundError: If a file does not exist.
        ImportError: If rasterio, pyogrio or shapely is missing.
        ValueError: If a file cannot be read, an image or the features have no coordinate reference system, the
            attribute or layer does not exist, or no feature lies in an image.
    """
    if images is None:
        raise ValueError(f'{path}: coordinates become pixels of GeoTIFFs: give their folder as images (--images)')
    if not all(map(find_spec, ('rasterio', 'pyogrio', 'shapely'))):
        raise ImportError(NEEDED)
    features = list(_features(str(existing(path, 'the file of features')), attribute, layer, crs, labels))
    root, files = listed_files(images, '', 'the folder of GeoTIFFs', labels.report)
    files = [file for file in files if file.suffix.lower() in ('.tif', '.tiff')]
    if not files:
        raise FileNotFoundError(f'the folder of GeoTIFFs {root} contains no file that ends in .tif or .tiff')
    places = _Places(features)
    for file in files:
        size, pixels = places.in_pixels(file)
        _label(features, pixels, size, labels, places.used)
        labels.finish(file.relative_to(root).as_posix(), size, str(file))
    if features and not places.used:
        raise ValueError(
            f'{path}: none of the {len(features)} features lies in one of the {len(files)} images of {images}: are the '
            f'coordinate reference systems right? Features: {features[0].crs}, {files[0].name}: {places.last_crs}'
        )
    for index, feature in enumerate(features):
        if index not in places.used:
            labels.report.leave_out('features outside of all images', feature.where)


def _features(path: str, attribute: str, layer: str | None, crs: str | None, labels: ToolLabels) -> Iterator[Feature]:
    """Yield the features with a class and a geometry; the others are counted."""
    import pyogrio
    import shapely

    try:
        layers = {name: kind for name, kind in pyogrio.list_layers(path) if kind is not None}
        if layer is not None and layer not in layers:
            raise ValueError(f'layer {shown(layer)} does not exist; {nearest(layer, list(layers))}')
        for name in [layer] if layer is not None else layers:
            fields = pyogrio.read_info(path, layer=name)['fields'].tolist()
            if attribute not in fields:
                raise ValueError(
                    f'layer {shown(name)} has no attribute {shown(attribute)}; {nearest(attribute, fields)} '
                    '(attribute=, --attribute)'
                )
            meta, ids, geometries, columns = pyogrio.raw.read(path, layer=name, columns=[attribute], return_fids=True)
            system = _system(crs or meta['crs'], path)
            for number, content, value in zip(ids, geometries, columns[0], strict=True):
                where = f'{path}: feature {number} of layer {shown(name)}'
                text = _text(value)
                geometry = None if content is None else shapely.force_2d(shapely.from_wkb(content))
                if text is None:
                    labels.report.leave_out(f'features without {shown(attribute)}', where)
                elif geometry is None or geometry.is_empty:
                    labels.report.leave_out('features without a geometry', where)
                else:
                    yield Feature(text, geometry, system, where)
    except (RuntimeError, ValueError, shapely.errors.ShapelyError) as error:
        reason = ' '.join(str(error).split())
        raise ValueError(reason if reason.startswith(path) else f'{path}: {reason}') from error


def _system(crs: str | None, path: str) -> Any:
    from rasterio.crs import CRS
    from rasterio.errors import CRSError

    if crs is None:
        raise ValueError(
            f'{path} does not say what its coordinate reference system is: give it as crs=, --crs, such as EPSG:4326'
        )
    try:
        return CRS.from_user_input(crs)
    except CRSError as error:
        raise ValueError(f'{path}: {shown(crs)} is not a coordinate reference system: {error}') from error


def _text(value: Any) -> str | None:
    """The class in an attribute, as text; None if it is missing."""
    if value is None or value != value:
        return None
    if isinstance(value, float | np.floating) and value == int(value):
        value = int(value)
    return str(value).strip() or None


class _Places:
    """The features in the pixels of images; each coordinate reference system is computed once."""

    def __init__(self, features: list[Feature]) -> None:
        self.features = features
        self.used: set[int] = set()
        self.last_crs: Any = None
        self._projected: dict[str, Any] = {}

    def in_pixels(self, file: Path) -> tuple[tuple[int, int], Any]:
        """Return (width, height) of an image, and all geometries in edge coordinates of its pixels."""
        import rasterio
        import shapely

        try:
            with warnings.catch_warnings():
                warnings.simplefilter('ignore', rasterio.errors.NotGeoreferencedWarning)
                with rasterio.open(file) as image:
                    self.last_crs, to_map, size = image.crs, image.transform, (image.width, image.height)
        except rasterio.errors.RasterioError as error:
            raise ValueError(f'{file} cannot be read: {" ".join(str(error).split())}') from error
        if self.last_crs is None or to_map.is_identity:
            raise ValueError(
                f'{file} has no coordinate reference system or no place in it, so that coordinates do not say where '
                'its pixels are: save it as a GeoTIFF, or leave it out'
            )
        a, b, c, d, e, f = (~to_map)[:6]
        key = self.last_crs.to_wkt()
        if key not in self._projected:
            self._projected[key] = [_reprojected(feature, self.last_crs) for feature in self.features]
        matrix, offset = np.array([[a, d], [b, e]]), np.array([c, f])
        return size, [shapely.transform(shape, lambda xy: xy @ matrix + offset) for shape in self._projected[key]]


def _reprojected(feature: Feature, crs: Any) -> Any:
    """The geometry in another coordinate reference system; an empty one if the system does not reach that far."""
    import shapely
    from rasterio._err import CPLE_BaseError  # the base of the errors of GDAL, which has no public name
    from rasterio.warp import transform

    if feature.crs == crs:
        return feature.geometry
    try:
        return shapely.transform(feature.geometry, lambda xy: np.stack(transform(feature.crs, crs, *xy.T)[:2], axis=1))
    except CPLE_BaseError:
        return shapely.Point()


def _label(features: list[Feature], pixels: Any, size: tuple[int, int], labels: ToolLabels, used: set[int]) -> None:
    """Add the parts of the features inside an image."""
    import shapely

    frame = shapely.box(0, 0, *size)
    for index in np.flatnonzero(shapely.intersects(pixels, frame)) if len(features) else ():
        feature, shape = features[index], pixels[index]
        if not shape.is_valid:
            shape = shapely.make_valid(shape)
            labels.report.change('outlines that cross themselves, repaired', feature.where)
        dimension = shapely.get_dimensions(shape)
        for part in _parts(shapely.intersection(shape, frame)):
            if shapely.get_dimensions(part) != dimension:  # it only touches the edge of the image
                continue
            if dimension == POLYGON:
                rings = [ring.coords[:] for ring in (part.exterior, *part.interiors)]
                labels.outline_with_holes(feature.name, rings, size, feature.where)
            elif dimension == LINE:
                labels.scribble(feature.name, part.coords[:], feature.where)
            elif part.x < size[0] and part.y < size[1]:
                labels.click(feature.name, part.x, part.y, feature.where)
            else:  # on the edge to the next image
                continue
            used.add(int(index))


def _parts(shape: Any) -> list[Any]:
    """The points, lines and polygons of a geometry."""
    import shapely

    parts = shapely.get_parts(shape)
    return [inner for part in parts for inner in (_parts(part) if hasattr(part, 'geoms') else [part])]


def _recognise(path: Path) -> bool:
    if is_of_map(path):
        return True
    if not os.path.isfile(path) or path.suffix.lower() not in ('.gpkg', '.shp'):
        return False
    try:
        with path.open('rb') as file:
            head = file.read(len(SQLITE))
    except (OSError, ValueError):
        return False
    return head == SQLITE or head.startswith(SHAPEFILE)


FORMAT = LabelFormat(
    'geo',
    'GeoPackage, GeoJSON or shapefile of features in coordinates, for GeoTIFFs',
    'the file of features',
    read_geo,
    _recognise,
    (
        *SHAPE_OPTIONS,
        IMAGES,
        Option('attribute', 'the attribute that has the class of a feature (class)'),
        Option('layer', 'the layer to read (default: all)'),
        Option('crs', 'coordinate reference system of the features, if the file does not contain it: EPSG:4326'),
    ),
    '.tif',
)
