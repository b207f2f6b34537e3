# Gated CRF loss from clicks on drawn shapes: the demo. Needs no data and no weights.
#
# Paper: Obukhov et al., "Gated CRF Loss for Weakly Supervised Semantic Image Segmentation", 2019 (the loss).
# Expected: docs/results.md, with the references partial cross-entropy and full masks.
# Cost: under 4 minutes on 2 CPU cores, with evaluation.
# Command: make demo, or python tools/train.py configs/gated_crf/unet_shapes_clicks.py
_base_ = [
    '../_base_/models/unet_shapes.py',
    '../_base_/datasets/shapes.py',
    '../_base_/schedules/adamw_cpu.py',
    '../_base_/default_runtime.py',
]
model = dict(
    losses=dict(
        loss_ce=dict(type='PartialCrossEntropyLoss'),
        loss_gated_crf=dict(type='GatedCRFLoss', loss_weight=0.1, start=0.1),
    ),
)
max_iters = 600
optim_wrapper = dict(optimizer=dict(lr=3e-3))
param_scheduler = [_base_.warmup, dict(type='PolyLR', power=0.9, eta_min=0.0, begin=50, end=max_iters, by_epoch=False)]
train_cfg = dict(type='IterBasedTrainLoop', max_iters=max_iters, val_interval=max_iters)
default_hooks = dict(logger=dict(interval=20), checkpoint=dict(interval=200))
custom_hooks = [
    dict(type='ExactResumeHook'),
    dict(type='WeakVisualizationHook', interval=200),
    dict(type='ResultSheetHook'),
]
