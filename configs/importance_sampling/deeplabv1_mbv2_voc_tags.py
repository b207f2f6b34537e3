# DeepLab-LargeFOV on pseudo-labels on a sample of PASCAL VOC, sized for a CPU: the last stage of
# pipeline_mbv2_voc_tags.py.
#
# Paper: Jonnarth and Felsberg, "Importance Sampling CAMs for Weakly-Supervised Segmentation", ICASSP 2022. The paper
#   has no such small setting.
# Expected: 27.8 mIoU over seven classes on the labels of that pipeline (docs/results.md).
# Cost: 1,000 iterations of 8 crops of 128 px on one CPU thread.
# Command: part of pipeline_mbv2_voc_tags.py; alone PSEUDO_LABEL_ROOT=LABELS VOC_WEAK_ROOT=... MBV2_CHECKPOINT=...
#   python tools/train.py configs/importance_sampling/deeplabv1_mbv2_voc_tags.py; then python tools/test.py CONFIG
#   CHECKPOINT --tta, with --cfg-options model.decision.refiner.type=DenseCRF model.decision.refiner.num_iters=1
#   model.decision.refiner.appearance_xy=32 (pip install pydensecrf2)
_base_ = [
    '../_base_/datasets/voc_animals.py',
    '../_base_/default_runtime.py',
]
model = dict(
    type='WeakEncoderDecoder',
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
        strides=(1, 2, 2, 1, 1, 1, 1),  # output stride 8, as published: 16 x 16 cells
        dilations=(1, 1, 1, 2, 2, 4, 4),
        out_indices=(4, 6),  # of one alone it makes no list
        norm_cfg=dict(type='BN', requires_grad=True),
        init_cfg=dict(
            type='Pretrained',
            checkpoint='{{$MBV2_CHECKPOINT:data/weights/mobilenet_v2_imagenet_mmseg.pth}}',
        ),
    ),
    decode_head=dict(
        type='LargeFOVHead',
        in_channels=320,
        in_index=1,
        channels=128,
        dilation=4,  # 12 of 56 cells as published
        dropout_ratio=0.1,
        num_classes=21,
        norm_cfg=dict(type='BN', requires_grad=True),
        align_corners=True,
    ),
    losses=dict(
        loss_ce=dict(type='PartialCrossEntropyLoss'),
        loss_similarity=dict(type='FeatureSimilarityLoss', mu=2.5, sigma=1.5),
    ),
    decision=dict(type='ArgmaxDecision'),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
test_scale = 0.6  # photos of 320 px
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadPseudoLabels'),
    dict(type='RandomResize', scale=(192, 192), ratio_range=(0.5, 1.5), keep_ratio=True),
    dict(type='RandomCrop', crop_size=(128, 128)),
    dict(type='RandomFlip', prob=0.5),
    dict(
        type='PhotoMetricDistortion',
        brightness_delta=10,
        contrast_range=(1.0, 1.0),
        saturation_range=(0.9, 1.1),
        hue_delta=10,
    ),
    dict(type='PackSegInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale_factor=test_scale, keep_ratio=True),
    dict(type='LoadAnnotations'),
    dict(type='PackSegInputs'),
]
tta_model = dict(type='WeakSegTTAModel')
tta_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(
        type='TestTimeAug',
        transforms=[
            [
                dict(type='Resize', scale_factor=scale * test_scale, keep_ratio=True)
                for scale in (0.5, 0.75, 1.0, 1.25, 1.5, 1.75)
            ],
            [dict(type='RandomFlip', prob=prob, direction='horizontal') for prob in (0.0, 1.0)],
            [dict(type='LoadAnnotations')],
            [dict(type='PackSegInputs')],
        ],
    ),
]
train_dataloader = dict(
    batch_size=8,
    dataset=dict(
        _delete_=True,
        type='PseudoLabelDataset',
        label_root='{{$PSEUDO_LABEL_ROOT:data/pseudo_labels}}',
        img_path=_base_.data_root + '/JPEGImages',
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
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
custom_hooks = [dict(type='ExactResumeHook'), dict(type='ResultSheetHook')]
