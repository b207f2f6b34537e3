# The hourglass that turns boxes into masks, on the 60 classes of COCO that VOC does not have: one E-step.
#
# Paper: LPG, box supervision with a learned, class-agnostic mask generator, its E-step.
# Expected: no score of its own. Not run here yet.
# Cost: 100,000 iterations of 32 crops of 512 px.
# Differs from the published code: the learning rate falls in each iteration instead of every 50; images to label are
#   padded to the next multiple of 128 instead of to 512 px (VOC) or 640 px (COCO); the crop of the code overlaps the
#   hull of the boxes and may miss all of them (see WeakClassCrop); crowds of COCO are not labels here.
# Command: as a stage of generator_hourglass_coco60.py; by itself (python tools/train.py
#   configs/lpg/hourglass_coco60.py) it trains without a partner, which is the first round of the published code.
#   COCO_ROOT=... for the data: train2017, annotations, and masks_coco60 as wsss convert coco
#   annotations/instances_train2017.json --classes coco60 --only-classes --masks masks_coco60 -o coco60.json writes them
_base_ = '../_base_/default_runtime.py'
model = dict(
    type='MaskGenerator',
    use_probability=False,
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[104.008, 116.669, 122.675],  # BGR, not scaled
        std=[1.0, 1.0, 1.0],
        pad_val=0,
        seg_pad_val=0,  # as published: padding is labelled as background
        size=(512, 512),
        test_cfg=dict(size_divisor=128),
    ),
    backbone=dict(type='Hourglass'),
    decode_head=dict(
        type='FCNHead',
        in_channels=256,
        in_index=0,
        channels=96,
        num_convs=1,
        concat_input=False,
        norm_cfg=None,
        dropout_ratio=0,
        num_classes=2,
    ),
)
train_dataloader = dict(
    batch_size=32,
    num_workers=8,
    persistent_workers=True,
    sampler=dict(type='ResumableInfiniteSampler', shuffle=True),
    dataset=dict(
        type='ClassMaskDataset',
        dataset=dict(
            type='WeakSegDataset',
            data_root='{{$COCO_ROOT:data/coco}}',
            metainfo=dict(dataset='coco60'),
            data_prefix=dict(img_path='train2017', seg_map_path='masks_coco60'),
            weak_labels=[dict(format='coco', path='annotations/instances_train2017.json', only_classes=True)],
        ),
        target_classes='voc',
        pipeline=[
            dict(type='LoadImageFromFile'),
            dict(type='LoadWeakAnnotations'),
            dict(
                type='RandomChoice',
                transforms=[
                    [dict(type='WeakResize', scale_factor=0.5, keep_ratio=True)],
                    [dict(type='WeakResize', scale_factor=0.75, keep_ratio=True)],
                    [dict(type='WeakResize', scale_factor=1.0, keep_ratio=True)],
                    [dict(type='WeakResize', scale_factor=1.25, keep_ratio=True)],
                    [dict(type='WeakResize', scale_factor=1.5, keep_ratio=True)],
                ],
            ),
            dict(type='WeakClassCrop', crop_size=(512, 512)),
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
max_iters = 100000
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=1e-4, betas=(0.9, 0.999), weight_decay=5e-4))
param_scheduler = [dict(type='PolyLR', power=0.9, eta_min=0.0, begin=0, end=max_iters, by_epoch=False)]
train_cfg = dict(type='IterBasedTrainLoop', max_iters=max_iters)
custom_hooks = [dict(type='ExactResumeHook')]
