# Single-stage segmentation from image tags on a sample of PASCAL VOC, sized for a CPU.
#
# Paper: Araslanov and Roth, "Single-Stage Semantic Segmentation from Image Labels", CVPR 2020. The paper does not have
#   such a small setting; docs/results.md has its results.
# Expected: 35.0 and 37.5 mIoU over seven classes of val with two seeds: docs/results.md.
# Cost: 2,000 iterations of 8 crops of 160 px, one CPU thread; docs/results.md has the time.
# Command: python tools/train.py configs/single_stage/mbv2_voc_tags.py, with VOC_WEAK_ROOT and MBV2_CHECKPOINT in the
#   environment; README.md has the ablations
_base_ = [
    '../_base_/preprocessors/rgb.py',
    '../_base_/backbones/mbv2.py',
    '../_base_/models/stochastic_gate.py',
    '../_base_/models/no_positions.py',
    '../_base_/transforms/jitter.py',
    '../_base_/datasets/voc_animals_tags.py',
    '../_base_/datasets/voc_animals_val.py',
    '../_base_/tta/flips.py',
    '../_base_/schedules/adamw_cpu.py',
    '../_base_/default_runtime.py',
]
model = dict(
    decision=dict(background_power=1.0),
    data_preprocessor=dict(**_base_.rgb, size=(160, 160)),
    # Its batch norms are trained: frozen, as in the paper, the network learns the tags more slowly.
    backbone=dict(
        **_base_.mbv2,
        out_indices=(1, 6),
        frozen_stages=2,  # as the published recipe freezes the first blocks
        conv_cfg=_base_.same_beyond_borders,
    ),
    decode_head=dict(
        conv_cfg=_base_.same_beyond_borders,
        align_corners=False,
        in_channels=320,
        channels=64,
        c1_in_channels=24,
        dilations=(1, 3, 6, 9),  # a quarter of the published ones: the map has a quarter of their side
        gate_form='paper',
        # Less to slow a short run down: statistics of the pyramid that follow the data, and a tenth of dropout.
        freeze_aspp_stats=False,
        dropout_ratios=(0.1, 0.1, 0.1),
    ),
    losses=dict(
        # The paper's best pair without CRF. With 3 and 0.01 masks cover whole photographs: docs/results.md.
        loss_tags=dict(pooling=dict(exponent=5.0, floor=0.1)),
        loss_masks=dict(start=0.5, refiner=dict(dilations=(1, 2, 4, 8))),  # of 40 x 40 cells; published: of 81 x 81
    ),
)
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadWeakAnnotations', kinds=['tags']),
    dict(type='WeakRandomResizedCrop', crop_size=(160, 160), scale=(0.5, 1.0)),
    dict(type='WeakRandomFlip', prob=0.5),
    _base_.jitter,
    dict(type='RasterizeWeakAnnotations'),
    dict(type='PackWeakSegInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=_base_.scaled_pipeline))
test_dataloader = val_dataloader
val_evaluator = dict(type='SubsetIoUMetric', split='val')
test_evaluator = val_evaluator
sizes = [
    dict(type='Resize', scale_factor=1.0 * _base_.test_scale, keep_ratio=True),
    dict(type='Resize', scale_factor=0.5 * _base_.test_scale, keep_ratio=True),
    dict(type='Resize', scale_factor=1.5 * _base_.test_scale, keep_ratio=True),
    dict(type='Resize', scale_factor=2.0 * _base_.test_scale, keep_ratio=True),
]
tta_pipeline = [dict(type='LoadImageFromFile'), dict(type='TestTimeAug', transforms=[sizes, *_base_.every_size])]
max_iters = 2000
optim_wrapper = dict(optimizer=dict(lr=1e-4), paramwise_cfg=dict(custom_keys=dict(decode_head=dict(lr_mult=10.0))))
param_scheduler = [
    _base_.long_warmup,
    dict(type='PolyLR', power=0.9, eta_min=0.0, begin=100, end=max_iters, by_epoch=False),
]
train_cfg = dict(type='IterBasedTrainLoop', max_iters=max_iters, val_interval=max_iters)
default_hooks = dict(checkpoint=dict(interval=200))
custom_hooks = [
    dict(type='ExactResumeHook'),
    dict(type='PseudoMaskVisualizationHook', interval=500),
    dict(type='ResultSheetHook'),
]
