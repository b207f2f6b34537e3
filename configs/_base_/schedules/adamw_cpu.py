# AdamW for the small networks that train on a CPU. A recipe sets lr, the length, and the learning rate's course after
# the warm-up: param_scheduler=[_base_.warmup, dict(..., begin=50)].
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='AdamW', weight_decay=0.01))
warmup = dict(type='LinearLR', start_factor=0.01, begin=0, end=50, by_epoch=False)
long_warmup = dict(type='LinearLR', start_factor=0.01, begin=0, end=100, by_epoch=False)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
