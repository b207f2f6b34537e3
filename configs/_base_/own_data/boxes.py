# Masks cut out of boxes, then a network on them: stages of the recipes for boxes in configs/own_data.
pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadPseudoLabels'),
    dict(type='RandomResize', scale=(256, 256), ratio_range=(0.5, 1.5), keep_ratio=True),
    dict(type='RandomCrop', crop_size=(128, 128)),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs'),
]
labels = dict(
    _delete_=True, type='PseudoLabelDataset', label_root='{stages.boxes}', img_path='images', pipeline=pipeline
)
boxes = dict(
    type='WeakSegDataset',
    ann_file='train.txt',
    data_prefix=dict(img_path='images'),
    weak_labels='weak_labels.json',
    pipeline=[dict(type='LoadImageFromFile')],  # read as in the training, which ``loading`` changes
)
stages = dict(
    boxes=dict(
        # Two pixels along the outline stay unlabelled.
        task=dict(type='WriteBoxLabels', dataset=boxes, method='grabcut', unsure_border=2, empty_images='skip'),
    ),
    network=dict(train_dataloader=dict(dataset=labels)),
)
