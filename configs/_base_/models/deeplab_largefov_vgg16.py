# DeepLab-LargeFOV on VGG16: fc6 dilated by 12, one 1 x 1 convolution to the classes, labels at the logits' resolution.
# Test images are padded to 513 px with the mean colour, as in the code of LPG, and the result is cropped.
data_preprocessor = dict(
    type='SegDataPreProcessor',
    mean=[104.008, 116.669, 122.675],  # BGR, as the weights from Caffe need it
    std=[1.0, 1.0, 1.0],
    bgr_to_rgb=False,
    pad_val=0,
    seg_pad_val=255,
    size=(321, 321),
    test_cfg=dict(size=(513, 513)),
)
model = dict(
    type='WeakEncoderDecoder',
    data_preprocessor=data_preprocessor,
    backbone=dict(
        type='LargeFOVVGG16',
        out_indices=(3,),
        frozen_stages=0,
        fc6_dilation=12,
        pool5=True,
        init_cfg=dict(type='Pretrained', checkpoint='{{$VGG16_CHECKPOINT:data/weights/vgg16_20M.pth}}'),
    ),
    decode_head=dict(
        type='FCNHead',
        in_channels=1024,
        in_index=0,
        channels=1024,
        num_convs=0,
        concat_input=False,
        dropout_ratio=0.5,
        num_classes=21,
        align_corners=True,
    ),
    losses=dict(loss_ce=dict(type='PartialCrossEntropyLoss', resolution='logits')),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
