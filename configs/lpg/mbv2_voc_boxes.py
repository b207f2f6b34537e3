# Box supervision with learned mask generators (LPG) on a sample of PASCAL VOC, all stages, sized for a CPU: masks of
# horse, person and sheep teach the generators, cat, cow and dog only have boxes.
#
# Paper: LPG, box supervision with a learned, class-agnostic mask generator. It has no such small setting.
# Expected: 61.1 mIoU, masks 76.3 (background and three classes; pixels of the other classes count as background).
# Cost: 10 trainings of 200 to 300 iterations of 8 crops of 128 px, 5 exports; 40 minutes on a busy CPU thread.
# Command: python tools/train.py configs/lpg/mbv2_voc_boxes.py, with VOC_WEAK_ROOT and MBV2_CHECKPOINT in the
#   environment. The form is that of the paper, with each generator from ImageNet weights; --cfg-options
#   stages.warm_start=True starts each from the previous one, stages.first_reads_segmentor=False is the form of the
#   published code, stages.auxiliary_share=0.6 uses fewer auxiliary images. The dense CRF that it compares with needs
#   pip install pydensecrf2; stages.baselines=filled,grabcut leaves it out. "wsss report" lists the scores.
_base_ = [
    '../_base_/models/deeplabv3plus_mbv2.py',
    '../_base_/schedules/adamw_cpu.py',
    '../_base_/default_runtime.py',
]
data_root = '{{$VOC_WEAK_ROOT:data/voc_weak}}'
photos = dict(
    type='WeakSegDataset',
    data_root=data_root,
    metainfo=dict(dataset='voc'),
    data_prefix=dict(img_path='JPEGImages', seg_map_path='SegmentationClass'),
    weak_labels=[dict(format='voc_xml', path='Annotations')],
)
train_dataloader = dict(
    batch_size=8,
    num_workers=0,
    sampler=dict(type='ResumableInfiniteSampler', shuffle=True),
    dataset=dict(
        type='PseudoLabelDataset',
        label_root='data/pseudo_labels',
        img_path=f'{data_root}/JPEGImages',
        pipeline=[
            dict(type='LoadImageFromFile'),
            dict(type='LoadPseudoLabels'),
            dict(type='RandomResize', scale=(256, 256), ratio_range=(0.5, 1.25), keep_ratio=True),
            dict(type='RandomCrop', crop_size=(128, 128)),
            dict(type='RandomFlip', prob=0.5),
            dict(type='PackSegInputs'),
        ],
    ),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        **photos,
        ann_file='ImageSets/Segmentation/val.txt',
        test_mode=True,
        pipeline=[
            dict(type='LoadImageFromFile'),
            dict(type='Resize', scale=(256, 256), keep_ratio=True),
            dict(type='LoadAnnotations'),
            dict(type='PackSegInputs'),
        ],
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(type='SubsetIoUMetric')
test_evaluator = val_evaluator
max_iters = 200
optim_wrapper = dict(optimizer=dict(lr=3e-4), paramwise_cfg=dict(custom_keys=dict(decode_head=dict(lr_mult=4.0))))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, begin=0, end=30, by_epoch=False),
    dict(type='PolyLR', power=0.9, eta_min=0.0, begin=30, end=max_iters, by_epoch=False),
]
train_cfg = dict(type='IterBasedTrainLoop', max_iters=max_iters, val_interval=max_iters)
default_hooks = dict(logger=dict(interval=25), checkpoint=dict(interval=100))
custom_hooks = [dict(type='ExactResumeHook')]
runner_type = 'StagedRunner'
boxes = dict(**photos, ann_file='ImageSets/Segmentation/train.txt')
stages = dict(
    type='LPGStages',
    first_reads_segmentor=True,
    warm_start=False,
    rule='overlap',
    classes=dict(target=['cat', 'cow', 'dog'], auxiliary=['horse', 'person', 'sheep']),
    auxiliary=dict(
        dataset=boxes,
        segmentor=_base_.not_evaluated,
    ),
    generator=dict(config='mbv2_voc_class_masks.py'),
    target=dict(dataset=boxes),
    baselines=['filled', 'grabcut', 'dense_crf'],
    scores=dict(dataset=boxes),
)
