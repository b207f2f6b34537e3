# DeepLabv2 on ResNet-101, three scales in one network, labels at the logits' resolution, as in LPG's published code.
model = dict(
    type='WeakEncoderDecoder',
    views=dict(type='MultiScaleViews', scales=(0.5, 0.75), align_corners=False),
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[104.008, 116.669, 122.675],  # BGR, not scaled
        std=[1.0, 1.0, 1.0],
        bgr_to_rgb=False,
        pad_val=0,
        seg_pad_val=255,
        size=(321, 321),
    ),
    backbone=dict(
        type='DeepLabResNet',
        stem_pool=False,
        depth=101,
        num_stages=4,
        out_indices=(3,),
        strides=(1, 2, 1, 1),
        dilations=(1, 1, 2, 4),
        norm_cfg=dict(type='BN', requires_grad=False),
        norm_eval=False,
        style='pytorch',
        init_cfg=dict(type='Pretrained', checkpoint='https://download.pytorch.org/models/resnet101-5d3b4d8f.pth'),
    ),
    decode_head=dict(
        type='DeepLabV2Head',
        in_channels=2048,
        in_index=0,
        dilations=(6, 12, 18, 24),
        num_classes=21,
        align_corners=True,  # only for the last resizing
    ),
    losses=dict(loss_ce=dict(type='PartialCrossEntropyLoss', resolution='logits')),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
