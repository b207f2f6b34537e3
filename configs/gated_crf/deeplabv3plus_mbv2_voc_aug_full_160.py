# The same network and schedule on full masks: the reference for deeplabv3plus_mbv2_voc_aug_clicks_160.py.
#
# Paper: Obukhov et al., "Gated CRF Loss for Weakly Supervised Semantic Image Segmentation", 2019.
# Expected, cost: docs/results.md.
# Command: VOC_WEAK_ROOT=... MBV2_CHECKPOINT=... python tools/train.py
#   configs/gated_crf/deeplabv3plus_mbv2_voc_aug_full_160.py
_base_ = './deeplabv3plus_mbv2_voc_aug_clicks_160.py'
model = dict(losses=dict(_delete_=True, loss_ce=dict(type='PartialCrossEntropyLoss')))
train_dataloader = dict(dataset=dict(weak_labels=None, use_dense_masks=True))
