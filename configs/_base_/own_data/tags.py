# Parts of the recipes for image tags in configs/own_data.
tag_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadWeakAnnotations', kinds=['tags'], tags_from=['points', 'scribbles', 'boxes', 'tags', 'mask']),
    dict(type='RandomResize', resize_type='WeakResize', scale=(256, 256), ratio_range=(0.8, 1.2), keep_ratio=True),
    dict(type='WeakRandomCrop', crop_size=(160, 160)),
    dict(type='WeakRandomFlip', prob=0.5),
    dict(type='RasterizeWeakAnnotations'),
    dict(type='PackWeakSegInputs'),
]
# Weaker than published: with 3 and 0.01, masks cover whole photographs (docs/results.md).
from_tags = dict(loss_tags=dict(pooling=dict(exponent=5.0, floor=0.1)))
# For a short run: batch statistics of the pyramid that follow the data, and a dropout of a tenth.
short_training = dict(gate_form='paper', freeze_aspp_stats=False, dropout_ratios=(0.1, 0.1, 0.1))
