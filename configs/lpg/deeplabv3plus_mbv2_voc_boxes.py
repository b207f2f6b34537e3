# A network on masks that were made from boxes: a stage of pipeline_mbv2_voc_boxes_grabcut.py.
#
# Paper: Rother et al., "GrabCut: Interactive Foreground Extraction Using Iterated Graph Cuts", 2004 (the masks).
# Expected: 58.6 mIoU over seven classes: docs/results.md.
# Cost: 1,500 iterations of 12 crops of 128 px on one CPU thread.
# Command: part of pipeline_mbv2_voc_boxes_grabcut.py; by itself, PSEUDO_LABEL_ROOT=LABELS VOC_WEAK_ROOT=...
#   MBV2_CHECKPOINT=... python tools/train.py configs/lpg/deeplabv3plus_mbv2_voc_boxes.py
_base_ = '../gated_crf/deeplabv3plus_mbv2_voc_pseudo_labels.py'
