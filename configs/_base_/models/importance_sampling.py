# CAM head with a learned background, importance sampling and feature similarity; a recipe adds the
# preprocessor and the backbone.
model = dict(
    type='WeakEncoderDecoder',
    decode_head=dict(type='CAMHead', dropout_ratio=0.5, num_classes=21, align_corners=False),
    losses=dict(
        loss_tags=dict(type='ImportanceSamplingLoss', weight=0.8, pooling='average', num_samples=100),
        loss_similarity=dict(type='FeatureSimilarityLoss', mu=2.5, sigma=5.0),
        # Published on the maps that SEAM refines. Only this loss says that every image shows background: without it the
        # classes take all of the image.
        loss_max=dict(type='ImportanceSamplingLoss', weight=0.0, pooling='max', background=True),
    ),
    decision=dict(type='TagDecision', pooling=dict(type='MaxProbPooling'), score_threshold=0.5, background_power=1.0),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
