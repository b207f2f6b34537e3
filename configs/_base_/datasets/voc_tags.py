# PASCAL VOC 2012 with image tags; see docs/your_own_data.md.
# data_root is the folder with JPEGImages, Annotations, SegmentationClass and ImageSets. The tags are the classes of the
# boxes in Annotations; the masks serve for evaluation alone.
_base_ = './voc_val.py'
metainfo = dict(dataset='voc')
weak_labels = [dict(format='voc_xml', path='Annotations', boxes=False, tags=True)]
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadWeakAnnotations', kinds=['tags']),
    dict(
        type='WeakRandomResizedCrop',
        crop_size=(448, 448),
        scale=(0.9, 1.0),
        ratio=(3 / 4, 4 / 3),
        interpolation='bicubic',
        backend='pillow',
    ),
    dict(type='WeakRandomFlip', prob=0.5),
    dict(
        type='PhotoMetricDistortion',
        brightness_delta=38,
        contrast_range=(0.7, 1.3),
        saturation_range=(0.7, 1.3),
        hue_delta=18,
    ),
    dict(type='RasterizeWeakAnnotations'),
    dict(type='PackWeakSegInputs'),
]
# Eight views, for tools/test.py --tta.
tta_model = dict(type='WeakSegTTAModel')
tta_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(
        type='TestTimeAug',
        transforms=[
            [
                dict(type='Resize', scale_factor=scale, keep_ratio=True, interpolation='bicubic', backend='pillow')
                for scale in (1.0, 0.75, 1.25, 1.5)
            ],
            [dict(type='RandomFlip', prob=prob, direction='horizontal') for prob in (0.0, 1.0)],
            [dict(type='LoadAnnotations')],
            [dict(type='PackSegInputs')],
        ],
    ),
]
train_dataloader = dict(
    batch_size=16,
    num_workers=8,
    persistent_workers=True,
    sampler=dict(type='ResumableInfiniteSampler', shuffle=True),
    dataset=dict(
        type='WeakSegDataset',
        data_root=_base_.data_root,
        metainfo=metainfo,
        ann_file='ImageSets/Segmentation/train_aug.txt',
        data_prefix=dict(img_path='JPEGImages'),
        weak_labels=weak_labels,
        pipeline=train_pipeline,
    ),
)
val_evaluator = dict(_delete_=True, type='SubsetIoUMetric', split='val')
test_evaluator = dict(_delete_=True, type='SubsetIoUMetric', split='val')
