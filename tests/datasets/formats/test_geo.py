"""Geographic labels: places on the ground become the pixels of each image."""

import json

import numpy as np
import pytest
from PIL import Image

from mmseg_wsss.cli.main import main
from mmseg_wsss.datasets.formats import ReadReport, geo, read_labels, read_named_labels, recognise_format

rasterio = pytest.importorskip('rasterio')
pyogrio = pytest.importorskip('pyogrio')
shapely = pytest.importorskip('shapely')
pytestmark = pytest.mark.filterwarnings(
    'ignore::PendingDeprecationWarning', "ignore:'crs' was not provided", 'ignore:The given matrix is equal'
)
CLASSES = ('background', 'road', 'weed')
LEFT, TOP, PIXEL = 500_000.0, 5_000_000.0, 2.0
UTM = 'EPSG:32633'


def ground(x, y):
    """The place of edge coordinates of the first image."""
    return [LEFT + PIXEL * x, TOP - PIXEL * y]


def write_image(folder, name, *, column=0, crs=UTM, size=(30, 20), transform=None):
    """A GeoTIFF that begins ``column`` pixels to the right of the first one."""
    folder.mkdir(exist_ok=True)
    corner = transform or rasterio.transform.from_origin(LEFT + PIXEL * column, TOP, PIXEL, PIXEL)
    shape = {'width': size[0], 'height': size[1], 'count': 1, 'dtype': 'uint8'}
    with rasterio.open(folder / name, 'w', driver='GTiff', crs=crs, transform=corner, **shape) as file:
        file.write(np.zeros((1, size[1], size[0]), np.uint8))


def feature(kind, coordinates, **properties):
    geometry = None if kind is None else {'type': kind, 'coordinates': coordinates}
    return {'type': 'Feature', 'properties': properties, 'geometry': geometry}


def write_geojson(path, *features, crs='urn:ogc:def:crs:EPSG::32633'):
    content = {'type': 'FeatureCollection', 'features': list(features)}
    if crs is not None:
        content['crs'] = {'type': 'name', 'properties': {'name': crs}}
    path.write_text(json.dumps(content))
    return path


def write_gpkg(path, layers, crs=UTM):
    """Layers of (class, geometry of shapely)."""
    for name, rows in layers.items():
        geometries = np.array([None if shape is None else shapely.to_wkb(shape) for _, shape in rows], dtype=object)
        values = np.array([value for value, _ in rows], dtype=object)
        kind = next(shape for _, shape in rows if shape is not None).geom_type
        pyogrio.raw.write(
            str(path), geometries, [values], ['class'], layer=name, driver='GPKG', geometry_type=kind, crs=crs,
            append=path.exists(),
        )  # fmt: skip
    return path


def read(path, images, report=None, **settings):
    source = {'format': 'geo', 'path': str(path), 'images': str(images), **settings}
    return read_labels(source, CLASSES, report=report).images


def test_points_lines_and_polygons_become_pixels(tmp_path):
    images = tmp_path / 'images'
    write_image(images, 'a.tif')
    write_image(images, 'b.TIFF', column=25)  # five columns overlap
    outer = [ground(*place) for place in [(2, 3), (28, 3), (28, 9), (2, 9), (2, 3)]]
    hole = [ground(*place) for place in [(4, 5), (6, 5), (6, 7), (4, 7), (4, 5)]]
    beside = [ground(*place) for place in [(30, 11), (34, 11), (34, 13), (30, 13), (30, 11)]]  # touches the first image
    path = write_geojson(
        tmp_path / 'labels.geojson',
        feature('Point', ground(3.5, 4.5), **{'class': 'weed'}),
        feature('MultiPoint', [ground(27.5, 0.5), [*ground(0.25, 19.75), 88.0]], **{'class': 'road'}),
        feature('LineString', [ground(-4, 12.5), ground(10.5, 12.5), ground(10.5, 40)], **{'class': 'weed'}),
        feature('Polygon', [outer, hole], **{'class': 'road'}),
        feature('Polygon', [beside], **{'class': 'weed'}),
        feature('Point', ground(400, 1), **{'class': 'weed'}),
        feature('Point', ground(1, 1), **{'class': None}),
        feature(None, None, **{'class': 'weed'}),
    )
    report = ReadReport()
    found = read(path, images, report, masks=str(tmp_path / 'masks'))
    assert {key: (entry.file_name, entry.size) for key, entry in found.items()} == {
        'a': ('a.tif', (30, 20)), 'b': ('b.TIFF', (30, 20)),
    }  # fmt: skip
    first, second = found['a'].annotations, found['b'].annotations
    np.testing.assert_allclose(first.points, [[3, 4], [-0.25, 19.25], [27, 0]], atol=1e-6)
    assert first.point_labels.tolist() == [2, 1, 1]
    np.testing.assert_allclose(second.points, [[2, 0]], atol=1e-6)
    (line,) = first.polylines
    np.testing.assert_allclose(line, [[-0.5, 12], [10, 12], [10, 19.5]], atol=1e-6)
    assert second.polylines == ()
    expected = np.zeros((20, 30), int)
    expected[3:9, 2:28] = 1
    expected[5:7, 4:6] = 0
    assert np.array_equal(np.asarray(Image.open(first.mask_path)), expected)
    expected = np.zeros((20, 30), int)
    expected[3:9, :3] = 1
    expected[11:13, 5:9] = 2
    assert np.array_equal(np.asarray(Image.open(second.mask_path)), expected)
    assert {what: len(names) for what, names in report.left_out.items()} == {
        'features outside of all images': 1, "features without 'class'": 1, 'features without a geometry': 1,
    }  # fmt: skip
    plain = ReadReport()
    assert read(path, images, plain)['a'].annotations.mask_path is None
    assert plain.left_out['outlines and painted areas (--masks DIR writes them)']
    assert read_named_labels({'format': 'geo', 'path': str(path), 'images': str(images)}).classes == (
        'background',
        'weed',
        'road',
    )


def test_other_coordinate_reference_systems_are_reprojected(tmp_path):
    write_image(tmp_path / 'images', 'a.tif')
    corner = rasterio.warp.transform(UTM, 'EPSG:3857', [LEFT], [TOP])
    mercator = rasterio.transform.from_origin(corner[0][0] - 10, corner[1][0] + 10, 4, 4)
    write_image(tmp_path / 'images', 'm.tif', crs='EPSG:3857', transform=mercator)
    longitude, latitude = (value[0] for value in rasterio.warp.transform(UTM, 'EPSG:4326', *zip(ground(7.5, 2.5))))
    path = write_geojson(
        tmp_path / 'p.json', feature('Point', [longitude, latitude], **{'class': 'weed'}), crs=None
    )  # as the standard has it: degrees
    found = read(path, tmp_path / 'images')
    np.testing.assert_allclose(found['a'].annotations.points, [[7, 2]], atol=1e-3)
    east, north = (v[0] for v in rasterio.warp.transform('EPSG:4326', 'EPSG:3857', [longitude], [latitude]))
    expected = ~mercator @ (east, north)
    np.testing.assert_allclose(found['m'].annotations.points, [np.array(expected) - 0.5], atol=1e-3)


def test_turned_images(tmp_path):
    turned = rasterio.Affine.translation(LEFT, TOP) @ rasterio.Affine.rotation(30) @ rasterio.Affine.scale(2, -3)
    write_image(tmp_path / 'images', 'a.tif', transform=turned)
    path = write_geojson(tmp_path / 'p.geojson', feature('Point', list(turned @ (5.5, 8.5)), **{'class': 'road'}))
    np.testing.assert_allclose(read(path, tmp_path / 'images')['a'].annotations.points, [[5, 8]], atol=1e-6)


def test_layers_attributes_and_systems_of_a_geopackage(tmp_path):
    write_image(tmp_path / 'images', 'a.tif')
    square = shapely.Polygon([ground(*place) for place in [(0, 0), (6, 6), (6, 0), (0, 6)]])  # a bow tie
    layers = {'clicks': [('weed', shapely.Point(ground(1.5, 1.5)))], 'areas': [('road', square)]}
    path = write_gpkg(tmp_path / 'all.gpkg', layers)
    assert recognise_format(path).name == 'geo'
    report = ReadReport()
    both = read(path, tmp_path / 'images', report, masks=str(tmp_path / 'm'))['a'].annotations
    assert both.points.round(6).tolist() == [[1, 1]]
    assert 0 < (np.asarray(Image.open(both.mask_path)) == 1).sum() < 30
    assert list(report.changed) == ['outlines that cross themselves, repaired']
    assert read(path, tmp_path / 'images', layer='clicks', masks=str(tmp_path / 'n'))['a'].annotations.mask_path is None
    nowhere = write_gpkg(tmp_path / 'none.gpkg', {'clicks': layers['clicks']}, crs=None)
    with pytest.raises(ValueError, match='none.gpkg does not say what its coordinate reference system is: give it as'):
        read(nowhere, tmp_path / 'images')
    assert len(read(nowhere, tmp_path / 'images', crs=UTM)['a'].annotations.points) == 1
    for settings, message in [
        ({'layer': 'click'}, "all.gpkg: layer 'click' does not exist; did you mean 'clicks'"),
        ({'attribute': 'clas'}, "has no attribute 'clas'; did you mean 'class'"),
        ({'crs': 'EPSG:0'}, "'EPSG:0' is not a coordinate reference system"),
        (
            {'crs': 'EPSG:4326'},
            r'none of the 2 features lies in one of the 1 images .* Features: EPSG:4326, a.tif: EPSG',
        ),
        ({'images': None}, 'coordinates become pixels of GeoTIFFs: give their folder as images'),
    ]:
        with pytest.raises(ValueError, match=message):
            read_labels({'format': 'geo', 'path': str(path), 'images': str(tmp_path / 'images'), **settings}, CLASSES)


def test_numbers_are_names(tmp_path):
    write_image(tmp_path / 'images', 'a.tif')
    points = [feature('Point', ground(number + 0.5, 1.5), plant=value) for number, value in enumerate([1, 2, None])]
    path = write_geojson(tmp_path / 'p.geojson', *points)
    names = {'1': 'weed', '2': 'road'}
    labels = read(path, tmp_path / 'images', attribute='plant', names=names)['a'].annotations.point_labels
    assert labels.tolist() == [2, 1]


def test_images_without_a_place_are_named(tmp_path):
    path = write_geojson(tmp_path / 'p.geojson', feature('Point', ground(1, 1), **{'class': 'weed'}))
    write_image(tmp_path / 'images', 'a.tif')
    Image.new('L', (9, 9)).save(tmp_path / 'images/plain.tif')
    with pytest.raises(ValueError, match='plain.tif has no coordinate reference system or no place in it'):
        read(path, tmp_path / 'images')
    write_image(tmp_path / 'images', 'plain.tif', transform=rasterio.Affine.identity())  # a system, but no place
    with pytest.raises(ValueError, match='plain.tif has no coordinate reference system or no place in it'):
        read(path, tmp_path / 'images')
    (tmp_path / 'images/plain.tif').write_bytes(b'no picture')
    with pytest.raises(ValueError, match='plain.tif cannot be read'):
        read(path, tmp_path / 'images')
    (tmp_path / 'empty').mkdir()
    (tmp_path / 'empty/a.png').write_bytes(b'')
    with pytest.raises(FileNotFoundError, match='contains no file that ends in .tif or .tiff'):
        read(path, tmp_path / 'empty')
    with pytest.raises(FileNotFoundError, match='the file of features not found'):
        read(tmp_path / 'none.gpkg', tmp_path / 'images')


def test_missing_libraries_are_named(tmp_path, monkeypatch):
    monkeypatch.setattr(geo, 'find_spec', lambda name: None)
    with pytest.raises(ImportError, match=r'need rasterio, pyogrio and shapely: pip install "mmseg-wsss\[geo\]"'):
        read(tmp_path / 'p.geojson', tmp_path)


def test_command(tmp_path, capsys):
    images = tmp_path / 'images'
    write_image(images, 'a.tif')
    square = shapely.box(*ground(2, 8), *ground(5, 3))
    path = write_gpkg(tmp_path / 'all.gpkg', {'areas': [('road', square), ('weed', shapely.box(0, 0, 1, 1))]})
    out = tmp_path / 'weak_labels.json'
    command = ['convert', 'auto', str(path), '--images', str(images), '--masks', str(tmp_path / 'm'), '-o', str(out)]
    assert main(command) == 0
    printed = capsys.readouterr().out
    assert 'all.gpkg: GeoPackage, GeoJSON or shapefile' in printed
    assert 'left out: 1 features outside of all images' in printed
    (entry,) = json.loads(out.read_text())['images']
    assert (entry['file_name'], entry['width'], entry['height']) == ('a.tif', 30, 20)
    assert (np.asarray(Image.open(tmp_path / 'm/a.png')) == 1).sum() == 15
