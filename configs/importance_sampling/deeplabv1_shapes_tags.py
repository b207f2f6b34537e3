# DeepLab-LargeFOV on pseudo-labels of drawn shapes: the last stage of pipeline_shapes_tags.py.
#
# Paper: Jonnarth and Felsberg, "Importance Sampling CAMs for Weakly-Supervised Segmentation", ICASSP 2022 (losses; the
#   network is a small U-Net).
# Expected: 30.1 mIoU on the labels of pipeline_shapes_tags.py (seed 0).
# Cost: 600 iterations of 8 crops of 96 px on one CPU thread.
# Command: part of pipeline_shapes_tags.py; alone PSEUDO_LABEL_ROOT=LABELS python tools/train.py
#   configs/importance_sampling/deeplabv1_shapes_tags.py
_base_ = './cam_shapes_tags.py'
model = dict(
    decode_head=dict(
        _delete_=True,
        type='LargeFOVHead',
        in_channels=32,
        in_index=2,  # half the resolution
        channels=32,
        dilation=6,
        dropout_ratio=0.1,
        num_classes=7,
        norm_cfg=dict(type='BN', requires_grad=True),
        align_corners=True,
    ),
    losses=dict(_delete_=True, loss_ce=dict(type='PartialCrossEntropyLoss')),
    decision=dict(_delete_=True, type='ArgmaxDecision'),
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
max_iters = 600
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, begin=0, end=50, by_epoch=False),
    dict(type='PolyLR', power=0.9, eta_min=0.0, begin=50, end=max_iters, by_epoch=False),
]
train_cfg = dict(max_iters=max_iters, val_interval=max_iters)
custom_hooks = [dict(type='ExactResumeHook'), dict(type='ResultSheetHook')]
find_unused_parameters = True  # on several processes: the head does not read the last level of UNet
