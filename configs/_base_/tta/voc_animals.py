# Photos of the sample of PASCAL VOC at 0.6 of their 320 px: about as large as crops show them in training. For one view
# of them, and for tools/test.py --tta every size of a recipe as it is and mirrored.
test_scale = 0.6
scaled_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale_factor=test_scale, keep_ratio=True),
    dict(type='LoadAnnotations'),
    dict(type='PackSegInputs'),
]
tta_model = dict(type='WeakSegTTAModel')
every_size = [
    [
        dict(type='RandomFlip', prob=0.0, direction='horizontal'),
        dict(type='RandomFlip', prob=1.0, direction='horizontal'),
    ],
    [dict(type='LoadAnnotations')],
    [dict(type='PackSegInputs')],
]
