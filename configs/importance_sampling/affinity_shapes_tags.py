# Affinity network on seeds from class activation maps of drawn shapes: a stage of pipeline_shapes_tags.py.
#
# Paper: Ahn and Kwak, "Learning Pixel-level Semantic Affinity with Image-level Supervision for Weakly Supervised
#   Semantic Segmentation", CVPR 2018 (head and loss; the network is a small U-Net).
# Expected: no separate score; pipeline_shapes_tags.py has that of the labels' network.
# Cost: 400 iterations of 8 crops of 96 px on one CPU thread.
# Command: part of pipeline_shapes_tags.py; by itself, PSEUDO_LABEL_ROOT=SEEDS python tools/train.py
#   configs/importance_sampling/affinity_shapes_tags.py
_base_ = [
    '../_base_/preprocessors/rgb.py',
    '../_base_/models/unet_shapes_backbone.py',
    '../_base_/datasets/shapes_tags.py',
    '../_base_/schedules/adamw_cpu.py',
    '../_base_/default_runtime.py',
]
model = dict(
    type='AffinityNetwork',
    data_preprocessor=dict(**_base_.rgb, size=(96, 96), test_cfg=dict(size_divisor=16)),
    backbone=_base_.unet,
    # A quarter and an eighth of the resolution.
    decode_head=dict(type='AffinityHead', in_channels=(64, 128), in_index=(1, 0), widths=(32, 32), num_classes=7),
    losses=dict(loss_affinity=dict(type='AffinityLoss', radius=5)),
)
train_pipeline = [
    dict(type='LoadShapesImage'),
    dict(type='LoadPseudoLabels'),
    dict(type='RandomCrop', crop_size=(96, 96)),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs'),
]
train_dataloader = dict(
    dataset=dict(label_root='{{$PSEUDO_LABEL_ROOT:data/seeds}}', pipeline=train_pipeline),
)
# It does not predict classes; the pipeline of test_dataloader reads the images for the random walk.
val_dataloader = None
val_evaluator = None
val_cfg = None
test_dataloader = dict(dataset=dict(labels=['tags']))
test_evaluator = dict(type='ContourFScore', split='val')
max_iters = 400
optim_wrapper = dict(optimizer=dict(lr=3e-3))
param_scheduler = [_base_.warmup, dict(type='PolyLR', power=0.9, eta_min=0.0, begin=50, end=max_iters, by_epoch=False)]
train_cfg = dict(type='IterBasedTrainLoop', max_iters=max_iters)
default_hooks = dict(logger=dict(interval=20), checkpoint=dict(interval=200))
custom_hooks = [dict(type='ExactResumeHook')]
