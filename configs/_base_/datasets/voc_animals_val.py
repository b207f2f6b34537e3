# A sample of PASCAL VOC (six animal and person classes, photos of at most 320 px), for a CPU: its validation.
# Layout as VOC: JPEGImages, SegmentationClass, ImageSets/Segmentation.
data_root = '{{$VOC_WEAK_ROOT:data/voc_weak}}'
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=(256, 256), keep_ratio=True),
    dict(type='LoadAnnotations'),
    dict(type='PackSegInputs'),
]
# For recipes whose crops show the photos at about this scale: they set val_dataloader.dataset.pipeline=scaled_pipeline.
test_scale = 0.6
scaled_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale_factor=test_scale, keep_ratio=True),
    dict(type='LoadAnnotations'),
    dict(type='PackSegInputs'),
]
val_dataloader = dict(
    batch_size=1,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='WeakSegDataset',
        data_root=data_root,
        metainfo=dict(dataset='voc_animals'),
        ann_file='ImageSets/Segmentation/val.txt',
        data_prefix=dict(img_path='JPEGImages', seg_map_path='SegmentationClass'),
        test_mode=True,
        pipeline=test_pipeline,
    ),
)
test_dataloader = val_dataloader
# The other 14 classes of VOC are rare or absent in this sample and are not part of any mean. The data set defines this,
# so that the recipe also runs on other classes without changes.
val_evaluator = dict(type='SubsetIoUMetric')
test_evaluator = val_evaluator
