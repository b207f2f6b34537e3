# SGD at a constant learning rate: weights and biases of the backbone 1 and 2 times, those of the head 10 and 20 times,
# no weight decay on biases (single-stage training from tags). A recipe sets lr and max_iters.
optim_wrapper = dict(
    type='OptimWrapper',
    constructor='WeightBiasConstructor',
    optimizer=dict(type='SGD', lr=0.001, momentum=0.9, weight_decay=5e-4),
    paramwise_cfg=dict(
        custom_keys=dict(decode_head=dict(lr_mult=10.0)),
        every_bias=dict(lr_mult=2.0, decay_mult=0.0),
    ),
)
param_scheduler = []
train_cfg = dict(type='IterBasedTrainLoop', max_iters=16525, val_interval=1322)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
