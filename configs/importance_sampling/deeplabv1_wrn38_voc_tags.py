# DeepLab-LargeFOV on pseudo-labels, Wide ResNet-38, PASCAL VOC 2012: the last stage of pipeline_wrn38_voc_tags.py.
#
# Paper: Jonnarth and Felsberg, "Importance Sampling CAMs for Weakly-Supervised Segmentation", ICASSP 2022; network and
#   schedule are those of Wang et al., "Self-supervised Equivariant Attention Mechanism", CVPR 2020 (SEAM).
# Expected: val, tags unknown, 12 views and dense CRF: 64.6 mIoU and 43.8 contour F, from SEAM's labels 64.5 and 38.2;
#   test 65.2 mIoU (paper). Not run here yet.
# Cost: 20,000 iterations, batch 10, crop 448.
# Differs from the published code: the first convolution is trained, and so are scale and shift of the head's batch
#   norms; PhotoMetricDistortion instead of shifts of hue, saturation and value by at most 10; views are averaged as
#   probabilities instead of as logits (they are enlarged as logits in both); longer sides of 250 to 750 px instead of
#   0.5 to 1.5 times the file; the bias of the classifier starts at 0 instead of within 0.044. As in the code, its
#   weights are drawn by Kaiming's rule for its outputs.
# Command: part of pipeline_wrn38_voc_tags.py; by itself, PSEUDO_LABEL_ROOT=LABELS VOC_ROOT=... WRN38_CHECKPOINT=...
#   python tools/train.py configs/importance_sampling/deeplabv1_wrn38_voc_tags.py; then python tools/test.py CONFIG
#   CHECKPOINT --tta, with --cfg-options model.decision.refiner.type=DenseCRF model.decision.refiner.num_iters=1
#   model.decision.refiner.appearance_xy=32 (pip install pydensecrf2)
_base_ = [
    '../_base_/preprocessors/published_rgb.py',
    '../_base_/backbones/wrn38.py',
    '../_base_/models/largefov.py',
    '../_base_/transforms/jitter.py',
    '../_base_/datasets/voc_val.py',
    '../_base_/datasets/voc_pseudo_masks.py',
    '../_base_/tta/flips.py',
    '../_base_/schedules/sgd_four_groups.py',
    '../_base_/default_runtime.py',
]
model = dict(
    data_preprocessor=dict(**_base_.rgb, size=(448, 448)),
    backbone=dict(**_base_.wrn38, out_indices=(3,), frozen_stages=-1),
    decode_head=dict(
        in_channels=4096,
        in_index=0,
        channels=512,
        dilation=12,
        dropout_ratio=0.5,
        norm_cfg=dict(momentum=3e-4),
        # Of the classifier: a deviation of 0.309 for 21 classes; the default of heads is 0.01.
        init_cfg=dict(type='Kaiming', mode='fan_out', override=dict(name='conv_seg')),
    ),
    losses=dict(loss_similarity=dict(type='FeatureSimilarityLoss', mu=2.5, sigma=5.0)),
    decision=dict(enlarged='logits'),
)
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadPseudoLabels'),
    dict(type='RandomResize', scale=(500, 500), ratio_range=(0.5, 1.5), keep_ratio=True),
    dict(type='RandomCrop', crop_size=(448, 448)),
    dict(type='RandomFlip', prob=0.5),
    _base_.weak_jitter,
    dict(type='PackSegInputs'),
]
train_dataloader = dict(
    batch_size=10, dataset=dict(label_root='{{$PSEUDO_LABEL_ROOT:data/pseudo_labels}}', pipeline=train_pipeline)
)
sizes = [
    dict(type='Resize', scale_factor=0.5, keep_ratio=True, interpolation='bicubic'),
    dict(type='Resize', scale_factor=0.75, keep_ratio=True, interpolation='bicubic'),
    dict(type='Resize', scale_factor=1.0, keep_ratio=True, interpolation='bicubic'),
    dict(type='Resize', scale_factor=1.25, keep_ratio=True, interpolation='bicubic'),
    dict(type='Resize', scale_factor=1.5, keep_ratio=True, interpolation='bicubic'),
    dict(type='Resize', scale_factor=1.75, keep_ratio=True, interpolation='bicubic'),
]
tta_pipeline = [dict(type='LoadImageFromFile'), dict(type='TestTimeAug', transforms=[sizes, *_base_.every_size])]
val_evaluator = dict(_delete_=True, type='ContourFScore', split='val')
test_evaluator = dict(_delete_=True, type='ContourFScore', split='val')
max_iters = 20000
param_scheduler = [dict(type='PolyLR', power=0.9, eta_min=0.0, begin=0, end=max_iters, by_epoch=False)]
train_cfg = dict(max_iters=max_iters, val_interval=max_iters)
default_hooks = dict(checkpoint=dict(interval=2000))
custom_hooks = [dict(type='ExactResumeHook'), dict(type='ResultSheetHook')]
