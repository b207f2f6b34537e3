# DeepLabv3+ on a dilated ResNet-34: output stride 16, ASPP 6/12/18, decoder at stride 4, plain convolutions,
# no dropout. As in the published code, the second convolution of each block of the last stage is dilated, not the first
# as in mmseg's ResNet (dilated_conv='first'). A recipe adds the preprocessor.
norm_cfg = dict(type='BN', requires_grad=True)  # SyncBN in distributed training
model = dict(
    type='WeakEncoderDecoder',
    backbone=dict(
        type='DeepLabResNet',
        dilated_conv='second',
        depth=34,
        num_stages=4,
        out_indices=(0, 1, 2, 3),
        strides=(1, 2, 2, 1),
        dilations=(1, 1, 1, 2),
        norm_cfg=norm_cfg,
        style='pytorch',
        init_cfg=dict(type='Pretrained', checkpoint='https://download.pytorch.org/models/resnet34-b627a593.pth'),
    ),
    decode_head=dict(
        type='DeepLabV3PlusHead',
        initialisation='torch',  # as the published code; 'xavier' is what the paper says
        in_channels=512,
        in_index=3,
        channels=256,
        dilations=(1, 6, 12, 18),
        c1_in_channels=64,
        c1_channels=48,
        dropout_ratio=0.0,
        num_classes=21,
        norm_cfg=norm_cfg,
        align_corners=False,
    ),
    losses=dict(loss_ce=dict(type='PartialCrossEntropyLoss')),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
