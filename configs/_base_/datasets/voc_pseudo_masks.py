# PASCAL VOC 2012 with pseudo-labels that a stage wrote: crops of 321 px, the optimizer's groups as in DeepLab.
# data_root is the folder with JPEGImages, Annotations, SegmentationClass and ImageSets.
_base_ = './voc_val.py'
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadPseudoLabels'),
    dict(type='RandomResize', scale=(500, 500), ratio_range=(0.5, 1.5), keep_ratio=True),
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
        img_path=_base_.data_root + '/JPEGImages',
        pipeline=train_pipeline,
    ),
)
