# The stages of pipeline_mbv2_voc_tags_second_network.py with 25 epochs in both trainings, for a night on a CPU.
#
# Paper: Araslanov and Roth, "Single-Stage Semantic Segmentation from Image Labels", CVPR 2020, supplement E (a
#   standalone network on the pseudo-labels).
# Expected: 45.9 and 46.3 mIoU (two seeds) over seven classes of val after the first stage, 54.7 and 55.1 for its labels
#   of train, and 49.7 after 6 epochs on them: docs/results.md. The 25 epochs on them have not been run yet.
# Cost: 9,800 iterations, two hours on two CPU threads of a busy machine, one view of each of the 3,131 photographs,
#   and 6,525 iterations, 75 to 120 minutes on one thread.
# Command: VOC_WEAK_ROOT=... MBV2_CHECKPOINT=... python tools/train.py
#   configs/single_stage/pipeline_mbv2_voc_tags_long.py. After an interruption, run it again to resume.
_base_ = './pipeline_mbv2_voc_tags_second_network.py'
stages = dict(
    tags=dict(config='mbv2_voc_tags_long.py'),
    final=dict(config='../gated_crf/deeplabv3plus_mbv2_voc_pseudo_labels_long.py'),
)
