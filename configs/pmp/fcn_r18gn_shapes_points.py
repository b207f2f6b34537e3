# PMP from points on drawn shapes: the demo. Needs no data and no weights.
#
# Paper: Akiva, Dana, "Towards Single Stage Weakly Supervised Semantic Segmentation", 2021 (the method).
# Expected: 61.1 mIoU (docs/results.md).
# Cost: 9 minutes on a busy CPU, with evaluation.
# Command: python tools/train.py configs/pmp/fcn_r18gn_shapes_points.py
_base_ = [
    '../_base_/models/fcn_r50gn.py',
    '../_base_/datasets/shapes.py',
    '../_base_/schedules/adamw_cpu.py',
    '../_base_/default_runtime.py',
]
# The points have a separate loss (ours): among all the pixels that PMP labels, they would hardly have any weight.
model = dict(
    data_preprocessor=dict(size=(96, 96)),
    backbone=dict(depth=18, base_channels=32, stem_channels=32, strides=(1, 1, 1, 1)),
    decode_head=dict(in_channels=256, channels=64, num_convs=1, concat_input=False, num_classes=7),
    losses=dict(loss_points=dict(type='PartialCrossEntropyLoss')),
)
train_pipeline = [
    dict(type='LoadShapesImage'),
    dict(type='LoadWeakAnnotations'),
    dict(type='LoadPointBlots', cache_dir='work_dirs/point_blots', settings=dict(max_side=128)),
    dict(type='RandomResize', resize_type='WeakResize', scale=(128, 128), ratio_range=(0.75, 1.5), keep_ratio=True),
    dict(type='WeakRandomCrop', crop_size=(96, 96)),
    dict(type='WeakRandomFlip', prob=0.5, direction=['horizontal', 'vertical']),
    dict(type='RasterizeWeakAnnotations', click_diameter=1),
    dict(type='PackWeakSegInputs', maps=['point_blots']),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
max_iters = 600
optim_wrapper = dict(optimizer=dict(lr=1e-3))
param_scheduler = [
    _base_.warmup,
    dict(type='CosineAnnealingLR', eta_min=0.0, begin=50, T_max=max_iters - 50, end=max_iters, by_epoch=False),
]
train_cfg = dict(type='IterBasedTrainLoop', max_iters=max_iters, val_interval=max_iters)
default_hooks = dict(logger=dict(interval=20), checkpoint=dict(interval=200))
custom_hooks = [
    dict(type='ExactResumeHook'),
    # 20 steps of expansion, by the loss at the points: a collapse to the background would lower the sum of the losses
    dict(type='ExpandingConfidenceHook', epoch_length=30, loss_name='loss_points'),
    dict(type='PseudoMaskVisualizationHook', interval=100),
    dict(type='ResultSheetHook'),
]
