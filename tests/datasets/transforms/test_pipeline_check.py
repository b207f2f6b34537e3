import pytest
from mmseg.registry import TRANSFORMS

from mmseg_wsss.datasets.transforms import check_pipeline

LOAD, DRAW, PACK = ({'type': name} for name in ('LoadWeakAnnotations', 'RasterizeWeakAnnotations', 'PackWeakSegInputs'))
RESIZE = {'type': 'WeakResize', 'scale_factor': 0.5}
PLAIN = {'type': 'RandomResize', 'scale': (8, 8), 'ratio_range': (1, 2), 'keep_ratio': True}
NORMALISE = {'type': 'Normalize', 'mean': [0, 0, 0], 'std': [1, 1, 1]}


def check(*steps):
    check_pipeline([TRANSFORMS.build(step) for step in steps])


def test_pipelines_that_are_right():
    crop, flip = {'type': 'WeakRandomCrop', 'crop_size': 8}, {'type': 'WeakRandomFlip', 'prob': 0.5}
    check({'type': 'LoadImageFromFile'}, LOAD, PLAIN | {'resize_type': 'WeakResize'}, crop, flip, DRAW, PACK)
    check(LOAD, {'type': 'RandomGrayscale', 'prob': 0.1}, DRAW, {'type': 'GenerateEdge'}, PACK)
    check(LOAD, {'type': 'PhotoMetricDistortion'}, DRAW, {'type': 'PhotoMetricDistortion'}, PACK)
    check(LOAD, {'type': 'RandomChoice', 'transforms': [[RESIZE], [crop, flip]]}, DRAW, PACK)
    check(
        LOAD,
        {'type': 'RandomApply', 'transforms': [{'type': 'WeakRandomRotate', 'prob': 1, 'degree': 9.0}]},
        DRAW,
        PACK,
    )


@pytest.mark.parametrize(
    ('steps', 'message'),
    [
        ([LOAD, {'type': 'Resize', 'scale_factor': 2.0}, DRAW, PACK], 'Resize moves the image.*use WeakResize'),
        ([LOAD, {'type': 'RandomCrop', 'crop_size': 8}, DRAW, PACK], 'use WeakRandomCrop'),
        ([LOAD, {'type': 'RandomFlip', 'prob': 0.5}, DRAW, PACK], 'use WeakRandomFlip'),
        ([LOAD, {'type': 'RandomRotate', 'prob': 1, 'degree': 9.0}, DRAW, PACK], 'use WeakRandomRotate'),
        ([LOAD, PLAIN, DRAW, PACK], r"use RandomResize\(resize_type='WeakResize'\)"),
        ([LOAD, {'type': 'Pad', 'size': (9, 9)}, DRAW, PACK], 'SegDataPreProcessor'),
        (
            [LOAD, {'type': 'RandomCutOut', 'prob': 1, 'n_holes': 1, 'cutout_shape': (2, 2)}, DRAW, PACK],
            'RandomCutOut does not record which pixels',
        ),
        (
            [LOAD, {'type': 'RandomApply', 'transforms': [{'type': 'RandomFlip', 'prob': 1.0}]}, DRAW, PACK],
            'WeakRandomFlip',
        ),
        ([RESIZE, LOAD, DRAW, PACK], 'WeakResize must be between'),
        ([LOAD, DRAW, RESIZE, PACK], 'WeakResize must be between'),
        ([LOAD, DRAW, {'type': 'RandomFlip', 'prob': 1.0}, PACK], 'use WeakRandomFlip'),
        ([LOAD, DRAW, {'type': 'RandomRotFlip', 'rotate_prob': 0.5}, PACK], 'use WeakRandomRotate and WeakRandomFlip'),
        ([LOAD, DRAW, {'type': 'CenterCrop', 'crop_size': 8}, PACK], 'CenterCrop moves the image'),
        ([LOAD, DRAW, {'type': 'ResizeToMultiple'}, PACK], 'size_divisor=... of SegDataPreProcessor'),
        ([LOAD, DRAW, {'type': 'RandomMosaic', 'prob': 1.0}, PACK], 'RandomMosaic adds other images'),
        ([LOAD, DRAW, {'type': 'LoadAnnotations'}, PACK], 'LoadAnnotations loads the full mask into the labels'),
        ([{'type': 'LoadAnnotations'}, LOAD, DRAW, PACK], r'use_dense_masks=True'),
        ([LOAD, NORMALISE, DRAW, PACK], 'set mean and std of SegDataPreProcessor'),
        ([LOAD, DRAW, NORMALISE, PACK], 'set mean and std of SegDataPreProcessor'),
        ([LOAD, {'type': 'GenerateEdge'}, DRAW, PACK], 'GenerateEdge does not move weak labels.*put it after'),
        ([LOAD, {'type': 'TransformBroadcaster', 'transforms': []}, DRAW, PACK], 'keeps only the mapped keys'),
        ([LOAD, PACK], 'RasterizeWeakAnnotations exactly once'),
        ([LOAD, DRAW, {'type': 'PackSegInputs'}], 'PackWeakSegInputs exactly once'),
        ([DRAW, LOAD, PACK], 'the order must be'),
    ],
)
def test_pipelines_that_are_wrong(steps, message):
    with pytest.raises(ValueError, match=message):
        check(*steps)
