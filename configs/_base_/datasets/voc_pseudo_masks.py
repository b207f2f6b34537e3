# Pseudo-labels of PASCAL VOC 2012 that a stage wrote: crops of 321 px. voc_val.py has the validation.
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadPseudoLabels'),
    dict(
        type='RandomChoice',
        transforms=[
            [dict(type='Resize', scale_factor=0.5, keep_ratio=True)],
            [dict(type='Resize', scale_factor=0.75, keep_ratio=True)],
            [dict(type='Resize', scale_factor=1.0, keep_ratio=True)],
            [dict(type='Resize', scale_factor=1.25, keep_ratio=True)],
            [dict(type='Resize', scale_factor=1.5, keep_ratio=True)],
        ],
    ),
    dict(type='RandomCrop', crop_size=(321, 321)),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs'),
]
train_dataloader = dict(
    batch_size=30,
    num_workers=8,
    persistent_workers=True,
    sampler=dict(type='ResumableInfiniteSampler', shuffle=True),
    dataset=dict(
        type='PseudoLabelDataset',
        label_root='data/pseudo_labels',
        img_path='{{$VOC_ROOT:data/VOCdevkit/VOC2012}}/JPEGImages',
        pipeline=train_pipeline,
    ),
)
