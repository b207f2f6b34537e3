# mbv2_voc_boxes.py with generators trained for 1,000 iterations instead of 300, each from the weights of the previous
# one as published, and a network on the masks of the last round.
#
# Paper: LPG, box supervision with a learned, class-agnostic mask generator. It has no such small setting.
# Expected: masks 86.5 mIoU, network 62.3 (docs/results.md).
# Cost: 11 trainings of 200 to 1,000 iterations of 8 crops of 128 px; 36 minutes on a CPU thread.
# Command: same as mbv2_voc_boxes.py, with this config
_base_ = './mbv2_voc_boxes.py'
warmup = dict(type='LinearLR', start_factor=0.01, begin=0, end=30, by_epoch=False)
decay = dict(type='PolyLR', power=0.9, eta_min=0.0, begin=30, by_epoch=False)
stages = dict(
    warm_start=True,
    baselines=['filled', 'grabcut'],
    generator=dict(train_cfg=dict(max_iters=1000), param_scheduler=[warmup, dict(**decay, end=1000)]),
    # The schedule of the networks of mbv2_voc_boxes_networks.py.
    after=[
        dict(
            name='network',
            train_cfg=dict(max_iters=400, val_interval=400),
            param_scheduler=[warmup, dict(**decay, end=400)],
            train_dataloader=dict(dataset=dict(label_root='{stages.masks_3}')),
        ),
    ],
)
