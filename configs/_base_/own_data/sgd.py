# Schedule of the recipes for a GPU: SGD, and poly after a warm-up.
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0.007, momentum=0.9, weight_decay=1e-4))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, begin=0, end=800, by_epoch=False),
    dict(type='PolyLR', power=0.9, eta_min=0.0, begin=800, end=20000, by_epoch=False),
]
train_cfg = dict(type='IterBasedTrainLoop', max_iters=20000, val_interval=5000)
