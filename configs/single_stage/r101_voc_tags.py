# Single-stage segmentation from image tags, ResNet-101, PASCAL VOC 2012.
#
# Paper: Araslanov and Roth, "Single-Stage Semantic Segmentation from Image Labels", CVPR 2020.
# Expected: not known for this backbone (Wide ResNet-38 has 59.7 val mIoU). Not run here yet.
# Cost: 21 epochs of 661 iterations, batch 16, crop 448.
# Differs from the published code: same as wrn38_voc_tags.py. Its setting prunes by the true tags of each image; for
#   that, add --cfg-options model.decision.known_tags=True with a pipeline as in wrn38_voc_tags_pseudo_labels.py.
# Command: python tools/train.py configs/single_stage/r101_voc_tags.py (VOC_ROOT=... for the data); then
#   python tools/test.py CONFIG CHECKPOINT --tta
_base_ = './r50_voc_tags.py'
model = dict(
    backbone=dict(
        depth=101,
        init_cfg=dict(checkpoint='https://download.pytorch.org/models/resnet101-5d3b4d8f.pth'),
    ),
)
optim_wrapper = dict(optimizer=dict(lr=0.001))
