# Class activation maps by importance sampling and feature similarity on SEAM, Wide ResNet-38, PASCAL VOC 2012.
#
# Paper: Jonnarth and Felsberg, "Importance Sampling CAMs for Weakly-Supervised Segmentation", ICASSP 2022, as its
#   published code has it; Wang et al., "Self-supervised Equivariant Attention Mechanism", CVPR 2020 (SEAM).
# Expected: maps of val with known tags 54.9 mIoU and 35.6 contour F; SEAM 52.5 and 20.8 (paper). Not measured here yet.
# Cost: 8 epochs of 1,322 iterations, batch 8, crop 448, each image also at 0.3 of its size.
# Differs from the published code: colours are jittered by PhotoMetricDistortion; small images are padded at the right
#   and at the bottom instead of on any side, and padding is excluded from poolings and pairs. As in the code, tags are
#   the classes of the boxes, and the momentum is the value of the weight decay, because its optimizer passes one for
#   the other.
# Command: python tools/train.py configs/importance_sampling/cam_wrn38_voc_tags.py (VOC_ROOT=... for the data,
#   WRN38_CHECKPOINT=... for ilsvrc-cls_rna-a1_cls1000_ep-0001.pth); then wsss cams CONFIG CHECKPOINT -o FOLDER
#   --known-tags. README.md has the ablations and the evaluation
_base_ = [
    '../_base_/preprocessors/published_rgb.py',
    '../_base_/backbones/wrn38.py',
    '../_base_/models/importance_sampling.py',
    '../_base_/datasets/voc_tags.py',
    '../_base_/datasets/voc_val.py',
    '../_base_/tta/eight_views.py',
    '../_base_/schedules/sgd_four_groups.py',
    '../_base_/default_runtime.py',
]
sampling = dict(type='ImportanceSamplingLoss', weight=0.8, pooling='average', num_samples=100)
model = dict(
    data_preprocessor=dict(**_base_.rgb, size=(448, 448)),
    views=dict(
        type='SiameseViews',
        scale=0.3,
        pixel_correlation=dict(in_index=(0, 1), in_channels=(512, 1024), channels=(64, 128)),
    ),
    backbone=dict(**_base_.wrn38, out_indices=(1, 2, 3), frozen_stages=0),
    decode_head=dict(in_channels=4096),
    losses=dict(
        loss_tags=dict(_delete_=True, type='MultiViewLoss', views=['first', 'second'], loss=sampling),
        loss_max=dict(
            _delete_=True,
            type='MultiViewLoss',
            views=['refined', 'second_refined'],
            loss=dict(type='ImportanceSamplingLoss', weight=0.0, pooling='max', background=True),
        ),
        loss_equivariance=dict(type='EquivariantRegularizationLoss'),
    ),
)
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadWeakAnnotations', kinds=['tags']),
    # The longer side is 448 to 768 pixels.
    dict(
        type='RandomResize',
        resize_type='WeakResize',
        scale=(448, 448),
        ratio_range=(1.0, 768 / 448),
        keep_ratio=True,
        interpolation='bicubic',
        backend='pillow',
    ),
    dict(type='WeakRandomFlip', prob=0.5),
    _base_.jitter,
    dict(type='WeakRandomCrop', crop_size=(448, 448)),
    dict(type='RasterizeWeakAnnotations'),
    dict(type='PackWeakSegInputs'),
]
train_dataloader = dict(batch_size=8, dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(weak_labels=_base_.weak_labels))  # for maps of known tags
test_dataloader = val_dataloader
val_evaluator = dict(_delete_=True, type='ContourFScore', split='val')
test_evaluator = dict(_delete_=True, type='ContourFScore', split='val')
max_iters = 8 * 1322
optim_wrapper = dict(
    optimizer=dict(lr=0.01, momentum=5e-4, weight_decay=5e-4),
    paramwise_cfg=dict(custom_keys=dict(pixel_correlation=dict(lr_mult=10.0))),
)
param_scheduler = [dict(type='PolyLR', power=0.9, eta_min=0.0, begin=0, end=max_iters, by_epoch=False)]
train_cfg = dict(max_iters=max_iters, val_interval=max_iters)
default_hooks = dict(checkpoint=dict(interval=1322))
custom_hooks = [dict(type='ExactResumeHook'), dict(type='WeakVisualizationHook', interval=661)]
