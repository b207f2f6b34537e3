# Clicks, scribbles, dense masks or a mix of them on your own data, sized for a CPU.
#
# Paper: Obukhov et al., "Gated CRF Loss for Weakly Supervised Semantic Image Segmentation", 2019 (the loss, at a fifth
#   of its weight and after 30 % of the training; docs/results.md gives the reason).
# Expected: depends on the data; docs/results.md has results on four data sets.
# Cost: 2,000 iterations of 8 crops of 128 px.
# Command: wsss init DATA, which chooses this recipe if it fits the data; then wsss train config.py
_base_ = [
    '../_base_/models/deeplabv3plus_mbv2.py',
    '../_base_/own_data/cpu.py',
    '../_base_/own_data/losses.py',
]
model = dict(losses=_base_.from_labels)
