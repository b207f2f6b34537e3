# DeepLab: weights and biases of the backbone 1 and 2 times the learning rate, those of the head 10 and 20 times, no
# weight decay on biases, poly 0.9 at every step.
optim_wrapper = dict(
    type='OptimWrapper',
    constructor='WeightBiasConstructor',
    optimizer=dict(type='SGD', lr=1e-3, momentum=0.9, weight_decay=5e-4),
    paramwise_cfg=dict(
        custom_keys=dict(decode_head=dict(lr_mult=10.0)),
        every_bias=dict(lr_mult=2.0, decay_mult=0.0),
    ),
)
param_scheduler = [dict(type='PolyLR', power=0.9, eta_min=0.0, begin=0, end=20000, by_epoch=False)]
train_cfg = dict(type='IterBasedTrainLoop', max_iters=20000, val_interval=5000)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
