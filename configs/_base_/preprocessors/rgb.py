# Colours as the weights of torchvision and mmseg were trained with them; a recipe adds the size of its crops:
# data_preprocessor=dict(**_base_.rgb, size=(321, 321)).
rgb = dict(
    type='SegDataPreProcessor',
    mean=[123.675, 116.28, 103.53],
    std=[58.395, 57.12, 57.375],
    bgr_to_rgb=True,
    pad_val=0,
    seg_pad_val=255,
)
