# Gated CRF loss from real scribbles on cardiac MR slices (ACDC), sized for a CPU.
#
# Paper: Obukhov et al., "Gated CRF Loss for Weakly Supervised Semantic Image Segmentation", 2019 (the loss; the paper
#   has no medical setting).
# Expected, cost: docs/results.md.
# Command: ACDC_ROOT=... python tools/train.py configs/gated_crf/unet_acdc_scribbles.py
_base_ = [
    '../_base_/models/unet_grey.py',
    '../_base_/datasets/acdc_scribbles.py',
    '../_base_/schedules/adamw_cpu.py',
    '../_base_/default_runtime.py',
]
model = dict(
    losses=dict(
        loss_ce=dict(type='PartialCrossEntropyLoss'),
        loss_gated_crf=dict(type='GatedCRFLoss', loss_weight=0.1, start=0.05),
    ),
)
max_iters = 800
optim_wrapper = dict(optimizer=dict(lr=2e-3))
param_scheduler = [_base_.warmup, dict(type='PolyLR', power=0.9, eta_min=0.0, begin=50, end=max_iters, by_epoch=False)]
train_cfg = dict(type='IterBasedTrainLoop', max_iters=max_iters, val_interval=max_iters // 4)
default_hooks = dict(checkpoint=dict(interval=200))
custom_hooks = [
    dict(type='ExactResumeHook'),
    dict(type='WeakVisualizationHook', interval=200),
    dict(type='ResultSheetHook'),
]
