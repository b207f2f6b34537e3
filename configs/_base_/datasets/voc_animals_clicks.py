# Human clicks on the sample of voc_animals_val.py. The layout is the same, with points.
clicks = dict(
    format='whats_the_point',
    path='points/voc_whats_the_point.json',
    background='points/voc_whats_the_point_bg_from_scribbles.json',
)
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadWeakAnnotations'),
    # Half of the published sizes: photos of 256 px in crops of 128. Not enlarged beyond 1.25, so that a crop holds 2.7
    # clicks and not 1.8: a run of some 70 epochs then memorises its clicks, as the published one of 400 does.
    dict(type='RandomResize', resize_type='WeakResize', scale=(256, 256), ratio_range=(0.5, 1.25), keep_ratio=True),
    dict(type='WeakRandomCrop', crop_size=(128, 128), min_labels=1),
    dict(type='WeakRandomFlip', prob=0.5),
    dict(type='RasterizeWeakAnnotations', click_diameter=1, stroke_width=3),
    dict(type='PackWeakSegInputs'),
]
train_dataloader = dict(
    batch_size=12,
    num_workers=0,
    sampler=dict(type='ResumableInfiniteSampler', shuffle=True),
    dataset=dict(
        type='WeakSegDataset',
        data_root='{{$VOC_WEAK_ROOT:data/voc_weak}}',
        metainfo=dict(dataset='voc_animals'),
        ann_file='ImageSets/Segmentation/train.txt',
        data_prefix=dict(img_path='JPEGImages', seg_map_path='SegmentationClass'),
        weak_labels=[clicks],
        pipeline=train_pipeline,
    ),
)
