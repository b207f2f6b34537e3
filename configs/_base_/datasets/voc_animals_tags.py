# Image tags on the sample of voc_animals_val.py. The layout is the same, with Annotations.
weak_labels = [dict(format='voc_xml', path='Annotations', boxes=False, tags=True)]
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadWeakAnnotations', kinds=['tags']),
    dict(type='WeakRandomResizedCrop', crop_size=(160, 160), scale=(0.5, 1.0)),
    dict(type='WeakRandomFlip', prob=0.5),
    dict(type='RasterizeWeakAnnotations'),
    dict(type='PackWeakSegInputs'),
]
train_dataloader = dict(
    batch_size=8,
    num_workers=0,
    sampler=dict(type='ResumableInfiniteSampler', shuffle=True),
    dataset=dict(
        type='WeakSegDataset',
        data_root='{{$VOC_WEAK_ROOT:data/voc_weak}}',
        metainfo=dict(dataset='voc_animals'),
        ann_file='ImageSets/Segmentation/train_aug.txt',
        data_prefix=dict(img_path='JPEGImages'),
        weak_labels=weak_labels,
        pipeline=train_pipeline,
    ),
)
