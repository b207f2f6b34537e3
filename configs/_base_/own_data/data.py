# Your own data: images, weak_labels.json and, for validation, index PNGs (docs/your_own_data.md). A config that
# inherits from a recipe of configs/own_data sets the variables below. OwnDataRunner and the commands of wsss write them
# into the pipelines, the preprocessor, the heads, the schedule and the hooks. Class names and colours are those of
# weak_labels.json.
runner_type = 'OwnDataRunner'
iterations = 2000  # length of the training; validations, warm-up and checkpoints keep their share of it
batch = 8
crop = 128  # side of the training crops, in pixels of the resized photos
scale = 256  # the longer side of the photos, in training and in tests
background = True  # class 0 is the background; False: it is a class like the others, or empty
window = None  # side of the windows in which a photo is predicted; None: the whole photo at once
data_root = '.'
weak_labels = 'weak_labels.json'
images = 'images'
masks = 'masks'  # masks of the validation images; None: there are none, and nothing is measured
img_suffix = '.jpg'
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadWeakAnnotations'),
    dict(type='RandomResize', resize_type='WeakResize', scale=(scale, scale), ratio_range=(0.5, 1.5), keep_ratio=True),
    dict(type='WeakRandomCrop', crop_size=(crop, crop), min_labels=1),
    dict(type='WeakRandomFlip', prob=0.5),
    # The middle of each box and the background outside all boxes are drawn; the pixels between are left to the losses.
    dict(type='RasterizeWeakAnnotations', click_diameter=1, stroke_width=3, draw_boxes='core'),
    dict(type='PackWeakSegInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=(scale, scale), keep_ratio=True),
    dict(type='LoadAnnotations'),
    dict(type='PackSegInputs'),
]
train_dataloader = dict(
    batch_size=batch,
    num_workers=0,
    sampler=dict(type='ResumableInfiniteSampler', shuffle=True),
    dataset=dict(
        type='WeakSegDataset',
        data_root=data_root,
        ann_file='train.txt',
        data_prefix=dict(img_path=images),
        weak_labels=weak_labels,
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
        ann_file='val.txt',
        data_prefix=dict(img_path=images, seg_map_path=masks),
        weak_labels=weak_labels,
        test_mode=True,
        pipeline=test_pipeline,
    ),
)
test_dataloader = val_dataloader
# The classes are those of the data set; a class that does not occur in the masks is left out of the mean.
val_evaluator = dict(type='IoUMetric', iou_metrics=['mIoU'])
test_evaluator = val_evaluator
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
# For wsss test --tta and wsss predict --tta: every photo, and the same photo mirrored.
tta_model = dict(type='WeakSegTTAModel')
flips = [
    dict(type='RandomFlip', prob=0.0, direction='horizontal'),
    dict(type='RandomFlip', prob=1.0, direction='horizontal'),
]
tta_pipeline = [
    *test_pipeline[:2],
    dict(type='TestTimeAug', transforms=[flips, [dict(type='LoadAnnotations')], [dict(type='PackSegInputs')]]),
]
