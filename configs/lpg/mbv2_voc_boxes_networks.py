# Networks on the labels of mbv2_voc_boxes.py, each from ImageNet weights and with the same schedule: filled boxes,
# GrabCut, dense CRF, the masks of each round, those of the last round with the Gated CRF loss of another paper, and
# true masks.
#
# Paper: LPG, box supervision with a learned, class-agnostic mask generator; it compares them as stages of one training.
# Expected: val mIoU 48.1 with filled boxes, 57.3 with the masks of the last generator, 62.7 with true masks.
# Cost: that of mbv2_voc_boxes.py, whose finished stages are reused, and 8 trainings of 400 iterations.
# Command: same as mbv2_voc_boxes.py, with this config, the same folder and the same settings. Without dense CRF:
#   --cfg-options stages.baselines=filled,grabcut stages.changes.network_dense_crf=None
_base_ = './mbv2_voc_boxes.py'
work_dir = 'work_dirs/mbv2_voc_boxes'
training = dict(
    train_cfg=dict(max_iters=400, val_interval=400),
    param_scheduler=[
        dict(type='LinearLR', start_factor=0.01, begin=0, end=30, by_epoch=False),
        dict(type='PolyLR', power=0.9, eta_min=0.0, begin=30, end=400, by_epoch=False),
    ],
)
crf = dict(type='GatedCRFLoss', loss_weight=0.1)
# True masks, in which other classes are background, as in the boxes.
true_masks = dict(
    _delete_=True,
    **_base_.stages.target.dataset,
    only_classes=_base_.stages.classes.target,
    test_mode=True,  # a plain pipeline
    pipeline=[
        dict(type='LoadImageFromFile'),
        dict(type='LoadAnnotations'),
        *_base_.train_dataloader.dataset.pipeline[2:],
    ],
)
stages = dict(
    after=[
        dict(name='network_filled', **training, train_dataloader=dict(dataset=dict(label_root='{stages.filled}'))),
        dict(name='network_grabcut', **training, train_dataloader=dict(dataset=dict(label_root='{stages.grabcut}'))),
        dict(
            name='network_dense_crf', **training, train_dataloader=dict(dataset=dict(label_root='{stages.dense_crf}'))
        ),
        dict(name='network_masks_1', **training, train_dataloader=dict(dataset=dict(label_root='{stages.masks_1}'))),
        dict(name='network_masks_2', **training, train_dataloader=dict(dataset=dict(label_root='{stages.masks_2}'))),
        dict(name='network_masks_3', **training, train_dataloader=dict(dataset=dict(label_root='{stages.masks_3}'))),
        dict(name='network_full', **training, train_dataloader=dict(dataset=true_masks)),
        dict(
            name='network_masks_3_gated_crf',
            **training,
            train_dataloader=dict(dataset=dict(label_root='{stages.masks_3}')),
            model=dict(losses=dict(loss_gated_crf=crf)),
        ),
    ],
)
