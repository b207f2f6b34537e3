# The same network and schedule on full masks: the reference that weak labels are measured against.
#
# Paper: Obukhov et al., "Gated CRF Loss for Weakly Supervised Semantic Image Segmentation", 2019.
# Expected: 76.68 val mIoU with only cross-entropy (77.16 with the Gated CRF term). Not reproduced here yet.
# Cost: same as deeplabv3plus_r34_voc_clicks.py.
# Command: python tools/train.py configs/gated_crf/deeplabv3plus_r34_voc_full.py (VOC_ROOT=... for the data)
_base_ = './deeplabv3plus_r34_voc_clicks.py'
model = dict(losses=dict(_delete_=True, loss_ce=dict(type='PartialCrossEntropyLoss')))
train_dataloader = dict(dataset=dict(weak_labels=None, use_dense_masks=True))
