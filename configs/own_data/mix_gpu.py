# Clicks, scribbles, boxes, image tags and dense masks on different images of one batch, for a GPU: each kind is
# used by the losses that can use it.
#
# Paper: Obukhov et al., "Gated CRF Loss for Weakly Supervised Semantic Image Segmentation", 2019; Araslanov and Roth,
#   "Single-Stage Semantic Segmentation from Image Labels", CVPR 2020 (the loss for tags). No paper has this mix.
# Expected: not run here yet. Cost: 20,000 iterations of 8 crops of 512 px.
# Command: wsss init DATA, which chooses this recipe if it fits the data; then wsss train config.py
_base_ = [
    '../_base_/preprocessors/rgb.py',
    '../_base_/models/deeplabv3plus_r34.py',
    '../_base_/own_data/gpu.py',
    '../_base_/own_data/losses.py',
]
model = dict(
    data_preprocessor=dict(**_base_.rgb, size=(512, 512)), losses=dict(**_base_.from_labels, **_base_.from_tags)
)
