# The UNet of all demos on drawn shapes; a model takes it as backbone=_base_.unet.
unet = dict(
    type='UNet',
    base_channels=16,
    num_stages=4,
    strides=(1, 1, 1, 1),
    enc_num_convs=(2, 2, 2, 2),
    dec_num_convs=(2, 2, 2),
    downsamples=(True, True, True),
    enc_dilations=(1, 1, 1, 1),
    dec_dilations=(1, 1, 1),
    norm_cfg=dict(type='BN', requires_grad=True),
)
find_unused_parameters = True  # on several processes: no head reads all levels of UNet
