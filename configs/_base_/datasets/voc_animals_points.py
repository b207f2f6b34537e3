# The clicks of voc_animals_clicks.py with point blots, and with the augmentations of PMP: colours, both flips. The full
# masks of the training images are used to measure the precision of the pseudo-masks.
_base_ = './voc_animals_clicks.py'
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadWeakAnnotations', kinds=['points']),
    dict(type='LoadPointBlots', cache_dir='work_dirs/point_blots'),
    dict(type='LoadReferenceMask'),
    dict(type='PhotoMetricDistortion'),
    dict(type='RandomResize', resize_type='WeakResize', scale=(256, 256), ratio_range=(0.5, 1.25), keep_ratio=True),
    dict(type='WeakRandomCrop', crop_size=(128, 128), min_labels=1),
    dict(type='WeakRandomFlip', prob=0.5, direction=['horizontal', 'vertical']),
    dict(type='RasterizeWeakAnnotations', click_diameter=1),
    dict(type='PackWeakSegInputs', maps=['point_blots', 'reference']),
]
train_dataloader = dict(batch_size=8, dataset=dict(pipeline=train_pipeline))
