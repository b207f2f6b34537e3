# Affinity network on seeds from class activation maps on a sample of PASCAL VOC, sized for a CPU: a stage of
# pipeline_mbv2_voc_tags.py.
#
# Paper: Ahn and Kwak, "Learning Pixel-level Semantic Affinity with Image-level Supervision for Weakly Supervised
#   Semantic Segmentation", CVPR 2018. The paper has no such small setting.
# Expected: no separate score; the labels of the pipeline: docs/results.md.
# Cost: 600 iterations of 8 crops of 128 px on one CPU thread.
# Command: part of pipeline_mbv2_voc_tags.py; by itself, PSEUDO_LABEL_ROOT=SEEDS VOC_WEAK_ROOT=... MBV2_CHECKPOINT=...
#   python tools/train.py configs/importance_sampling/affinity_mbv2_voc_tags.py
_base_ = [
    '../_base_/preprocessors/rgb.py',
    '../_base_/backbones/mbv2.py',
    '../_base_/transforms/jitter.py',
    '../_base_/datasets/voc_animals_pseudo_labels.py',
    '../_base_/datasets/voc_animals_val.py',
    '../_base_/schedules/adamw_cpu.py',
    '../_base_/default_runtime.py',
]
model = dict(
    type='AffinityNetwork',
    data_preprocessor=dict(**_base_.rgb, size=(128, 128)),
    backbone=dict(**_base_.mbv2, out_indices=(1, 2, 4, 6)),
    # Half of the published stride, for photos of half the size.
    decode_head=dict(
        type='AffinityHead', in_channels=(24, 32, 320), in_index=(0, 1, 3), widths=(16, 32, 64), num_classes=21
    ),
    losses=dict(loss_affinity=dict(type='AffinityLoss', radius=5)),
)
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadPseudoLabels'),
    dict(type='Resize', scale_factor=_base_.test_scale, keep_ratio=True),
    dict(type='RandomCrop', crop_size=(128, 128)),
    dict(type='RandomFlip', prob=0.5),
    _base_.jitter,
    dict(type='PackSegInputs'),
]
train_dataloader = dict(dataset=dict(label_root='{{$PSEUDO_LABEL_ROOT:data/seeds}}', pipeline=train_pipeline))
# It does not predict classes; the pipeline of test_dataloader reads the images for the random walk.
val_dataloader = None
val_evaluator = None
val_cfg = None
test_dataloader = dict(dataset=dict(pipeline=_base_.scaled_pipeline))
max_iters = 600
optim_wrapper = dict(optimizer=dict(lr=1e-4), paramwise_cfg=dict(custom_keys=dict(decode_head=dict(lr_mult=10.0))))
param_scheduler = [
    _base_.long_warmup,
    dict(type='PolyLR', power=0.9, eta_min=0.0, begin=100, end=max_iters, by_epoch=False),
]
train_cfg = dict(type='IterBasedTrainLoop', max_iters=max_iters)
default_hooks = dict(checkpoint=dict(interval=200))
custom_hooks = [dict(type='ExactResumeHook')]
