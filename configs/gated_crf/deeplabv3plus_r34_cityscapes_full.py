# The same network and schedule on full masks: the reference for deeplabv3plus_r34_cityscapes_clicks.py.
#
# Paper: Obukhov et al., "Gated CRF Loss for Weakly Supervised Semantic Image Segmentation", 2019.
# Expected: val mIoU of 75.38 to 76.88 in the paper's table, where the row of full masks has 76.06, 76.88 and 75.38
#   without and with the loss. Not reproduced here yet.
# Cost: same as deeplabv3plus_r34_cityscapes_clicks.py.
# Command: python tools/train.py configs/gated_crf/deeplabv3plus_r34_cityscapes_full.py (CITYSCAPES_ROOT=... for the
#   data); with the loss: --cfg-options model.losses.loss_gated_crf.type=GatedCRFLoss
_base_ = './deeplabv3plus_r34_cityscapes_clicks.py'
# The class weights of the paper are only for clicks.
model = dict(losses=dict(_delete_=True, loss_ce=dict(type='PartialCrossEntropyLoss')))
train_dataloader = dict(dataset=dict(weak_labels=None, use_dense_masks=True))
