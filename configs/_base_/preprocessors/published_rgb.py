# Same as rgb.py, but in the order of operations of the published codes, so that colours are equal to the last bit.
rgb = dict(
    type='UnitRangePreProcessor',
    mean=[123.675, 116.28, 103.53],
    std=[58.395, 57.12, 57.375],
    bgr_to_rgb=True,
    pad_val=0,
    seg_pad_val=255,
)
