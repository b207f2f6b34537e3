# PASCAL VOC 2012 with human clicks (What's the Point) and scribbles (ScribbleSup); see docs/your_own_data.md. For
# training; voc_val.py has the validation.
# data_root is the folder with JPEGImages, SegmentationClass, SegmentationClassAug, ImageSets, points and scribbles.
clicks = dict(
    format='whats_the_point',
    path='points/voc_whats_the_point.json',
    background='points/voc_whats_the_point_bg_from_scribbles.json',
)
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadWeakAnnotations'),
    # As the code of Gated CRF: windows of 128 to 512 px, enlarged or reduced to 256.
    dict(type='WeakRandomWindow', crop_size=(256, 256), scale=(0.5, 2.0)),
    dict(type='WeakRandomFlip', prob=0.5),
    dict(type='RasterizeWeakAnnotations', click_diameter=1, stroke_width=3),
    dict(type='PackWeakSegInputs'),
]
train_dataloader = dict(
    batch_size=48,
    num_workers=8,
    persistent_workers=True,
    sampler=dict(type='ResumableInfiniteSampler', shuffle=True),
    dataset=dict(
        type='WeakSegDataset',
        data_root='{{$VOC_ROOT:data/VOCdevkit/VOC2012}}',
        metainfo=dict(dataset='voc'),
        ann_file='ImageSets/Segmentation/train_aug.txt',
        data_prefix=dict(img_path='JPEGImages', seg_map_path='SegmentationClassAug'),
        weak_labels=[clicks],
        pipeline=train_pipeline,
    ),
)
