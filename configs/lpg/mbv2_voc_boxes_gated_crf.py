# Parts of two papers in one recipe: masks of learned generators as in mbv2_voc_boxes.py, and the Gated CRF loss in
# addition to the cross-entropy for the last network.
#
# Paper: LPG; Obukhov et al., "Gated CRF Loss for Weakly Supervised Semantic Image Segmentation", 2019. No paper
#   has this mix.
# Expected: val mIoU 60.5 (without the loss 61.1). Cost: as mbv2_voc_boxes.py.
# Command: as mbv2_voc_boxes.py. Stages 1 to 16 of a finished work_dirs/mbv2_voc_boxes, copied into this work_dir, are
#   taken as they are.
_base_ = './mbv2_voc_boxes.py'
crf = dict(type='GatedCRFLoss', loss_weight=0.1)
stages = dict(changes=dict(segmentor_3=dict(model=dict(losses=dict(loss_gated_crf=crf)))))
