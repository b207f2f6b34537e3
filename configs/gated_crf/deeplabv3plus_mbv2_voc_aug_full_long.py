# The same network and schedule on full masks: the reference for deeplabv3plus_mbv2_voc_aug_clicks_long.py.
#
# Paper: Obukhov et al., "Gated CRF Loss for Weakly Supervised Semantic Image Segmentation", 2019.
# Expected: 69.3 and 72.2 mIoU (two seeds) over seven classes: docs/results.md.
# Cost: 6,525 iterations of 12 crops of 160 px on one CPU thread, 75 to 120 minutes.
# Command: VOC_WEAK_ROOT=... MBV2_CHECKPOINT=... python tools/train.py
#   configs/gated_crf/deeplabv3plus_mbv2_voc_aug_full_long.py
_base_ = './deeplabv3plus_mbv2_voc_aug_clicks_long.py'
model = dict(losses=dict(_delete_=True, loss_ce=dict(type='PartialCrossEntropyLoss')))
train_dataloader = dict(dataset=dict(weak_labels=None, use_dense_masks=True))
