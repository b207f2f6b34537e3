# DeepLab-LargeFOV on true masks: the reference for its training with boxes (LPG).
#
# Paper: same as deeplab_largefov_voc_boxes.py, with full supervision.
# Expected: val mIoU with dense CRF 69.6 (paper). Not run here yet.
# Cost: 20,000 iterations of 30 crops of 321 px.
# Command: python tools/train.py configs/lpg/deeplab_largefov_voc_full.py (data and dense CRF:
#   deeplab_largefov_voc_boxes.py)
_base_ = ['./deeplab_largefov_voc_boxes.py', '../_base_/datasets/voc_true_masks.py']
pipeline = [_base_.train_pipeline[0], dict(type='LoadAnnotations'), *_base_.train_pipeline[2:]]
stages = dict(
    _delete_=True,
    segmentor=dict(train_dataloader=dict(dataset=dict(_delete_=True, **_base_.true_masks, pipeline=pipeline))),
)
