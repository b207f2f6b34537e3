# PMP on cardiac MR slices (ACDC) whose scribbles are reduced to points, sized for a CPU.
#
# Paper: Akiva, Dana, "Towards Single Stage Weakly Supervised Semantic Segmentation", 2021 (the method; the paper has no
#   medical setting).
# Expected, cost: docs/results.md.
# Command: wsss simulate --masks data/acdc_scribble/scribble_dir/train --images data/acdc_scribble/img_dir/train
#   --classes 'background,right ventricle,myocardium,left ventricle' --jitter 1
#   --min-area 1 -o data/acdc_scribble/points.json
#   python tools/train.py configs/pmp/unet_acdc_points.py, with ACDC_ROOT and ACDC_POINTS (the file) in the environment
_base_ = [
    '../_base_/models/unet_grey.py',
    '../_base_/datasets/acdc_scribbles.py',
    '../_base_/schedules/adamw_cpu.py',
    '../_base_/default_runtime.py',
]
# The points have a separate loss (ours): among all the pixels that PMP labels, they would hardly have any weight.
model = dict(
    losses=dict(
        loss_points=dict(type='PartialCrossEntropyLoss'),
        loss_pmp=dict(type='PMPLoss', pseudo_masks=dict(type='ExpandingPseudoMasks')),
    )
)
train_pipeline = [
    dict(type='LoadImageFromFile', color_type='grayscale', imdecode_backend='pillow'),
    dict(type='LoadWeakAnnotations', kinds=['points']),
    dict(type='LoadPointBlots', cache_dir='work_dirs/point_blots'),
    dict(type='LoadReferenceMask'),
    dict(type='RandomResize', resize_type='WeakResize', scale=(256, 256), ratio_range=(0.8, 1.25), keep_ratio=True),
    dict(type='WeakRandomRotate', prob=0.5, degree=20.0),
    dict(type='WeakRandomCrop', crop_size=(160, 160), min_labels=1),
    dict(type='WeakRandomFlip', prob=0.5, direction=['horizontal', 'vertical']),
    dict(type='RasterizeWeakAnnotations', click_diameter=1),
    dict(type='PackWeakSegInputs', maps=['point_blots', 'reference']),
]
train_dataloader = dict(
    dataset=dict(
        weak_labels=dict(_delete_=True, format='canonical', path='{{$ACDC_POINTS:points.json}}'),
        pipeline=train_pipeline,
    )
)
window = 40  # logged values are means over this number of iterations
max_iters = 320
optim_wrapper = dict(optimizer=dict(lr=2e-3))
param_scheduler = [
    _base_.warmup,
    dict(type='CosineAnnealingLR', eta_min=0.0, begin=50, T_max=max_iters - 50, end=max_iters, by_epoch=False),
]
train_cfg = dict(type='IterBasedTrainLoop', max_iters=max_iters, val_interval=max_iters)
default_hooks = dict(logger=dict(interval=window), checkpoint=dict(interval=200))
log_processor = dict(window_size=window)
custom_hooks = [
    dict(type='ExactResumeHook'),
    # 20 steps of expansion: an epoch would be too long, and a step is 0.05 at most. The loss at the points decides,
    # because a network that predicts background everywhere fits its own labels better and better.
    dict(type='ExpandingConfidenceHook', epoch_length=16, loss_name='loss_points'),
    dict(type='PseudoMaskVisualizationHook', interval=None),
    dict(type='ResultSheetHook'),
]
