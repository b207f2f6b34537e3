# Cityscapes with synthetic clicks: wsss convert cityscapes-clicks writes weak_labels.json from the full masks.
# data_root is the folder with leftImg8bit, gtFine and weak_labels.json.
data_root = '{{$CITYSCAPES_ROOT:data/cityscapes}}'
metainfo = dict(dataset='cityscapes')
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadWeakAnnotations'),
    # As the code of Gated CRF: windows of 384 to 1,536 px, enlarged or reduced to 768.
    dict(type='WeakRandomWindow', crop_size=(768, 768), scale=(0.5, 2.0)),
    dict(type='WeakRandomFlip', prob=0.5),
    dict(type='RasterizeWeakAnnotations', click_diameter=1),
    dict(type='PackWeakSegInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    dict(type='PackSegInputs'),
]
train_dataloader = dict(
    batch_size=8,
    num_workers=8,
    persistent_workers=True,
    sampler=dict(type='ResumableInfiniteSampler', shuffle=True),
    dataset=dict(
        type='WeakSegDataset',
        data_root=data_root,
        metainfo=metainfo,
        data_prefix=dict(img_path='leftImg8bit/train', seg_map_path='gtFine/train'),
        img_suffix='_leftImg8bit.png',
        seg_map_suffix='_gtFine_labelTrainIds.png',
        weak_labels='weak_labels.json',
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='WeakSegDataset',
        data_root=data_root,
        metainfo=metainfo,
        data_prefix=dict(img_path='leftImg8bit/val', seg_map_path='gtFine/val'),
        img_suffix='_leftImg8bit.png',
        seg_map_suffix='_gtFine_labelTrainIds.png',
        test_mode=True,
        pipeline=test_pipeline,
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(type='IoUMetric', iou_metrics=['mIoU'])
test_evaluator = val_evaluator
