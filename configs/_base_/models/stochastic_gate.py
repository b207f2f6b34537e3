# Decoder, losses and inference of single-stage training from image tags; a recipe adds the
# preprocessor, the backbone, channels, start.
model = dict(
    type='WeakEncoderDecoder',
    decode_head=dict(
        type='StochasticGateHead',
        channels=256,
        c1_in_channels=256,
        c1_channels=48,
        dilations=(1, 12, 24, 36),
        gate_rate=0.3,
        gate_form='reference',  # the published numbers were made with it; 'paper' is the default of the head
        num_classes=21,
        norm_cfg=dict(type='BN', requires_grad=True),  # SyncBN in distributed training
        align_corners=True,
    ),
    losses=dict(
        loss_tags=dict(type='ImageTagLoss', pooling=dict(type='NGWPPooling')),
        loss_masks=dict(
            type='PseudoMaskLoss',
            refiner=dict(type='PAMR', num_iters=10, dilations=(1, 2, 4, 8, 12, 24)),
            pseudo_labels=dict(type='ConfidentLabels'),
        ),
    ),
    decision=dict(type='TagDecision'),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
