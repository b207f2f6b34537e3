"""Outlines that give their mask again when they are painted in their order."""

import numpy as np
import pytest
from scipy import ndimage

from mmseg_wsss.datasets.formats.masks import area_of_polygon
from mmseg_wsss.datasets.writers.outlines import area_outlines


def painted(outlines, shape):
    """What a reader makes of outlines."""
    mask = np.zeros(shape, int)
    for value, ring in outlines:
        mask[area_of_polygon([ring.ravel().tolist()], shape, 'a mask')] = value
    return mask


def blobs(seed, smooth, shape=(61, 83)):
    rng = np.random.default_rng(seed)
    noise = ndimage.gaussian_filter(rng.random(shape), smooth)
    ranks = noise.ravel().argsort().argsort().reshape(shape)
    return np.array([0, 1, 2, 255])[ranks * 4 // ranks.size]


@pytest.mark.parametrize('smooth', [0, 0.5, 1, 3, 6])
def test_without_tolerance_every_pixel_is_kept(smooth):
    mask = blobs(0, smooth)
    outlines, small = area_outlines(mask, tolerance=0)
    assert small == 0
    assert np.array_equal(painted(outlines, mask.shape), mask)


def test_rings_inside_rings():
    rows, columns = np.mgrid[:40, :50]
    distance = np.hypot(rows - 20, columns - 25)
    mask = np.select([distance < 4, distance < 8, distance < 12, distance < 17], [1, 255, 0, 2], 0)
    outlines, _ = area_outlines(mask, tolerance=0)
    assert [outline.value for outline in outlines] == [2, 0, 255, 1]
    assert np.array_equal(painted(outlines, mask.shape), mask)


def test_a_tolerance_leaves_fewer_vertices_and_almost_every_pixel():
    rows, columns = np.mgrid[:200, :300]
    mask = ((rows - 90) ** 2 + (columns - 140) ** 2 < 70**2).astype(int)
    exact, rough = (area_outlines(mask, tolerance=tolerance)[0][0].ring for tolerance in (0, 0.5))
    assert len(rough) * 4 < len(exact)
    found = painted(area_outlines(mask)[0], mask.shape)
    assert (found & mask).sum() / (found | mask).sum() > 0.99
    lines = np.stack([rough, np.roll(rough, -1, axis=0)], axis=1)
    nearest = [min(_distance(place, line) for line in lines) for place in exact]
    assert max(nearest) <= 0.5 + 1e-9


def _distance(place, line):
    start, way = line[0], line[1] - line[0]
    share = np.clip((place - start) @ way / (way @ way), 0, 1)
    return np.hypot(*(place - start - share * way))


def test_single_pixels_stay_and_small_areas_are_counted():
    mask = np.zeros((9, 9), int)
    mask[4, 4] = mask[0, 0] = 1
    mask[6:8, 1:3] = 2
    assert np.array_equal(painted(area_outlines(mask, tolerance=2)[0], mask.shape), mask)
    blobs_of_few = blobs(1, 0.7)
    found = painted(area_outlines(blobs_of_few)[0], blobs_of_few.shape)
    assert (found == blobs_of_few).mean() > 0.95
    outlines, small = area_outlines(mask, min_area=2)
    assert ([outline.value for outline in outlines], small) == ([2], 2)


def test_background_alone_is_the_whole_image():
    (outline,), _ = area_outlines(np.zeros((3, 5), int))
    assert (outline.value, outline.ring.tolist()) == (0, [[0, 0], [5, 0], [5, 3], [0, 3]])
    assert area_outlines(np.eye(3, dtype=int)[:, :1] * 0 + np.array([[0], [1], [0]]), min_area=5) == ([], 1)
