# DeepLab-LargeFOV on pseudo-labels of drawn shapes: the last stage of pipeline_shapes_tags.py.
#
# Paper: Jonnarth and Felsberg, "Importance Sampling CAMs for Weakly-Supervised Segmentation", ICASSP 2022 (losses; the
#   network is a small U-Net).
# Expected: 30.1 mIoU on the labels of pipeline_shapes_tags.py (seed 0).
# Cost: 600 iterations of 8 crops of 96 px on one CPU thread.
# Command: part of pipeline_shapes_tags.py; by itself, PSEUDO_LABEL_ROOT=LABELS python tools/train.py
#   configs/importance_sampling/deeplabv1_shapes_tags.py
_base_ = [
    '../_base_/preprocessors/rgb.py',
    '../_base_/models/largefov.py',
    '../_base_/models/unet_shapes_backbone.py',
    '../_base_/datasets/shapes_tags.py',
    '../_base_/schedules/adamw_cpu.py',
    '../_base_/default_runtime.py',
]
model = dict(
    data_preprocessor=dict(**_base_.rgb, size=(96, 96), test_cfg=dict(size_divisor=16)),
    backbone=_base_.unet,
    decode_head=dict(
        in_channels=32,
        in_index=2,  # half the resolution
        channels=32,
        dilation=6,
        dropout_ratio=0.1,
        num_classes=7,
    ),
)
train_pipeline = [
    dict(type='LoadShapesImage'),
    dict(type='LoadPseudoLabels'),
    dict(type='RandomResize', scale=(128, 128), ratio_range=(0.75, 1.5), keep_ratio=True),
    dict(type='RandomCrop', crop_size=(96, 96)),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs'),
]
train_dataloader = dict(
    dataset=dict(label_root='{{$PSEUDO_LABEL_ROOT:data/pseudo_labels}}', pipeline=train_pipeline),
)
val_dataloader = dict(dataset=dict(labels=['tags']))
test_dataloader = val_dataloader
val_evaluator = dict(type='ContourFScore', split='val')
test_evaluator = val_evaluator
max_iters = 600
optim_wrapper = dict(optimizer=dict(lr=3e-3))
param_scheduler = [_base_.warmup, dict(type='PolyLR', power=0.9, eta_min=0.0, begin=50, end=max_iters, by_epoch=False)]
train_cfg = dict(type='IterBasedTrainLoop', max_iters=max_iters, val_interval=max_iters)
default_hooks = dict(logger=dict(interval=20), checkpoint=dict(interval=200))
custom_hooks = [dict(type='ExactResumeHook'), dict(type='ResultSheetHook')]
