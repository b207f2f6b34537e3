# Pseudo-labels that a stage wrote, of the sample of voc_animals_val.py; a recipe may set their folder.
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadPseudoLabels'),
    dict(type='RandomResize', scale=(192, 192), ratio_range=(0.5, 1.5), keep_ratio=True),
    dict(type='RandomCrop', crop_size=(128, 128)),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs'),
]
train_dataloader = dict(
    batch_size=8,
    num_workers=0,
    sampler=dict(type='ResumableInfiniteSampler', shuffle=True),
    dataset=dict(
        type='PseudoLabelDataset',
        label_root='{{$PSEUDO_LABEL_ROOT:data/pseudo_labels}}',
        img_path='{{$VOC_WEAK_ROOT:data/voc_weak}}/JPEGImages',
        pipeline=train_pipeline,
    ),
)
