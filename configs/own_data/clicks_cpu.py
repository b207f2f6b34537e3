# Clicks, scribbles, dense masks or a mix of them on data of one's own, sized for a CPU.
#
# Paper: Obukhov et al., "Gated CRF Loss for Weakly Supervised Semantic Image Segmentation", 2019 (the loss, at a fifth
#   of its weight and from 30 % of the training on: docs/results.md says why).
# Expected: depends on the data; docs/results.md has three sets. Cost: 2,000 iterations of 8 crops of 128 px.
# Command: wsss init DATA, which chooses this recipe where it fits; then wsss train config.py
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
