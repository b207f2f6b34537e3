# SEAM, the baseline of importance-sampling CAMs, Wide ResNet-38, PASCAL VOC 2012.
#
# Paper: Wang et al., "Self-supervised Equivariant Attention Mechanism for Weakly Supervised Semantic Segmentation",
#   CVPR 2020, as in its published code; the rows "SEAM" of Jonnarth and Felsberg, ICASSP 2022.
# Expected: maps of val with known tags 52.5 mIoU and 20.8 contour F; labels 60.1 and 35.7; last network 64.5 and 38.2
#   (all from the latter paper). Not measured here yet.
# Cost: 8 epochs of 1,322 iterations, batch 8, crop 448, each image also at 0.3 of its size.
# Differs from the published code: same as cam_wrn38_voc_tags.py, and in how maps are written (SiameseViews).
# Command: python tools/train.py configs/importance_sampling/seam_wrn38_voc_tags.py (VOC_ROOT=... for the data,
#   WRN38_CHECKPOINT=... for ilsvrc-cls_rna-a1_cls1000_ep-0001.pth); all stages: pipeline_wrn38_voc_tags.py with
#   --cfg-options stages.cam.config=seam_wrn38_voc_tags.py stages.cams.task.winner_takes_all=False
#   stages.seeds.task.alpha_low=4 stages.seeds.task.alpha_high=24, the alphas of SEAM
_base_ = './cam_wrn38_voc_tags.py'
model = dict(
    views=dict(refined_alone=True, pixel_correlation=dict(refines='activations')),
    losses=dict(_delete_=True, loss_seam=dict(type='SEAMLoss')),
    # Its scores are mean logits; those of the base are the largest probabilities.
    decision=dict(pooling=dict(_delete_=True, type='AveragePooling')),
)
