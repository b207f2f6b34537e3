# A sample of PASCAL VOC (six animal and person classes, photos of at most 320 px) with human clicks, for a CPU.
# Layout as VOC: JPEGImages, SegmentationClass, ImageSets/Segmentation, points.
data_root = '{{$VOC_WEAK_ROOT:data/voc_weak}}'
metainfo = dict(dataset='voc')
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadWeakAnnotations'),
    dict(type='RandomResize', resize_type='WeakResize', scale=(320, 320), ratio_range=(0.5, 2.0), keep_ratio=True),
    dict(type='WeakRandomCrop', crop_size=(160, 160)),
    dict(type='WeakRandomFlip', prob=0.5),
    dict(type='RasterizeWeakAnnotations', click_diameter=1, stroke_width=3),
    dict(type='PackWeakSegInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    dict(type='PackSegInputs'),
]
train_dataloader = dict(
    batch_size=12,
    num_workers=0,
    sampler=dict(type='ResumableInfiniteSampler', shuffle=True),
    dataset=dict(
        type='WeakSegDataset',
        data_root=data_root,
        metainfo=metainfo,
        ann_file='ImageSets/Segmentation/train.txt',
        data_prefix=dict(img_path='JPEGImages', seg_map_path='SegmentationClass'),
        weak_labels=[
            dict(
                format='whats_the_point',
                path='points/voc_whats_the_point.json',
                background='points/voc_whats_the_point_bg_from_scribbles.json',
            )
        ],
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='WeakSegDataset',
        data_root=data_root,
        metainfo=metainfo,
        ann_file='ImageSets/Segmentation/val.txt',
        data_prefix=dict(img_path='JPEGImages', seg_map_path='SegmentationClass'),
        test_mode=True,
        pipeline=test_pipeline,
    ),
)
test_dataloader = val_dataloader
# The other 14 classes of VOC are rare or absent in this sample: they count in no mean.
val_evaluator = dict(type='SubsetIoUMetric', classes=['background', 'cat', 'cow', 'dog', 'horse', 'person', 'sheep'])
test_evaluator = val_evaluator
