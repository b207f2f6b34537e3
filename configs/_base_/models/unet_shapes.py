# A small UNet for the drawn shapes of the demos, at half the resolution of crops of 96 px.
_base_ = ['../preprocessors/rgb.py', './unet_shapes_backbone.py']
norm_cfg = dict(type='BN', requires_grad=True)
model = dict(
    type='WeakEncoderDecoder',
    data_preprocessor=dict(**_base_.rgb, size=(96, 96), test_cfg=dict(size_divisor=16)),
    backbone=_base_.unet,
    decode_head=dict(
        type='FCNHead',
        in_channels=32,
        in_index=2,
        channels=32,
        num_convs=1,
        concat_input=False,
        dropout_ratio=0.1,
        num_classes=7,
        norm_cfg=norm_cfg,
        align_corners=False,
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
