# Clicks, scribbles, boxes, image tags and dense masks on different images of one batch, sized for a CPU: each kind is
# used by the losses that can use it.
#
# Paper: Obukhov et al., "Gated CRF Loss for Weakly Supervised Semantic Image Segmentation", 2019; Araslanov and Roth,
#   "Single-Stage Semantic Segmentation from Image Labels", CVPR 2020 (the loss for tags). No paper has this mix.
# Expected: depends on the data. Cost: same as clicks_cpu.py.
# Command: wsss init DATA, which chooses this recipe if it fits the data; then wsss train config.py
_base_ = [
    '../_base_/models/deeplabv3plus_mbv2.py',
    '../_base_/own_data/cpu.py',
    '../_base_/own_data/losses.py',
]
model = dict(losses=dict(**_base_.from_labels, **_base_.from_tags))
