# Single-stage segmentation from image tags, VGG16 of DeepLab, PASCAL VOC 2012.
#
# Paper: Araslanov and Roth, "Single-Stage Semantic Segmentation from Image Labels", CVPR 2020.
# Expected: not known for this backbone (Wide ResNet-38 has 59.7 val mIoU). Not run here yet.
# Cost: 33 epochs of 661 iterations, batch 16, crop 448.
# Differs from the published code: same as wrn38_voc_tags.py. Its setting prunes by the true tags of each image; for
#   that, add --cfg-options model.decision.known_tags=True with a pipeline as in wrn38_voc_tags_pseudo_labels.py.
# Command: python tools/train.py configs/single_stage/vgg16_voc_tags.py (VOC_ROOT=... for the data, VGG16_CHECKPOINT=...
#   for vgg16_20M.pth); then python tools/test.py CONFIG CHECKPOINT --tta
_base_ = [
    '../_base_/preprocessors/published_rgb.py',
    '../_base_/models/stochastic_gate.py',
    '../_base_/datasets/voc_tags.py',
    '../_base_/datasets/voc_val.py',
    '../_base_/tta/eight_views.py',
    '../_base_/schedules/sgd_four_groups.py',
    '../_base_/default_runtime.py',
]
model = dict(
    data_preprocessor=dict(**_base_.rgb, size=(448, 448)),
    backbone=dict(
        type='LargeFOVVGG16',
        out_indices=(0, 3),
        frozen_stages=1,
        init_cfg=dict(type='Pretrained', checkpoint='{{$VGG16_CHECKPOINT:data/weights/vgg16_20M.pth}}'),
    ),
    decode_head=dict(in_channels=1024),
    losses=dict(loss_masks=dict(start=5 / 33)),  # only tags for 5 of 33 epochs
    decision=dict(score_threshold=0.3, background_power=1.0),
)
val_evaluator = dict(_delete_=True, type='SubsetIoUMetric', split='val')
test_evaluator = dict(_delete_=True, type='SubsetIoUMetric', split='val')
train_cfg = dict(max_iters=33 * 661)
default_hooks = dict(checkpoint=dict(interval=1322))
custom_hooks = [dict(type='ExactResumeHook'), dict(type='PseudoMaskVisualizationHook', interval=661)]
