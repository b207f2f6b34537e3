# Parts of two papers in one recipe: masks of learned generators as in mbv2_voc_boxes.py, and the Gated CRF loss beside
# the cross-entropy on them.
#
# Paper: LPG; Obukhov et al., "Gated CRF Loss for Weakly Supervised Semantic Image Segmentation", 2019. No paper
#   has this mix.
# Expected: not measured yet. Cost: as mbv2_voc_boxes.py.
# Command: as mbv2_voc_boxes.py
_base_ = './mbv2_voc_boxes.py'
model = dict(losses=dict(loss_gated_crf=dict(type='GatedCRFLoss', loss_weight=0.1)))
