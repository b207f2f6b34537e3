# Clicks, scribbles, dense masks or a mix of them on your own data, for a GPU.
#
# Paper: Obukhov et al., "Gated CRF Loss for Weakly Supervised Semantic Image Segmentation", 2019 (the loss, at a fifth
#   of its weight and after 30 % of the training; docs/results.md gives the reason).
# Expected: not run here yet. Cost: 20,000 iterations of 8 crops of 512 px.
# Command: wsss init DATA, which chooses this recipe if it fits the data; then wsss train config.py
_base_ = [
    '../_base_/preprocessors/rgb.py',
    '../_base_/models/deeplabv3plus_r34.py',
    '../_base_/own_data/gpu.py',
    '../_base_/own_data/losses.py',
]
model = dict(data_preprocessor=dict(**_base_.rgb, size=(512, 512)), losses=_base_.from_labels)
