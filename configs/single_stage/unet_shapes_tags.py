# Single-stage segmentation from image tags on drawn shapes: the demo. Needs no data and no weights.
#
# Paper: Araslanov and Roth, "Single-Stage Semantic Segmentation from Image Labels", CVPR 2020 (losses, pseudo-labels
#   and inference; the network is a small U-Net).
# Expected: 57.2 mIoU with predicted tags on 50 drawn pictures (seed 0).
# Cost: 1,000 iterations of 8 crops of 96 px, 7 minutes on one CPU thread of a busy machine.
# Command: python tools/train.py configs/single_stage/unet_shapes_tags.py
_base_ = [
    '../_base_/models/stochastic_gate.py',
    '../_base_/models/unet_shapes_backbone.py',
    '../_base_/datasets/shapes.py',
    '../_base_/default_runtime.py',
]
model = dict(
    # With 3, the power of the published recipe for VOC, little background is left: 19.1 mIoU.
    decision=dict(background_power=1.0),
    data_preprocessor=dict(size=(96, 96), test_cfg=dict(size_divisor=16)),
    backbone=_base_.unet,
    decode_head=dict(
        _delete_=True,
        type='NGWPHead',
        in_channels=32,
        in_index=2,  # half the resolution: PAMR on every pixel takes most of the time
        dropout_ratio=0.1,
        num_classes=7,
        align_corners=True,
    ),
    losses=dict(loss_masks=dict(start=0.3)),
)
train_pipeline = [
    dict(type='LoadShapesImage'),
    dict(type='LoadWeakAnnotations'),
    dict(type='WeakRandomResizedCrop', crop_size=(96, 96), scale=(0.9, 1.0)),
    dict(type='WeakRandomFlip', prob=0.5),
    dict(type='RasterizeWeakAnnotations'),
    dict(type='PackWeakSegInputs'),
]
train_dataloader = dict(dataset=dict(num_images=400, labels=['tags'], pipeline=train_pipeline))
val_evaluator = dict(type='SubsetIoUMetric', split='val')
test_evaluator = val_evaluator
max_iters = 1000
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='AdamW', lr=3e-3, weight_decay=0.01))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, begin=0, end=50, by_epoch=False),
    dict(type='PolyLR', power=0.9, eta_min=0.0, begin=50, end=max_iters, by_epoch=False),
]
train_cfg = dict(type='IterBasedTrainLoop', max_iters=max_iters, val_interval=max_iters)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
default_hooks = dict(logger=dict(interval=20), checkpoint=dict(interval=200))
custom_hooks = [
    dict(type='ExactResumeHook'),
    dict(type='PseudoMaskVisualizationHook', interval=200),
    dict(type='ResultSheetHook'),
]
find_unused_parameters = True  # on several processes: the head does not read the last level of UNet
