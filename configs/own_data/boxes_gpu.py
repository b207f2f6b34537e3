# Only boxes, on your own data, for a GPU: GrabCut cuts masks out of them, and a network learns from these.
#
# Paper: Rother et al., "GrabCut: Interactive Foreground Extraction Using Iterated Graph Cuts", 2004 (the masks).
# Expected: not run here yet. Cost: 20,000 iterations of 8 crops of 512 px.
# Command: wsss init DATA, which chooses this recipe if it fits the data; then wsss train config.py
_base_ = [
    '../_base_/preprocessors/rgb.py',
    '../_base_/models/deeplabv3plus_r34.py',
    '../_base_/own_data/gpu.py',
    '../_base_/own_data/losses.py',
    '../_base_/own_data/boxes.py',
]
runner_type = 'StagedRunner'
model = dict(data_preprocessor=dict(**_base_.rgb, size=(512, 512)), losses=_base_.from_labels)
