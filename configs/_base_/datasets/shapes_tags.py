# Drawn shapes with image tags. cam_shapes_tags.py has the tags of the validation, too.
_base_ = './shapes.py'
train_pipeline = [
    dict(type='LoadShapesImage'),
    dict(type='LoadWeakAnnotations'),
    dict(type='WeakRandomResizedCrop', crop_size=(96, 96), scale=(0.9, 1.0)),
    dict(type='WeakRandomFlip', prob=0.5),
    dict(type='RasterizeWeakAnnotations'),
    dict(type='PackWeakSegInputs'),
]
train_dataloader = dict(dataset=dict(num_images=400, labels=['tags'], pipeline=train_pipeline))
