# Single-stage segmentation from image tags, Wide ResNet-38, PASCAL VOC 2012.
#
# Paper: Araslanov and Roth, "Single-Stage Semantic Segmentation from Image Labels", CVPR 2020.
# Expected: val mIoU with --tta 59.7, with dense CRF 62.7; pseudo-labels of train with known tags 64.7 and 66.9
#   (wrn38_voc_tags_pseudo_labels.py). From the paper; others who ran its code report 58.5 and 60.1. Not run here yet.
# Cost: 25 epochs of 661 iterations, batch 16, crop 321; the authors had two GPUs of 12 GB.
# Differs from the published code: tags are the classes of the boxes instead of those of the masks; colours are jittered
#   by PhotoMetricDistortion, which changes each property with a probability of 1/2, instead of by torchvision's
#   ColorJitter, which always changes all; the last checkpoint is used instead of the one with the lowest loss on val;
#   inference leaves out padding.
# Command: python tools/train.py configs/single_stage/wrn38_voc_tags.py (VOC_ROOT=... for the data, WRN38_CHECKPOINT=...
#   for ilsvrc-cls_rna-a1_cls1000_ep-0001.pth); then python tools/test.py CONFIG CHECKPOINT --tta, with
#   --cfg-options model.decision.refiner.type=DenseCRF (pip install pydensecrf2)
_base_ = [
    '../_base_/preprocessors/published_rgb.py',
    '../_base_/backbones/wrn38.py',
    '../_base_/models/stochastic_gate.py',
    '../_base_/datasets/voc_tags.py',
    '../_base_/datasets/voc_val.py',
    '../_base_/tta/flips.py',
    '../_base_/schedules/sgd_four_groups.py',
    '../_base_/default_runtime.py',
]
model = dict(
    data_preprocessor=dict(**_base_.rgb, size=(321, 321)),
    backbone=dict(**_base_.wrn38, out_indices=(0, 3), frozen_stages=0),
    decode_head=dict(in_channels=4096),
    losses=dict(loss_masks=dict(start=5 / 25)),  # only tags for 5 of 25 epochs
    decision=dict(score_threshold=0.1, background_power=3.0),
)
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadWeakAnnotations', kinds=['tags']),
    dict(**_base_.crop, crop_size=(321, 321)),
    dict(type='WeakRandomFlip', prob=0.5),
    _base_.jitter,
    dict(type='RasterizeWeakAnnotations'),
    dict(type='PackWeakSegInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_evaluator = dict(_delete_=True, type='SubsetIoUMetric', split='val')
test_evaluator = dict(_delete_=True, type='SubsetIoUMetric', split='val')
sizes = [
    dict(type='Resize', scale_factor=1.0, keep_ratio=True, interpolation='bicubic', backend='pillow'),
    dict(type='Resize', scale_factor=0.5, keep_ratio=True, interpolation='bicubic', backend='pillow'),
    dict(type='Resize', scale_factor=1.5, keep_ratio=True, interpolation='bicubic', backend='pillow'),
    dict(type='Resize', scale_factor=2.0, keep_ratio=True, interpolation='bicubic', backend='pillow'),
]
tta_pipeline = [dict(type='LoadImageFromFile'), dict(type='TestTimeAug', transforms=[sizes, *_base_.every_size])]
default_hooks = dict(checkpoint=dict(interval=1322))
custom_hooks = [dict(type='ExactResumeHook'), dict(type='PseudoMaskVisualizationHook', interval=661)]
