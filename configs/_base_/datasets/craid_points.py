# CRAID (cranberries from the air, 456 x 608 pixels) with painted points, and full masks for evaluation, in the layout
# of its authors: images, train/PointsClass (1 at a berry, 2 at a point of the background) and val/SegmentationClass (0,
# 1). Training takes the images that have points; val.txt names the others, one id per line. data_root is the folder
# with both.
_base_ = './two_class_points.py'
data_root = '{{$CRAID_ROOT:data/craid}}'
metainfo = dict(classes=('background', 'berry'), palette=[[0, 0, 0], [200, 30, 60]])
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadWeakAnnotations', kinds=['points']),
    dict(type='LoadPointBlots', cache_dir='work_dirs/point_blots', settings=dict(max_side=400)),
    dict(type='PhotoMetricDistortion'),
    dict(type='RandomResize', resize_type='WeakResize', scale=(608, 456), ratio_range=(0.75, 1.5), keep_ratio=True),
    dict(type='WeakRandomCrop', crop_size=(320, 320), min_labels=1),
    dict(type='WeakRandomFlip', prob=0.5, direction=['horizontal', 'vertical']),
    dict(type='RasterizeWeakAnnotations', click_diameter=1),
    dict(type='PackWeakSegInputs', maps=['point_blots']),
]
photos = dict(type='WeakSegDataset', data_root=data_root, metainfo=metainfo)
train_dataloader = dict(
    dataset=dict(
        **photos,
        data_prefix=dict(img_path='images'),
        weak_labels=dict(format='craid', path='train/PointsClass', background_value=2),
        pipeline=train_pipeline,
    ),
)
masks = dict(**photos, data_prefix=dict(img_path='images', seg_map_path='val/SegmentationClass'))
val_dataloader = dict(dataset=masks)
test_dataloader = dict(_base_.val_dataloader, dataset=dict(_base_.val_dataloader.dataset, **masks))
