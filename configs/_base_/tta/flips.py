# For tools/test.py --tta: every size of a photo as it is and mirrored. A recipe lists the sizes and has the pipeline.
tta_model = dict(type='WeakSegTTAModel')
every_size = [
    [
        dict(type='RandomFlip', prob=0.0, direction='horizontal'),
        dict(type='RandomFlip', prob=1.0, direction='horizontal'),
    ],
    [dict(type='LoadAnnotations')],
    [dict(type='PackSegInputs')],
]
