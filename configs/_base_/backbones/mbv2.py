# MobileNetV2 at output stride 16, trained on ImageNet; a recipe chooses the stages:
# backbone=dict(**_base_.mbv2, out_indices=(1, 6)).
mbv2 = dict(
    type='MobileNetV2',
    widen_factor=1.0,
    strides=(1, 2, 2, 2, 1, 1, 1),
    dilations=(1, 1, 1, 1, 1, 2, 2),
    norm_cfg=dict(type='BN', requires_grad=True),
    init_cfg=dict(type='Pretrained', checkpoint='{{$MBV2_CHECKPOINT:mmcls://mobilenet_v2}}'),
)
