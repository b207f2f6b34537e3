# Affinity network on seeds from class activation maps on a sample of PASCAL VOC, sized for a CPU: a stage of
# pipeline_mbv2_voc_tags.py.
#
# Paper: Ahn and Kwak, "Learning Pixel-level Semantic Affinity with Image-level Supervision for Weakly Supervised
#   Semantic Segmentation", CVPR 2018. The paper has no such small setting.
# Expected: no score of its own; the labels of the pipeline: docs/results.md.
# Cost: 600 iterations of 8 crops of 128 px on one CPU thread.
# Command: part of pipeline_mbv2_voc_tags.py; alone PSEUDO_LABEL_ROOT=SEEDS VOC_WEAK_ROOT=... MBV2_CHECKPOINT=...
#   python tools/train.py configs/importance_sampling/affinity_mbv2_voc_tags.py
_base_ = [
    '../_base_/datasets/voc_animals.py',
    '../_base_/default_runtime.py',
]
model = dict(
    type='AffinityNetwork',
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        pad_val=0,
        seg_pad_val=255,
        size=(128, 128),
    ),
    backbone=dict(
        type='MobileNetV2',
        widen_factor=1.0,
        strides=(1, 2, 2, 2, 1, 1, 1),
        dilations=(1, 1, 1, 1, 1, 2, 2),
        out_indices=(1, 2, 4, 6),
        norm_cfg=dict(type='BN', requires_grad=True),
        init_cfg=dict(
            type='Pretrained',
            checkpoint='{{$MBV2_CHECKPOINT:data/weights/mobilenet_v2_imagenet_mmseg.pth}}',
        ),
    ),
    # Half of the published stride, for photos of half the size.
    decode_head=dict(
        type='AffinityHead', in_channels=(24, 32, 320), in_index=(0, 1, 3), widths=(16, 32, 64), num_classes=21
    ),
    losses=dict(loss_affinity=dict(type='AffinityLoss', radius=5)),
)
scale = 0.6  # photos of 320 px
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadPseudoLabels'),
    dict(type='Resize', scale_factor=scale, keep_ratio=True),
    dict(type='RandomCrop', crop_size=(128, 128)),
    dict(type='RandomFlip', prob=0.5),
    dict(
        type='PhotoMetricDistortion',
        brightness_delta=38,
        contrast_range=(0.7, 1.3),
        saturation_range=(0.7, 1.3),
        hue_delta=18,
    ),
    dict(type='PackSegInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale_factor=scale, keep_ratio=True),
    dict(type='LoadAnnotations'),
    dict(type='PackSegInputs'),
]
train_dataloader = dict(
    batch_size=8,
    dataset=dict(
        _delete_=True,
        type='PseudoLabelDataset',
        label_root='{{$PSEUDO_LABEL_ROOT:data/seeds}}',
        img_path=_base_.data_root + '/JPEGImages',
        pipeline=train_pipeline,
    ),
)
# It predicts no classes; the pipeline of test_dataloader reads the images for the random walk.
val_dataloader = None
val_evaluator = None
val_cfg = None
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
max_iters = 600
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=1e-4, weight_decay=0.01),
    paramwise_cfg=dict(custom_keys=dict(decode_head=dict(lr_mult=10.0))),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, begin=0, end=100, by_epoch=False),
    dict(type='PolyLR', power=0.9, eta_min=0.0, begin=100, end=max_iters, by_epoch=False),
]
train_cfg = dict(type='IterBasedTrainLoop', max_iters=max_iters)
test_cfg = dict(type='TestLoop')
default_hooks = dict(checkpoint=dict(interval=200))
custom_hooks = [dict(type='ExactResumeHook')]
