# Class activation maps by importance sampling and feature similarity on a sample of PASCAL VOC, sized for a CPU.
#
# Paper: Jonnarth and Felsberg, "Importance Sampling CAMs for Weakly-Supervised Segmentation", ICASSP 2022. The
#   paper has no such small setting, and stands on SEAM, which is cam_mbv2_voc_tags_seam.py.
# Expected: docs/results.md (mIoU and contour F over seven and six classes).
# Cost: 1,000 iterations of 8 crops of 128 px, one CPU thread; docs/results.md has the time.
# Switches, with --cfg-options, L = model.losses.loss_tags:
#   average pooling L.weight=0 | max pooling L.weight=0 L.pooling=max | share of sampling L.weight=0.5 (0.8, 1.0)
#   the exact expectation in the place of draws L.expectation=True | one draw L.num_samples=1
#   without feature similarity model.losses.loss_similarity.start=1.0
#   the deepest features alone, 8 x 8 cells model.decode_head.in_channels=320 model.decode_head.in_index=2
#     model.decode_head.input_transform=None model.losses.loss_similarity.sigma=0.75
# Command: python tools/train.py configs/importance_sampling/cam_mbv2_voc_tags.py, with VOC_WEAK_ROOT and
#   MBV2_CHECKPOINT in the environment; README.md has the evaluation
_base_ = [
    '../_base_/models/importance_sampling.py',
    '../_base_/datasets/voc_animals.py',
    '../_base_/default_runtime.py',
]
model = dict(
    data_preprocessor=dict(size=(128, 128)),
    backbone=dict(
        type='MobileNetV2',
        widen_factor=1.0,
        strides=(1, 2, 2, 2, 1, 1, 1),
        dilations=(1, 1, 1, 1, 1, 2, 2),
        out_indices=(2, 4, 6),
        norm_cfg=dict(type='BN', requires_grad=True),
        init_cfg=dict(
            type='Pretrained',
            checkpoint='{{$MBV2_CHECKPOINT:data/weights/mobilenet_v2_imagenet_mmseg.pth}}',
        ),
    ),
    # Three depths side by side at output stride 8, the published one: 16 x 16 cells for a third of the time that a
    # backbone of stride 8 takes.
    decode_head=dict(in_channels=(32, 96, 320), in_index=(0, 1, 2), input_transform='resize_concat'),
    losses=dict(
        # sigma: the published share of the crop, 5 of 56 cells. start: before the tags have found the animals, neither
        # loss knows which side is the background, and with some seeds it is the animals (docs/results.md).
        loss_similarity=dict(sigma=1.5, start=0.3),
        loss_max=dict(start=0.3),
    ),
)
weak_labels = [dict(format='voc_xml', path='Annotations', boxes=False, tags=True)]
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadWeakAnnotations', kinds=['tags']),
    # The published sizes beside the crop: its side to 1.7 times that.
    dict(
        type='RandomResize', resize_type='WeakResize', scale=(128, 128), ratio_range=(1.0, 768 / 448), keep_ratio=True
    ),
    dict(type='WeakRandomFlip', prob=0.5),
    dict(
        type='PhotoMetricDistortion',
        brightness_delta=38,
        contrast_range=(0.7, 1.3),
        saturation_range=(0.7, 1.3),
        hue_delta=18,
    ),
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
train_dataloader = dict(
    batch_size=8,
    dataset=dict(
        ann_file='ImageSets/Segmentation/train_aug.txt',
        data_prefix=dict(_delete_=True, img_path='JPEGImages'),
        weak_labels=weak_labels,
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(dataset=dict(weak_labels=weak_labels, pipeline=test_pipeline))
test_dataloader = val_dataloader
val_evaluator = dict(type='ContourFScore', split='val')
test_evaluator = dict(type='ContourFScore', split='val')
max_iters = 1000
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=1e-4, weight_decay=0.01),
    paramwise_cfg=dict(custom_keys=dict(decode_head=dict(lr_mult=10.0))),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, begin=0, end=100, by_epoch=False),
    dict(type='PolyLR', power=0.9, eta_min=0.0, begin=100, end=max_iters, by_epoch=False),
]
train_cfg = dict(type='IterBasedTrainLoop', max_iters=max_iters, val_interval=max_iters)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
default_hooks = dict(checkpoint=dict(interval=250))
custom_hooks = [
    dict(type='ExactResumeHook'),
    dict(type='WeakVisualizationHook', interval=250),
    dict(type='ResultSheetHook'),
]
