# Networks on the labels of mbv2_voc_boxes.py, each from ImageNet weights and with the same schedule: filled boxes,
# GrabCut, dense CRF, the masks of each round, these with the Gated CRF loss of another paper, and true masks.
#
# Paper: LPG, box supervision with a learned, class-agnostic mask generator; it compares them as stages of one training.
# Expected: val mIoU 48.1 with filled boxes, 57.3 with the masks of the last generator, 62.7 with true masks.
# Cost: mbv2_voc_boxes.py, whose finished stages are taken as they are, and 8 trainings of 400 iterations.
# Command: as mbv2_voc_boxes.py, into the same folder. Its settings (LPG_TARGET) must be the same.
_base_ = './mbv2_voc_boxes.py'
work_dir = 'work_dirs/mbv2_voc_boxes'


def network(labels, max_iters=400, **settings):
    dataset = dict(label_root=f'{{stages.{labels}}}')
    if labels == 'full':
        load, _, *augment = _base_.train_dataloader.dataset.pipeline
        dataset = dict(
            _delete_=True,
            **_base_.stages.filled.task.dataset,  # its only_classes makes background of the others, as the boxes do
            test_mode=True,  # a plain pipeline
            pipeline=[load, dict(type='LoadAnnotations'), *augment],
        )
    return dict(
        **settings,
        train_dataloader=dict(dataset=dataset),
        train_cfg=dict(max_iters=max_iters, val_interval=max_iters),
        param_scheduler=[
            dict(type='LinearLR', start_factor=0.01, begin=0, end=30, by_epoch=False),
            dict(type='PolyLR', power=0.9, eta_min=0.0, begin=30, end=max_iters, by_epoch=False),
        ],
    )


stages = dict(
    **{f'network_{labels}': network(labels) for labels in (*_base_.methods, 'masks_1', 'masks_2', 'masks_3', 'full')},
    network_masks_3_gated_crf=network(
        'masks_3', model=dict(losses=dict(loss_gated_crf=dict(type='GatedCRFLoss', loss_weight=0.1)))
    ),
)
