# Wide ResNet-38 at output stride 8, trained on ImageNet; a recipe chooses the stages, and what is frozen:
# backbone=dict(**_base_.wrn38, out_indices=(0, 3), frozen_stages=0).
wrn38 = dict(
    type='WideResNet38',
    init_cfg=dict(
        type='Pretrained',
        checkpoint='{{$WRN38_CHECKPOINT:data/weights/ilsvrc-cls_rna-a1_cls1000_ep-0001.pth}}',
    ),
)
