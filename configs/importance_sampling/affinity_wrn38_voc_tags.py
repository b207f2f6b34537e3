# Affinity network on seeds from class activation maps, Wide ResNet-38, PASCAL VOC 2012: a stage of
# pipeline_wrn38_voc_tags.py.
#
# Paper: Ahn and Kwak, "Learning Pixel-level Semantic Affinity with Image-level Supervision for Weakly Supervised
#   Semantic Segmentation", CVPR 2018, in the setting of Jonnarth and Felsberg, "Importance Sampling CAMs for
#   Weakly-Supervised Segmentation", ICASSP 2022.
# Expected: pseudo-labels of val after the random walk, tags known, no CRF: 62.2 mIoU and 44.7 contour F; from SEAM's
#   maps 60.1 and 35.7 (paper). Not run here yet.
# Cost: 8 epochs of 1,322 iterations, batch 8, crop 448.
# Differs from the published code: a cell has the seed of the pixel in its middle instead of the class with the largest
#   mean score; pairs count up to the borders; colours are jittered by PhotoMetricDistortion. As in the code, the
#   momentum is the value of the weight decay, because its optimizer passes one for the other.
# Command: part of pipeline_wrn38_voc_tags.py; by itself, PSEUDO_LABEL_ROOT=SEEDS VOC_ROOT=... WRN38_CHECKPOINT=...
#   python tools/train.py configs/importance_sampling/affinity_wrn38_voc_tags.py
_base_ = [
    '../_base_/preprocessors/published_rgb.py',
    '../_base_/backbones/wrn38.py',
    '../_base_/transforms/jitter.py',
    '../_base_/datasets/voc_val.py',
    '../_base_/datasets/voc_pseudo_masks.py',
    '../_base_/schedules/sgd_four_groups.py',
    '../_base_/default_runtime.py',
]
model = dict(
    type='AffinityNetwork',
    data_preprocessor=dict(**_base_.rgb, size=(448, 448)),
    backbone=dict(**_base_.wrn38, out_indices=(1, 2, 3), frozen_stages=0),
    decode_head=dict(
        type='AffinityHead',
        in_channels=(512, 1024, 4096),
        in_index=(0, 1, 2),
        widths=(64, 128, 256),
        num_classes=21,
    ),
    losses=dict(loss_affinity=dict(type='AffinityLoss', radius=5)),
)
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadPseudoLabels'),
    dict(type='RandomCrop', crop_size=(448, 448)),
    dict(type='RandomFlip', prob=0.5),
    _base_.jitter,
    dict(type='PackSegInputs'),
]
train_dataloader = dict(
    batch_size=8, dataset=dict(label_root='{{$PSEUDO_LABEL_ROOT:data/seeds}}', pipeline=train_pipeline)
)
# It does not predict classes; the pipeline of test_dataloader reads the images for the random walk.
val_dataloader = None
val_evaluator = None
val_cfg = None
test_evaluator = dict(_delete_=True, type='SubsetIoUMetric', split='val')
max_iters = 8 * 1322
optim_wrapper = dict(optimizer=dict(lr=0.01, momentum=5e-4, weight_decay=5e-4))
param_scheduler = [dict(type='PolyLR', power=0.9, eta_min=0.0, begin=0, end=max_iters, by_epoch=False)]
train_cfg = dict(_delete_=True, type='IterBasedTrainLoop', max_iters=max_iters)
default_hooks = dict(checkpoint=dict(interval=1322))
custom_hooks = [dict(type='ExactResumeHook')]
