# Single-stage segmentation from image tags on drawn shapes: the demo. Needs no data and no weights.
#
# Paper: Araslanov and Roth, "Single-Stage Semantic Segmentation from Image Labels", CVPR 2020 (losses, pseudo-labels
#   and inference; the network is a small U-Net).
# Expected: 57.2 mIoU with predicted tags on 50 drawn pictures (seed 0).
# Cost: 1,000 iterations of 8 crops of 96 px, 7 minutes on one CPU thread of a busy machine.
# Command: python tools/train.py configs/single_stage/unet_shapes_tags.py
_base_ = [
    '../_base_/preprocessors/rgb.py',
    '../_base_/models/stochastic_gate.py',
    '../_base_/models/unet_shapes_backbone.py',
    '../_base_/datasets/shapes_tags.py',
    '../_base_/schedules/adamw_cpu.py',
    '../_base_/default_runtime.py',
]
model = dict(
    # With 3, the power of the published recipe for VOC, little background is left: 19.1 mIoU.
    decision=dict(background_power=1.0),
    data_preprocessor=dict(**_base_.rgb, size=(96, 96), test_cfg=dict(size_divisor=16)),
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
val_evaluator = dict(type='SubsetIoUMetric', split='val')
test_evaluator = val_evaluator
max_iters = 1000
optim_wrapper = dict(optimizer=dict(lr=3e-3))
param_scheduler = [_base_.warmup, dict(type='PolyLR', power=0.9, eta_min=0.0, begin=50, end=max_iters, by_epoch=False)]
train_cfg = dict(type='IterBasedTrainLoop', max_iters=max_iters, val_interval=max_iters)
default_hooks = dict(logger=dict(interval=20), checkpoint=dict(interval=200))
custom_hooks = [
    dict(type='ExactResumeHook'),
    dict(type='PseudoMaskVisualizationHook', interval=200),
    dict(type='ResultSheetHook'),
]
