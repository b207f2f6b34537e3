# Gated CRF loss from scribbles, PASCAL VOC 2012.
#
# Paper: Obukhov et al., "Gated CRF Loss for Weakly Supervised Semantic Image Segmentation", 2019.
# Expected: 75.50 val mIoU (paper, table for scribbles; the same network on full masks 76.68, on scribbles without the
#   loss 67.38). Not reproduced here yet: docs/results.md has the measurements.
# Cost: same as deeplabv3plus_r34_voc_clicks.py.
# Command: python tools/train.py configs/gated_crf/deeplabv3plus_r34_voc_scribbles.py (VOC_ROOT=... for the data)
_base_ = './deeplabv3plus_r34_voc_clicks.py'
train_dataloader = dict(
    dataset=dict(weak_labels=[dict(format='scribblesup', path='scribbles')]),
)
