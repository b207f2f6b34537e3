# The stages of pipeline_mbv2_voc_boxes_grabcut.py with 25 epochs of larger crops in both trainings, for a night on a
# CPU. Boxes that GrabCut cannot segment are left out: after 6 epochs, this gains two points in the first network
# and none in the second (docs/results.md).
#
# Paper: Rother et al., "GrabCut: Interactive Foreground Extraction Using Iterated Graph Cuts", 2004 (the masks).
# Expected: 62.6 mIoU over seven classes of val after the first network: docs/results.md. The second network has not
#   been run yet.
# Cost: GrabCut on 3,131 photographs, two trainings of 75 to 120 minutes on one CPU thread of a busy machine, and
#   between them one view of each photograph.
# Command: VOC_WEAK_ROOT=... MBV2_CHECKPOINT=... python tools/train.py configs/lpg/pipeline_mbv2_voc_boxes_long.py.
#   After an interruption, run it again to resume.
_base_ = './pipeline_mbv2_voc_boxes_grabcut.py'
stages = dict(
    grabcut=dict(task=dict(unsegmented='unsure')),
    network=dict(config='../gated_crf/deeplabv3plus_mbv2_voc_pseudo_labels_long.py'),
    final=dict(config='../gated_crf/deeplabv3plus_mbv2_voc_pseudo_labels_long.py'),
)
