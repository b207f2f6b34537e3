# Class activation maps by importance sampling and feature similarity on a sample of PASCAL VOC, sized for a CPU.
#
# Paper: Jonnarth and Felsberg, "Importance Sampling CAMs for Weakly-Supervised Segmentation", ICASSP 2022. The paper
#   does not have such a small setting and is based on SEAM, which is cam_mbv2_voc_tags_seam.py.
# Expected: docs/results.md (mIoU and contour F over seven and six classes).
# Cost: 1,000 iterations of 8 crops of 128 px, one CPU thread; docs/results.md has the time.
# Switches, with --cfg-options, L = model.losses.loss_tags:
#   average pooling L.weight=0 | max pooling L.weight=0 L.pooling=max | share of sampling L.weight=0.5 (0.8, 1.0)
#   the exact expectation instead of draws L.expectation=True | one draw L.num_samples=1
#   without feature similarity model.losses.loss_similarity.start=1.0
#   only the deepest features, 8 x 8 cells model.decode_head.in_channels=320 model.decode_head.in_index=2
#     model.decode_head.input_transform=None model.losses.loss_similarity.sigma=0.75
# Command: python tools/train.py configs/importance_sampling/cam_mbv2_voc_tags.py, with VOC_WEAK_ROOT and
#   MBV2_CHECKPOINT in the environment; README.md has the evaluation
_base_ = [
    '../_base_/preprocessors/rgb.py',
    '../_base_/backbones/mbv2.py',
    '../_base_/models/importance_sampling.py',
    '../_base_/transforms/jitter.py',
    '../_base_/datasets/voc_animals_tags.py',
    '../_base_/datasets/voc_animals_val.py',
    '../_base_/schedules/adamw_cpu.py',
    '../_base_/default_runtime.py',
]
model = dict(
    data_preprocessor=dict(**_base_.rgb, size=(128, 128)),
    backbone=dict(**_base_.mbv2, out_indices=(2, 4, 6)),
    # Three depths side by side at output stride 8, the published one: 16 x 16 cells for a third of the time that a
    # backbone of stride 8 takes.
    decode_head=dict(in_channels=(32, 96, 320), in_index=(0, 1, 2), input_transform='resize_concat'),
    losses=dict(
        # sigma: the published share of the crop, 5 of 56 cells. start: before the tags have found the animals, neither
        # loss knows which side is the background, and with some seeds the animals become background (docs/results.md).
        loss_similarity=dict(sigma=1.5, start=0.3),
        loss_max=dict(start=0.3),
    ),
)
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadWeakAnnotations', kinds=['tags']),
    # The published sizes relative to the crop: 1 to 1.7 times its side.
    dict(
        type='RandomResize', resize_type='WeakResize', scale=(128, 128), ratio_range=(1.0, 768 / 448), keep_ratio=True
    ),
    dict(type='WeakRandomFlip', prob=0.5),
    _base_.jitter,
    dict(type='WeakRandomCrop', crop_size=(128, 128)),
    dict(type='RasterizeWeakAnnotations'),
    dict(type='PackWeakSegInputs'),
]
# Photos of 320 px at 0.45 of their size: the published ratio of scale 1 to the crop.
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale_factor=0.45, keep_ratio=True),
    dict(type='LoadAnnotations'),
    dict(type='PackSegInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(weak_labels=_base_.weak_labels, pipeline=test_pipeline))
test_dataloader = val_dataloader
val_evaluator = dict(type='ContourFScore', split='val')
test_evaluator = val_evaluator
max_iters = 1000
optim_wrapper = dict(optimizer=dict(lr=1e-4), paramwise_cfg=dict(custom_keys=dict(decode_head=dict(lr_mult=10.0))))
param_scheduler = [
    _base_.long_warmup,
    dict(type='PolyLR', power=0.9, eta_min=0.0, begin=100, end=max_iters, by_epoch=False),
]
train_cfg = dict(type='IterBasedTrainLoop', max_iters=max_iters, val_interval=max_iters)
default_hooks = dict(checkpoint=dict(interval=250))
custom_hooks = [
    dict(type='ExactResumeHook'),
    dict(type='WeakVisualizationHook', interval=250),
    dict(type='ResultSheetHook'),
]
