# Schedule of the recipes for a CPU: AdamW, with four times the learning rate of the pretrained backbone for the heads,
# and poly after a warm-up.
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=3e-4, weight_decay=0.01),
    paramwise_cfg=dict(custom_keys=dict(decode_head=dict(lr_mult=4.0))),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, begin=0, end=80, by_epoch=False),
    dict(type='PolyLR', power=0.9, eta_min=0.0, begin=80, end=2000, by_epoch=False),
]
train_cfg = dict(type='IterBasedTrainLoop', max_iters=2000, val_interval=500)
