# Clicks, scribbles, dense masks or a mix of them on your own data, sized for a CPU.
#
# Paper: Obukhov et al., "Gated CRF Loss for Weakly Supervised Semantic Image Segmentation", 2019 (the loss, at a fifth
#   of its weight and after 30 % of the training; docs/results.md gives the reason).
# Expected: depends on the data; docs/results.md has results on three data sets.
# Cost: 2,000 iterations of 8 crops of 128 px.
# Command: wsss init DATA, which chooses this recipe if it fits the data; then wsss train config.py
_base_ = [
    '../_base_/models/deeplabv3plus_mbv2.py',
    '../_base_/own_data/data.py',
    '../_base_/own_data/losses.py',
    '../_base_/own_data/adamw.py',
    '../_base_/default_runtime.py',
]
model = dict(losses=_base_.from_labels)
default_hooks = dict(checkpoint=dict(interval=500, save_best='mIoU'))
custom_hooks = [
    dict(type='ExactResumeHook'),
    dict(type='WeakVisualizationHook', interval=500),
    dict(type='ResultSheetHook'),
]
