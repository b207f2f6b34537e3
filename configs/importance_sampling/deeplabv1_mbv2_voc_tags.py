# DeepLab-LargeFOV on pseudo-labels on a sample of PASCAL VOC, sized for a CPU: the last stage of
# pipeline_mbv2_voc_tags.py.
#
# Paper: Jonnarth and Felsberg, "Importance Sampling CAMs for Weakly-Supervised Segmentation", ICASSP 2022. The paper
#   has no such small setting.
# Expected: 27.8 mIoU over seven classes on the labels of that pipeline (docs/results.md).
# Cost: 1,000 iterations of 8 crops of 128 px on one CPU thread.
# Command: part of pipeline_mbv2_voc_tags.py; by itself, PSEUDO_LABEL_ROOT=LABELS VOC_WEAK_ROOT=... MBV2_CHECKPOINT=...
#   python tools/train.py configs/importance_sampling/deeplabv1_mbv2_voc_tags.py; then python tools/test.py CONFIG
#   CHECKPOINT --tta, with --cfg-options model.decision.refiner.type=DenseCRF model.decision.refiner.num_iters=1
#   model.decision.refiner.appearance_xy=32 (pip install pydensecrf2)
_base_ = [
    '../_base_/preprocessors/rgb.py',
    '../_base_/backbones/mbv2.py',
    '../_base_/models/largefov.py',
    '../_base_/transforms/jitter.py',
    '../_base_/datasets/voc_animals_pseudo_labels.py',
    '../_base_/datasets/voc_animals_val.py',
    '../_base_/tta/flips.py',
    '../_base_/schedules/adamw_cpu.py',
    '../_base_/default_runtime.py',
]
model = dict(
    data_preprocessor=dict(**_base_.rgb, size=(128, 128)),
    backbone=dict(
        _base_.mbv2,
        strides=(1, 2, 2, 1, 1, 1, 1),  # output stride 8, as published: 16 x 16 cells
        dilations=(1, 1, 1, 2, 2, 4, 4),
        out_indices=(4, 6),  # a single output would not be a list
    ),
    decode_head=dict(
        in_channels=320,
        in_index=1,
        channels=128,
        dilation=4,  # 12 of 56 cells as published
        dropout_ratio=0.1,
    ),
    losses=dict(loss_similarity=dict(type='FeatureSimilarityLoss', mu=2.5, sigma=1.5)),
)
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadPseudoLabels'),
    dict(type='RandomResize', scale=(192, 192), ratio_range=(0.5, 1.5), keep_ratio=True),
    dict(type='RandomCrop', crop_size=(128, 128)),
    dict(type='RandomFlip', prob=0.5),
    _base_.weak_jitter,
    dict(type='PackSegInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=_base_.scaled_pipeline))
test_dataloader = val_dataloader
val_evaluator = dict(type='ContourFScore', split='val')
test_evaluator = val_evaluator
sizes = [
    dict(type='Resize', scale_factor=0.5 * _base_.test_scale, keep_ratio=True),
    dict(type='Resize', scale_factor=0.75 * _base_.test_scale, keep_ratio=True),
    dict(type='Resize', scale_factor=1.0 * _base_.test_scale, keep_ratio=True),
    dict(type='Resize', scale_factor=1.25 * _base_.test_scale, keep_ratio=True),
    dict(type='Resize', scale_factor=1.5 * _base_.test_scale, keep_ratio=True),
    dict(type='Resize', scale_factor=1.75 * _base_.test_scale, keep_ratio=True),
]
tta_pipeline = [dict(type='LoadImageFromFile'), dict(type='TestTimeAug', transforms=[sizes, *_base_.every_size])]
max_iters = 1000
optim_wrapper = dict(optimizer=dict(lr=1e-4), paramwise_cfg=dict(custom_keys=dict(decode_head=dict(lr_mult=10.0))))
param_scheduler = [
    _base_.long_warmup,
    dict(type='PolyLR', power=0.9, eta_min=0.0, begin=100, end=max_iters, by_epoch=False),
]
train_cfg = dict(type='IterBasedTrainLoop', max_iters=max_iters, val_interval=max_iters)
default_hooks = dict(checkpoint=dict(interval=250))
custom_hooks = [dict(type='ExactResumeHook'), dict(type='ResultSheetHook')]
