# PMP on cranberries from the air: CRAID, a point on every berry and points on the background, all by hand.
#
# Paper: Akiva, Dana, "Towards Single Stage Weakly Supervised Semantic Segmentation", 2021.
# Expected: 72.1 mIoU (paper; 1022 images for training, 231 for evaluation). Not reproduced here yet.
# Cost: 120k iterations, batch 16, crop 320 (the paper gives none of the three). The first epoch also computes the
#   blots, which takes some seconds per image in a data worker at 400 pixels; to compute them beforehand: wsss blots
#   configs/pmp/fcn_r50gn_craid_points.py
# Differs: the settings that the paper leaves open, configs/pmp/README.md.
# Command: (cd data/craid/val/SegmentationClass; ls *.png | sed 's/.png$//') > data/craid/val.txt
#   python tools/train.py configs/pmp/fcn_r50gn_craid_points.py (CRAID_ROOT=... for the data)
_base_ = [
    '../_base_/models/fcn_r50gn.py',
    '../_base_/datasets/craid_points.py',
    '../_base_/default_runtime.py',
    '../_base_/schedules/sgd_cosine_pmp.py',
]
model = dict(
    decode_head=dict(num_classes=2),
    losses=dict(loss_pmp=dict(reduction='sum', loss_weight=0.0625)),  # 1 / batch size
)
custom_hooks = [
    dict(type='ExactResumeHook'),
    # 40 steps of expansion; loss_name='loss' is that of the paper, but it falls if everything becomes background
    dict(type='ExpandingConfidenceHook', epoch_length=3000, loss_name='loss_pmp/point_loss'),
    dict(type='PseudoMaskVisualizationHook', interval=None),
]
