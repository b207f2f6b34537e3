# Inria Aerial Image Labeling cut into tiles of 384 px by wsss convert inria; pictures 1 to 5 of each city are for
# validation, as its authors suggest. data_root is the folder that the command wrote.
_base_ = './two_class_points.py'
data_root = '{{$INRIA_ROOT:data/inria_tiles}}'
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadWeakAnnotations', kinds=['points']),
    dict(type='LoadPointBlots', cache_dir='work_dirs/point_blots', settings=dict(max_side=256)),
    dict(type='PhotoMetricDistortion'),
    dict(type='RandomResize', resize_type='WeakResize', scale=(384, 384), ratio_range=(0.85, 1.5), keep_ratio=True),
    dict(type='WeakRandomCrop', crop_size=(320, 320), min_labels=1),
    dict(type='WeakRandomFlip', prob=0.5, direction=['horizontal', 'vertical']),
    dict(type='RasterizeWeakAnnotations', click_diameter=1),
    dict(type='PackWeakSegInputs', maps=['point_blots']),
]
tiles = dict(type='InriaDataset', data_root=data_root, data_prefix=dict(img_path='images', seg_map_path='masks'))
train_dataloader = dict(
    dataset=dict(**tiles, ann_file='train.txt', weak_labels='weak_labels.json', pipeline=train_pipeline)
)
val_dataloader = dict(dataset=tiles)
test_dataloader = dict(_base_.val_dataloader, dataset=dict(_base_.val_dataloader.dataset, **tiles))
