# Box supervision with learned mask generators (LPG) on drawn shapes, all stages: the demo. Needs no data, no weights.
#
# Paper: LPG, box supervision with a learned, class-agnostic mask generator: three rounds of E-step and M-step on disk,
#   box and triangle, whose masks are known, then three rounds of use on star, ring and cross, whose boxes are known.
# Expected: not measured yet.
# Cost: 17 trainings and exports of 200 to 300 iterations each; time not measured yet.
# Command: python tools/train.py configs/lpg/hourglass_shapes_boxes.py
_base_ = [
    '../_base_/models/unet_shapes.py',
    '../_base_/datasets/shapes.py',
    '../_base_/default_runtime.py',
]
auxiliary = ('disk', 'box', 'triangle')
target = ('star', 'ring', 'cross')
model = dict(
    data_preprocessor=dict(size=(64, 64)),
    losses=dict(loss_ce=dict(type='PartialCrossEntropyLoss')),
)
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadPseudoLabels'),
    dict(type='RandomCrop', crop_size=(64, 64)),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs'),
]
train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='PseudoLabelDataset',
        label_root='{stages.boxes}',
        img_path='{stages.target}/images',
        pipeline=train_pipeline,
    )
)
drawn = dict(
    type='WeakSegDataset',
    weak_labels='weak_labels.json',
    data_prefix=dict(img_path='images', seg_map_path='masks'),
    img_suffix='.png',
)
val_dataloader = dict(
    dataset=dict(
        _delete_=True,
        data_root='{stages.val}',
        only_classes=target,
        test_mode=True,
        pipeline=[dict(type='LoadImageFromFile'), dict(type='LoadAnnotations'), dict(type='PackSegInputs')],
        **drawn,
    )
)
test_dataloader = val_dataloader
val_evaluator = dict(type='SubsetIoUMetric', classes=('background', *target))
test_evaluator = val_evaluator
max_iters = 200
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='AdamW', lr=3e-3, weight_decay=0.01))
param_scheduler = [dict(type='PolyLR', power=0.9, eta_min=0.0, begin=0, end=max_iters, by_epoch=False)]
train_cfg = dict(type='IterBasedTrainLoop', max_iters=max_iters, val_interval=max_iters)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
default_hooks = dict(logger=dict(interval=20), checkpoint=dict(interval=100))
custom_hooks = [dict(type='ExactResumeHook')]
runner_type = 'StagedRunner'
stages = dict(
    type='LPGStages',
    first_reads_segmentor=True,
    before=[
        dict(name='auxiliary', task=dict(type='WriteShapes', num_images=100, size=(96, 96), seed=0)),
        dict(name='target', task=dict(type='WriteShapes', num_images=100, size=(96, 96), seed=2)),
        dict(name='val', task=dict(type='WriteShapes', num_images=50, size=(96, 96), seed=1)),
    ],
    auxiliary=dict(
        dataset=dict(**drawn, data_root='{stages.auxiliary}', only_classes=auxiliary),
        segmentor=dict(
            train_dataloader=dict(dataset=dict(img_path='{stages.auxiliary}/images')),
            val_dataloader=None,
            val_cfg=None,
            val_evaluator=None,
        ),
    ),
    generator=dict(config='hourglass_shapes.py'),
    target=dict(dataset=dict(**drawn, data_root='{stages.target}', only_classes=target)),
    baselines=['grabcut'],
    scores=dict(
        dataset=dict(**drawn, data_root='{stages.target}', only_classes=target), classes=('background', *target)
    ),
)
