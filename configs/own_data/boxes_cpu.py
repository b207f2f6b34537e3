# Only boxes, on your own data, sized for a CPU: GrabCut cuts masks out of them, and a network learns from these.
#
# Paper: Rother et al., "GrabCut: Interactive Foreground Extraction Using Iterated Graph Cuts", 2004 (the masks).
# Expected: depends on the data. Cost: some seconds per photo on one core, then same as clicks_cpu.py.
# Command: wsss init DATA, which chooses this recipe if it fits the data; then wsss train config.py
_base_ = [
    '../_base_/models/deeplabv3plus_mbv2.py',
    '../_base_/own_data/cpu.py',
    '../_base_/own_data/losses.py',
    '../_base_/own_data/boxes.py',
]
runner_type = 'StagedRunner'
model = dict(losses=_base_.from_labels)
