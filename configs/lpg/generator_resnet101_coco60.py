# Same as generator_hourglass_coco60.py, with ResNet-101 instead of the hourglass.
#
# Paper: that of generator_hourglass_coco60.py; its ablation of the generator's network (table II).
# Expected: no separate score; LargeFOV on VOC val with its masks 67.1. Of the hourglass: 67.5 with one generator for
#   all rounds ("Fixed"), 68.4 with one per round (paper). Not run here yet.
# Cost: three times 100,000 iterations of 32 crops of 512 px, and twice 20,000 of 30 crops of 321 px.
# Differs from the published code: it does not contain such a generator. Stride 8 and the head are our choice.
# Command: python tools/train.py configs/lpg/generator_resnet101_coco60.py (data: see generator_hourglass_coco60.py)
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
                    depth=101,
                    strides=(1, 2, 1, 1),
                    dilations=(1, 1, 2, 4),
                    out_indices=(3,),
                    norm_cfg=dict(type='BN', requires_grad=True),
                    style='pytorch',
                    init_cfg=dict(
                        type='Pretrained', checkpoint='https://download.pytorch.org/models/resnet101-5d3b4d8f.pth'
                    ),
                ),
            ),
            decode_head=dict(in_channels=2048),
        ),
    ),
)
