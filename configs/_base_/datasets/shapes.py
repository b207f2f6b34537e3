# Drawn pictures of textured shapes, seven classes with the background: nothing to download.
train_pipeline = [
    dict(type='LoadShapesImage'),
    dict(type='LoadWeakAnnotations'),
    dict(type='RandomResize', resize_type='WeakResize', scale=(128, 128), ratio_range=(0.75, 1.5), keep_ratio=True),
    dict(type='WeakRandomCrop', crop_size=(96, 96)),
    dict(type='WeakRandomFlip', prob=0.5),
    dict(type='RasterizeWeakAnnotations', click_diameter=1, stroke_width=3),
    dict(type='PackWeakSegInputs'),
]
test_pipeline = [
    dict(type='LoadShapesImage', with_mask=True),
    dict(type='PackSegInputs'),
]
train_dataloader = dict(
    batch_size=8,
    num_workers=0,
    sampler=dict(type='ResumableInfiniteSampler', shuffle=True),
    dataset=dict(
        type='ShapesDataset',
        num_images=200,
        size=(128, 128),
        seed=0,
        labels=['points'],
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='ShapesDataset',
        num_images=50,
        size=(128, 128),
        seed=1,
        labels=[],
        test_mode=True,
        pipeline=test_pipeline,
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(type='IoUMetric', iou_metrics=['mIoU'])
test_evaluator = val_evaluator
