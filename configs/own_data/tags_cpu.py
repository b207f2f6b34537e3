# Only image tags, on your own data, sized for a CPU.
#
# Paper: Araslanov and Roth, "Single-Stage Semantic Segmentation from Image Labels", CVPR 2020.
# Expected: depends on the data, and is lower than with clicks. Cost: same as clicks_cpu.py, and the refinement of
#   pseudo-labels in the second half of the training.
# Command: wsss init DATA, which chooses this recipe if it fits the data; then wsss train config.py
_base_ = [
    '../_base_/preprocessors/rgb.py',
    '../_base_/backbones/mbv2.py',
    '../_base_/models/stochastic_gate.py',
    '../_base_/models/no_positions.py',
    '../_base_/own_data/cpu.py',
    '../_base_/own_data/tags.py',
]
model = dict(
    data_preprocessor=dict(**_base_.rgb, size=(160, 160)),
    backbone=dict(**_base_.mbv2, out_indices=(1, 6), frozen_stages=2, conv_cfg=_base_.same_beyond_borders),
    decode_head=dict(
        conv_cfg=_base_.same_beyond_borders,
        align_corners=False,
        **_base_.short_training,
        in_channels=320,
        channels=64,
        c1_in_channels=24,
        dilations=(
            1,
            3,
            6,
            9,
        ),  # a quarter of the published values, because the side of the map is a quarter of the published one
    ),
    losses=dict(**_base_.from_tags, loss_masks=dict(start=0.5, refiner=dict(dilations=(1, 2, 4, 8)))),
    decision=dict(background_power=1.0),
)
crop = 160
optim_wrapper = dict(optimizer=dict(lr=1e-4), paramwise_cfg=dict(custom_keys=dict(decode_head=dict(lr_mult=10.0))))
train_dataloader = dict(dataset=dict(pipeline=_base_.tag_pipeline))
custom_hooks = [
    dict(type='ExactResumeHook'),
    dict(type='PseudoMaskVisualizationHook', interval=500),
    dict(type='ResultSheetHook'),
]
