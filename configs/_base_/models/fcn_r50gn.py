# FCN on a dilated ResNet-50 with weight standardisation and groups of 32 channels, from scratch: no batch statistics,
# no pre-trained weights. Output stride 8.
_base_ = '../preprocessors/rgb.py'
conv_cfg = dict(type='ConvWS')
norm_cfg = dict(type='GroupSizeNorm', group_size=32)
model = dict(
    type='WeakEncoderDecoder',
    data_preprocessor=dict(**_base_.rgb, size=(320, 320)),
    backbone=dict(
        type='ResNet',
        depth=50,
        num_stages=4,
        out_indices=(0, 1, 2, 3),
        strides=(1, 2, 1, 1),
        dilations=(1, 1, 2, 4),
        conv_cfg=conv_cfg,
        norm_cfg=norm_cfg,
        style='pytorch',
        contract_dilation=True,
    ),
    decode_head=dict(
        type='FCNHead',
        in_channels=2048,
        in_index=3,
        channels=512,
        num_convs=2,
        concat_input=True,
        dropout_ratio=0.1,
        num_classes=21,
        conv_cfg=conv_cfg,
        norm_cfg=norm_cfg,
        align_corners=False,
    ),
    losses=dict(loss_pmp=dict(type='PMPLoss', pseudo_masks=dict(type='ExpandingPseudoMasks'))),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
