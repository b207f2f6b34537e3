# Cardiac MR slices with real scribbles, 8-bit grey images of about 216 x 256.
# Layout: img_dir, ann_dir and scribble_dir, each with train and val.
data_root = '{{$ACDC_ROOT:data/acdc_scribble}}'
metainfo = dict(
    classes=('background', 'right ventricle', 'myocardium', 'left ventricle'),
    palette=[[0, 0, 0], [230, 60, 60], [90, 190, 70], [80, 100, 230]],
)
train_pipeline = [
    dict(type='LoadImageFromFile', color_type='grayscale', imdecode_backend='pillow'),
    dict(type='LoadWeakAnnotations'),
    dict(type='RandomResize', resize_type='WeakResize', scale=(256, 256), ratio_range=(0.8, 1.25), keep_ratio=True),
    dict(type='WeakRandomRotate', prob=0.5, degree=20.0),
    dict(type='WeakRandomCrop', crop_size=(160, 160)),
    dict(type='WeakRandomFlip', prob=0.5, direction=['horizontal', 'vertical']),
    dict(type='RasterizeWeakAnnotations', click_diameter=1),
    dict(type='PackWeakSegInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile', color_type='grayscale', imdecode_backend='pillow'),
    dict(type='LoadAnnotations'),
    dict(type='PackSegInputs'),
]
train_dataloader = dict(
    batch_size=8,
    num_workers=0,
    sampler=dict(type='ResumableInfiniteSampler', shuffle=True),
    dataset=dict(
        type='WeakSegDataset',
        data_root=data_root,
        metainfo=metainfo,
        data_prefix=dict(img_path='img_dir/train', seg_map_path='ann_dir/train'),
        weak_labels=dict(format='index_png', path='scribble_dir/train'),
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='WeakSegDataset',
        data_root=data_root,
        metainfo=metainfo,
        data_prefix=dict(img_path='img_dir/val', seg_map_path='ann_dir/val'),
        test_mode=True,
        pipeline=test_pipeline,
    ),
)
test_dataloader = val_dataloader
# mDice of a class is over the whole set, not per patient.
val_evaluator = dict(type='IoUMetric', iou_metrics=['mIoU', 'mDice'])
test_evaluator = val_evaluator
