# Class activation maps by importance sampling on drawn shapes: the demo. Needs no data and no weights.
#
# Paper: Jonnarth and Felsberg, "Importance Sampling CAMs for Weakly-Supervised Segmentation", ICASSP 2022 (losses and
#   inference; the network is a small U-Net).
# Expected: maps of val, known tags, four views: 38.3 mIoU at the best threshold (0.85), 20.8 at alpha_1 (seed 0).
# Cost: 1,000 iterations of 8 crops of 96 px.
# Command: python tools/train.py configs/importance_sampling/cam_shapes_tags.py; then wsss cams CONFIG CHECKPOINT
#   -o FOLDER --known-tags
_base_ = [
    '../_base_/models/importance_sampling.py',
    '../_base_/models/unet_shapes_backbone.py',
    '../_base_/datasets/shapes.py',
    '../_base_/default_runtime.py',
]
model = dict(
    data_preprocessor=dict(size=(96, 96), test_cfg=dict(size_divisor=16)),
    backbone=_base_.unet,
    decode_head=dict(in_channels=64, in_index=1, dropout_ratio=0.1, num_classes=7),  # a quarter of the resolution
    losses=dict(loss_similarity=dict(sigma=2.0, start=0.3), loss_max=dict(start=0.3)),
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
val_dataloader = dict(dataset=dict(labels=['tags']))  # for maps of known tags
test_dataloader = val_dataloader
val_evaluator = dict(type='ContourFScore', split='val')
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
    dict(type='WeakVisualizationHook', interval=200),
    dict(type='ResultSheetHook'),
]
find_unused_parameters = True  # on several processes: the head does not read the last level of UNet
