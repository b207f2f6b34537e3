# Pseudo-labels that "wsss pseudo-labels" or a WritePseudoLabels stage wrote, for any plain mmseg network.
# Set PSEUDO_LABEL_ROOT, and VOC_ROOT (with JPEGImages, and SegmentationClass and ImageSets for the validation), in the
# environment; or, in a config, train_dataloader.dataset.label_root and .img_path and val_dataloader.dataset.data_root:
# docs/stages.md has an example. Set num_classes of the heads. Plain cross-entropy averages over unsure pixels (255) as
# if they were right: set loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True).
_base_ = './voc_val.py'
label_root = '{{$PSEUDO_LABEL_ROOT:data/pseudo_labels}}'
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadPseudoLabels', min_confidence=0.0),
    dict(type='RandomResize', scale=(500, 500), ratio_range=(0.5, 1.5), keep_ratio=True),
    dict(type='RandomCrop', crop_size=(448, 448)),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PhotoMetricDistortion'),
    dict(type='PackSegInputs'),
]
train_dataloader = dict(
    batch_size=10,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='ResumableInfiniteSampler', shuffle=True),
    dataset=dict(
        type='PseudoLabelDataset',
        label_root=label_root,
        img_path=_base_.data_root + '/JPEGImages',
        pipeline=train_pipeline,
    ),
)
