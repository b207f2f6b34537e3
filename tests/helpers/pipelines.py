"""Samples and pipelines of weak labels."""

import numpy as np
from hypothesis import strategies as st
from mmcv.transforms import Compose
from mmseg.registry import TRANSFORMS

from mmseg_wsss.structures import WeakAnnotations


@st.composite
def sizes(draw):
    return draw(st.integers(17, 60)), draw(st.integers(17, 60))


def sample(size, labels=None, mask=None):
    height, width = size
    image = np.arange(height * width * 3, dtype=np.uint32).reshape(height, width, 3).astype(np.uint8)
    results = {
        'img': image,
        'img_shape': size,
        'ori_shape': size,
        'weak_annotations': labels or WeakAnnotations(),
        'seg_fields': [],
    }
    if mask is not None:
        results['gt_seg_map'] = mask
        results['seg_fields'] = ['gt_seg_map']
    return results


def run(results, steps, seed=0, **raster):
    pipeline = [{'type': 'LoadWeakAnnotations'}, *steps, {'type': 'RasterizeWeakAnnotations', **raster}]
    np.random.seed(seed)
    return Compose([TRANSFORMS.build(step) for step in pipeline])(results)


def random_clicks(size, seed, count=25, num_classes=5):
    rng = np.random.default_rng(seed)
    points = np.column_stack([rng.integers(0, side, count) for side in size[::-1]]).astype(float)
    return WeakAnnotations(points=points, point_labels=rng.integers(0, num_classes, count))
