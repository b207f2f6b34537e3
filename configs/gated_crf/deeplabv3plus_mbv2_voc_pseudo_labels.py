# The same network on pseudo-labels: the last stage of pipeline_mbv2_voc_clicks.py.
#
# Paper: Obukhov et al., "Gated CRF Loss for Weakly Supervised Semantic Image Segmentation", 2019. The paper
#   trains once; a second training on the predictions of the first is common practice.
# Expected: docs/results.md.
# Cost: 1,500 iterations of 12 crops of 128 px on one CPU thread.
# Command: part of pipeline_mbv2_voc_clicks.py; by itself, PSEUDO_LABEL_ROOT=LABELS VOC_WEAK_ROOT=...
#   MBV2_CHECKPOINT=... python tools/train.py configs/gated_crf/deeplabv3plus_mbv2_voc_pseudo_labels.py
_base_ = [
    '../_base_/models/deeplabv3plus_mbv2.py',
    '../_base_/datasets/voc_animals_pseudo_labels.py',
    '../_base_/datasets/voc_animals_val.py',
    '../_base_/schedules/adamw_cpu.py',
    '../_base_/default_runtime.py',
]
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadPseudoLabels'),
    dict(type='RandomResize', scale=(256, 256), ratio_range=(0.5, 1.25), keep_ratio=True),
    dict(type='RandomCrop', crop_size=(128, 128)),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs'),
]
train_dataloader = dict(batch_size=12, dataset=dict(pipeline=train_pipeline))
max_iters = 1500
optim_wrapper = dict(optimizer=dict(lr=3e-4), paramwise_cfg=dict(custom_keys=dict(decode_head=dict(lr_mult=4.0))))
param_scheduler = [
    _base_.long_warmup,
    dict(type='PolyLR', power=0.9, eta_min=0.0, begin=100, end=max_iters, by_epoch=False),
]
train_cfg = dict(type='IterBasedTrainLoop', max_iters=max_iters, val_interval=max_iters // 2)
default_hooks = dict(checkpoint=dict(interval=250))
custom_hooks = [dict(type='ExactResumeHook'), dict(type='ResultSheetHook')]
