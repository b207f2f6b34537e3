# PASCAL VOC 2012 with image tags; see docs/your_own_data.md.
# data_root is the folder with JPEGImages, Annotations, SegmentationClass and ImageSets. The tags are the classes of the
# boxes in Annotations; voc_val.py has the validation.
weak_labels = [dict(format='voc_xml', path='Annotations', boxes=False, tags=True)]
crop = dict(
    type='WeakRandomResizedCrop', scale=(0.9, 1.0), ratio=(3 / 4, 4 / 3), interpolation='bicubic', backend='pillow'
)
jitter = dict(
    type='PhotoMetricDistortion',
    brightness_delta=38,
    contrast_range=(0.7, 1.3),
    saturation_range=(0.7, 1.3),
    hue_delta=18,
)
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadWeakAnnotations', kinds=['tags']),
    dict(**crop, crop_size=(448, 448)),
    dict(type='WeakRandomFlip', prob=0.5),
    jitter,
    dict(type='RasterizeWeakAnnotations'),
    dict(type='PackWeakSegInputs'),
]
train_dataloader = dict(
    batch_size=16,
    num_workers=8,
    persistent_workers=True,
    sampler=dict(type='ResumableInfiniteSampler', shuffle=True),
    dataset=dict(
        type='WeakSegDataset',
        data_root='{{$VOC_ROOT:data/VOCdevkit/VOC2012}}',
        metainfo=dict(dataset='voc'),
        ann_file='ImageSets/Segmentation/train_aug.txt',
        data_prefix=dict(img_path='JPEGImages'),
        weak_labels=weak_labels,
        pipeline=train_pipeline,
    ),
)
