# The stages of pipeline_mbv2_voc_clicks.py with 25 epochs of larger crops in both trainings, for a night on a CPU.
#
# Paper: Obukhov et al., "Gated CRF Loss for Weakly Supervised Semantic Image Segmentation", 2019, which trains once.
# Expected: 53.9 and then 55.7 mIoU over seven classes (seed 1: 55.3, 58.5): docs/results.md.
# Cost: two trainings of 75 to 120 minutes on one CPU thread of a busy machine, and between them one view of each of
#   the 3,131 photographs.
# Command: VOC_WEAK_ROOT=... MBV2_CHECKPOINT=... python tools/train.py
#   configs/gated_crf/pipeline_mbv2_voc_clicks_long.py. After an interruption, run it again to resume.
_base_ = './pipeline_mbv2_voc_clicks.py'
stages = dict(
    clicks=dict(config='deeplabv3plus_mbv2_voc_aug_clicks_long.py'),
    final=dict(config='deeplabv3plus_mbv2_voc_pseudo_labels_long.py'),
)
