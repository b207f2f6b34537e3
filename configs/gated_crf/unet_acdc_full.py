# The same network and schedule on full masks: the reference for unet_acdc_scribbles.py.
#
# Paper: Obukhov et al., "Gated CRF Loss for Weakly Supervised Semantic Image Segmentation", 2019.
# Expected, cost: docs/results.md.
# Command: ACDC_ROOT=... python tools/train.py configs/gated_crf/unet_acdc_full.py
_base_ = './unet_acdc_scribbles.py'
# The heart is 4 % of the pixels: without class weights, the network still predicts only background after 400
# iterations. Scribbles are already balanced by the annotator.
model = dict(losses=dict(_delete_=True, loss_ce=dict(type='PartialCrossEntropyLoss', class_weight='batch')))
train_dataloader = dict(dataset=dict(weak_labels=None, use_dense_masks=True))
