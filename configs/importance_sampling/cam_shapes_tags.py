# Class activation maps by importance sampling on drawn shapes: the demo. Needs no data and no weights.
#
# Paper: Jonnarth and Felsberg, "Importance Sampling CAMs for Weakly-Supervised Segmentation", ICASSP 2022 (losses and
#   inference; the network is a small U-Net).
# Expected: maps of val, known tags, four views: 38.3 mIoU at the best threshold (0.85), 20.8 at alpha_1 (seed 0).
# Cost: 1,000 iterations of 8 crops of 96 px.
# Command: python tools/train.py configs/importance_sampling/cam_shapes_tags.py; then wsss cams CONFIG CHECKPOINT
#   -o FOLDER --known-tags
_base_ = [
    '../_base_/preprocessors/rgb.py',
    '../_base_/models/importance_sampling.py',
    '../_base_/models/unet_shapes_backbone.py',
    '../_base_/datasets/shapes_tags.py',
    '../_base_/schedules/adamw_cpu.py',
    '../_base_/default_runtime.py',
]
model = dict(
    data_preprocessor=dict(**_base_.rgb, size=(96, 96), test_cfg=dict(size_divisor=16)),
    backbone=_base_.unet,
    decode_head=dict(in_channels=64, in_index=1, dropout_ratio=0.1, num_classes=7),  # a quarter of the resolution
    losses=dict(loss_similarity=dict(sigma=2.0, start=0.3), loss_max=dict(start=0.3)),
)
val_dataloader = dict(dataset=dict(labels=['tags']))  # for maps of known tags
test_dataloader = val_dataloader
val_evaluator = dict(type='ContourFScore', split='val')
test_evaluator = val_evaluator
max_iters = 1000
optim_wrapper = dict(optimizer=dict(lr=3e-3))
param_scheduler = [_base_.warmup, dict(type='PolyLR', power=0.9, eta_min=0.0, begin=50, end=max_iters, by_epoch=False)]
train_cfg = dict(type='IterBasedTrainLoop', max_iters=max_iters, val_interval=max_iters)
default_hooks = dict(logger=dict(interval=20), checkpoint=dict(interval=200))
custom_hooks = [
    dict(type='ExactResumeHook'),
    dict(type='WeakVisualizationHook', interval=200),
    dict(type='ResultSheetHook'),
]
