# Only image tags, on your own data, for a GPU.
#
# Paper: Araslanov and Roth, "Single-Stage Semantic Segmentation from Image Labels", CVPR 2020.
# Expected: not run here yet. Cost: 20,000 iterations of 8 crops of 448 px.
# Command: wsss init DATA, which chooses this recipe if it fits the data; then wsss train config.py
_base_ = [
    '../_base_/preprocessors/rgb.py',
    '../_base_/models/stochastic_gate.py',
    '../_base_/own_data/gpu.py',
    '../_base_/own_data/tags.py',
]
model = dict(
    data_preprocessor=dict(**_base_.rgb, size=(448, 448)),
    backbone=dict(
        type='ResNet',
        depth=50,
        out_indices=(0, 3),
        strides=(1, 2, 2, 1),
        norm_cfg=dict(type='BN', requires_grad=True),
        init_cfg=dict(type='Pretrained', checkpoint='torchvision://resnet50'),
    ),
    decode_head=dict(in_channels=2048),
    losses=dict(**_base_.from_tags, loss_masks=dict(start=0.25)),
    decision=dict(background_power=1.0),
)
crop = 448
scale = 512
train_dataloader = dict(dataset=dict(pipeline=_base_.tag_pipeline))
custom_hooks = [
    dict(type='ExactResumeHook'),
    dict(type='PseudoMaskVisualizationHook', interval=2500),
    dict(type='ResultSheetHook'),
]
