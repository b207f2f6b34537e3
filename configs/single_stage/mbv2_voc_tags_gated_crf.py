# Parts of two papers in one recipe: image tags as in mbv2_voc_tags.py, and the Gated CRF loss on the same logits.
#
# Paper: Araslanov and Roth, "Single-Stage Semantic Segmentation from Image Labels", CVPR 2020; Obukhov et al., "Gated
#   CRF Loss for Weakly Supervised Semantic Image Segmentation", 2019. No paper has this mix.
# Expected: 30.3 mIoU over seven classes with the former setting of mbv2_voc_tags.py: docs/results.md. Cost: the same.
# Command: VOC_WEAK_ROOT=... MBV2_CHECKPOINT=... python tools/train.py configs/single_stage/mbv2_voc_tags_gated_crf.py
_base_ = './mbv2_voc_tags.py'
model = dict(losses=dict(loss_gated_crf=dict(type='GatedCRFLoss', loss_weight=0.1, start=0.5)))
