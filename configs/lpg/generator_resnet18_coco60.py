# Same as generator_resnet101_coco60.py, with ResNet-18.
#
# Paper: that of generator_hourglass_coco60.py; its ablation of the generator's network.
# Expected: no separate score; LargeFOV on VOC val with its masks 66.5 (paper). Not run here yet.
# Cost: same as generator_resnet101_coco60.py, with a smaller network.
# Differs from the published code: same as generator_resnet101_coco60.py.
# Command: python tools/train.py configs/lpg/generator_resnet18_coco60.py (data: see generator_hourglass_coco60.py)
_base_ = './generator_hourglass_coco60.py'
stages = dict(
    generator=dict(
        model=dict(
            data_preprocessor=dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], bgr_to_rgb=True),
            backbone=dict(
                _delete_=True,
                type='WidenedInput',
                backbone=dict(
                    type='ResNet',
                    depth=18,
                    strides=(1, 2, 1, 1),
                    dilations=(1, 1, 2, 4),
                    out_indices=(3,),
                    norm_cfg=dict(type='BN', requires_grad=True),
                    style='pytorch',
                    init_cfg=dict(
                        type='Pretrained', checkpoint='https://download.pytorch.org/models/resnet18-f37072fd.pth'
                    ),
                ),
            ),
            decode_head=dict(in_channels=512),
        ),
    ),
)
