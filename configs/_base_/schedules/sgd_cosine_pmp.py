# SGD 1e-5, cosine (PMP). The paper gives neither momentum, weight decay, batch nor length: 0.9, 1e-4 and 120k
# iterations are common choices.
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=1e-5, momentum=0.9, weight_decay=1e-4),
)
param_scheduler = [dict(type='CosineAnnealingLR', eta_min=0.0, T_max=120000, by_epoch=False)]
train_cfg = dict(type='IterBasedTrainLoop', max_iters=120000, val_interval=5000)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
