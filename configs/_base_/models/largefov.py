# DeepLab-LargeFOV with batch norms, the last network of a pipeline; a recipe adds the preprocessor, the backbone, the
# channels and the dilation of the head.
model = dict(
    type='WeakEncoderDecoder',
    decode_head=dict(
        type='LargeFOVHead',
        num_classes=21,
        norm_cfg=dict(type='BN', requires_grad=True),  # SyncBN in distributed training
        align_corners=True,
    ),
    losses=dict(loss_ce=dict(type='PartialCrossEntropyLoss')),
    decision=dict(type='ArgmaxDecision'),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
