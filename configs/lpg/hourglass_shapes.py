# A small hourglass that turns boxes of drawn shapes into masks: one E-step of hourglass_shapes_boxes.py.
#
# Paper: LPG, box supervision with a learned, class-agnostic mask generator, its E-step. By itself it trains without a
#   partner, as in the first round of the published code.
# Expected: not measured yet (mask_iou above box_iou in the log).
# Cost: 300 iterations of 8 crops of 64 px; time not measured yet.
# Command: python tools/train.py configs/lpg/hourglass_shapes.py
_base_ = '../_base_/default_runtime.py'
auxiliary = ('disk', 'box', 'triangle')
target = ('star', 'ring', 'cross')
model = dict(
    type='MaskGenerator',
    use_probability=False,
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        pad_val=0,
        seg_pad_val=255,
        size=(64, 64),
    ),
    backbone=dict(type='Hourglass', channels=(24, 32, 48), units=(1, 1, 1), stem_channels=16, out_channels=32),
    decode_head=dict(
        type='FCNHead',
        in_channels=32,
        in_index=0,
        channels=32,
        num_convs=1,
        concat_input=False,
        dropout_ratio=0,
        norm_cfg=None,
        num_classes=2,
    ),
)
train_dataloader = dict(
    batch_size=8,
    num_workers=0,
    sampler=dict(type='ResumableInfiniteSampler', shuffle=True),
    dataset=dict(
        type='ClassMaskDataset',
        dataset=dict(type='ShapesDataset', num_images=100, size=(96, 96), seed=0, labels=['boxes', 'mask']),
        auxiliary_classes=auxiliary,
        target_classes=target,
        pipeline=[
            dict(type='LoadShapesImage'),
            dict(type='LoadWeakAnnotations'),
            dict(type='WeakClassCrop', crop_size=(64, 64)),
            dict(type='WeakRandomFlip', prob=0.5),
            dict(type='RasterizeWeakAnnotations'),
            dict(type='RasterizeClassMask'),
            dict(
                type='PackWeakSegInputs',
                maps=['box_map'],
                meta_keys=('img_path', 'ori_shape', 'img_shape', 'class_id'),
            ),
        ],
    ),
)
test_pipeline = [dict(type='LoadImageFromFile'), dict(type='PackSegInputs')]
max_iters = 300
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='AdamW', lr=2e-3, weight_decay=0.01))
param_scheduler = [dict(type='PolyLR', power=0.9, eta_min=0.0, begin=0, end=max_iters, by_epoch=False)]
train_cfg = dict(type='IterBasedTrainLoop', max_iters=max_iters)
default_hooks = dict(logger=dict(interval=20), checkpoint=dict(interval=100))
custom_hooks = [dict(type='ExactResumeHook')]
