# DeepLabv2 on ResNet-101 on true masks: what its training with boxes (LPG) is measured against.
#
# Paper: that of deeplabv2_r101_voc_boxes.py; its full supervision.
# Expected: val mIoU with dense CRF 74.5 (paper). Not run here yet.
# Cost: 40,000 steps of 5 times 2 crops of 321 px at three scales.
# Command: python tools/train.py configs/lpg/deeplabv2_r101_voc_full.py (data and dense CRF:
#   deeplabv2_r101_voc_boxes.py)
_base_ = ['./deeplabv2_r101_voc_boxes.py', '../_base_/datasets/voc_true_masks.py']
pipeline = [_base_.train_pipeline[0], dict(type='LoadAnnotations'), *_base_.train_pipeline[2:]]
stages = dict(
    _delete_=True,
    segmentor=dict(train_dataloader=dict(dataset=dict(_delete_=True, **_base_.true_masks, pipeline=pipeline))),
)
