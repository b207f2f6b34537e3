# Eight views of a photo of PASCAL VOC, for tools/test.py --tta.
tta_model = dict(type='WeakSegTTAModel')
sizes = [
    dict(type='Resize', scale_factor=1.0, keep_ratio=True, interpolation='bicubic', backend='pillow'),
    dict(type='Resize', scale_factor=0.75, keep_ratio=True, interpolation='bicubic', backend='pillow'),
    dict(type='Resize', scale_factor=1.25, keep_ratio=True, interpolation='bicubic', backend='pillow'),
    dict(type='Resize', scale_factor=1.5, keep_ratio=True, interpolation='bicubic', backend='pillow'),
]
mirrored = [
    dict(type='RandomFlip', prob=0.0, direction='horizontal'),
    dict(type='RandomFlip', prob=1.0, direction='horizontal'),
]
views = [sizes, mirrored, [dict(type='LoadAnnotations')], [dict(type='PackSegInputs')]]
tta_pipeline = [dict(type='LoadImageFromFile'), dict(type='TestTimeAug', transforms=views)]
