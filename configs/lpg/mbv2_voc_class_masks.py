# A small MobileNetV2 that turns boxes into masks, on a sample of PASCAL VOC: one E-step of mbv2_voc_boxes.py.
#
# Paper: LPG, box supervision with a learned, class-agnostic mask generator, its E-step. The paper has no such small
#   setting; its ablation has other backbones than the hourglass.
# Expected: in the first round of mbv2_voc_boxes.py mask_iou 0.78 at the end of the log, on its own training crops
#   (box_iou 0.53, the boxes as they are).
# Cost: 300 iterations of 8 crops of 128 px, 3 to 5 minutes on one CPU thread.
# Command: python tools/train.py configs/lpg/mbv2_voc_class_masks.py, with VOC_WEAK_ROOT and MBV2_CHECKPOINT in the
#   environment; by itself it trains without a partner
_base_ = [
    '../_base_/models/deeplabv3plus_mbv2.py',
    '../_base_/schedules/adamw_cpu.py',
    '../_base_/default_runtime.py',
]
target = ['cat', 'cow', 'dog']
auxiliary = ['horse', 'person', 'sheep']
model = dict(
    _delete_=True,
    type='MaskGenerator',
    use_probability=False,
    data_preprocessor=_base_.model.data_preprocessor,
    backbone=dict(type='WidenedInput', backbone=_base_.model.backbone),
    decode_head=dict(_base_.model.decode_head, num_classes=2),
)
train_dataloader = dict(
    batch_size=8,
    num_workers=0,
    sampler=dict(type='ResumableInfiniteSampler', shuffle=True),
    dataset=dict(
        type='ClassMaskDataset',
        dataset=dict(
            type='WeakSegDataset',
            data_root='{{$VOC_WEAK_ROOT:data/voc_weak}}',
            metainfo=dict(dataset='voc'),
            ann_file='ImageSets/Segmentation/train.txt',
            data_prefix=dict(img_path='JPEGImages', seg_map_path='SegmentationClass'),
            weak_labels=[dict(format='voc_xml', path='Annotations')],
            only_classes=auxiliary,
            without_classes=target,
        ),
        auxiliary_classes=auxiliary,
        target_classes=target,
        pipeline=[
            dict(type='LoadImageFromFile'),
            dict(type='LoadWeakAnnotations'),
            dict(
                type='RandomResize',
                resize_type='WeakResize',
                scale=(256, 256),
                ratio_range=(0.5, 1.25),
                keep_ratio=True,
            ),
            dict(type='WeakClassCrop', crop_size=(128, 128)),
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
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=(192, 192), keep_ratio=True),
    dict(type='PackSegInputs'),
]
max_iters = 300
optim_wrapper = dict(optimizer=dict(lr=3e-4), paramwise_cfg=dict(custom_keys=dict(decode_head=dict(lr_mult=4.0))))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, begin=0, end=30, by_epoch=False),
    dict(type='PolyLR', power=0.9, eta_min=0.0, begin=30, end=max_iters, by_epoch=False),
]
train_cfg = dict(type='IterBasedTrainLoop', max_iters=max_iters)
val_cfg = None
test_cfg = None
default_hooks = dict(logger=dict(interval=25), checkpoint=dict(interval=100))
custom_hooks = [dict(type='ExactResumeHook')]
