# CRAID (cranberries from the air, 456 x 608 pixels) with painted points, and full masks for evaluation, as its authors
# lay it out: images, train/PointsClass (1 at a berry, 2 at a point of the background) and val/SegmentationClass (0, 1).
# Training takes the images that have points; val.txt names the others, one id a line. data_root is the folder with
# both.
data_root = '{{$CRAID_ROOT:data/craid}}'
metainfo = dict(classes=('background', 'berry'), palette=[[0, 0, 0], [200, 30, 60]])
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadWeakAnnotations', kinds=['points']),
    dict(type='LoadPointBlots', cache_dir='work_dirs/point_blots', settings=dict(max_side=400)),
    dict(type='PhotoMetricDistortion'),
    dict(type='RandomResize', resize_type='WeakResize', scale=(608, 456), ratio_range=(0.75, 1.5), keep_ratio=True),
    dict(type='WeakRandomCrop', crop_size=(320, 320), min_labels=1),
    dict(type='WeakRandomFlip', prob=0.5, direction=['horizontal', 'vertical']),
    dict(type='RasterizeWeakAnnotations', click_diameter=1),
    dict(type='PackWeakSegInputs', maps=['point_blots']),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    dict(type='PackSegInputs'),
]
train_dataloader = dict(
    batch_size=16,
    num_workers=8,
    persistent_workers=True,
    sampler=dict(type='ResumableInfiniteSampler', shuffle=True),
    dataset=dict(
        type='WeakSegDataset',
        data_root=data_root,
        metainfo=metainfo,
        data_prefix=dict(img_path='images'),
        img_suffix='.png',
        weak_labels=dict(format='craid', path='train/PointsClass', background_value=2),
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='WeakSegDataset',
        data_root=data_root,
        metainfo=metainfo,
        ann_file='val.txt',
        data_prefix=dict(img_path='images', seg_map_path='val/SegmentationClass'),
        img_suffix='.png',
        test_mode=True,
        pipeline=test_pipeline,
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(type='IoUMetric', iou_metrics=['mIoU'])
test_evaluator = val_evaluator
