# Box supervision with learned mask generators (LPG): DeepLabv2 on ResNet-101, the boxes of PASCAL VOC 2012.
#
# Paper: Xie et al., "Learning Class-Agnostic Pseudo Mask Generation for Box-Supervised Semantic Segmentation",
#   arXiv 2103.05463; its three rounds on VOC.
# Expected: val mIoU with dense CRF 71.6, 73.1, 73.3 after rounds 1 to 3 (full supervision 74.5); pseudo-masks of train
#   78.9, 82.3, 82.6. From the paper. Not run here yet.
# Cost: four times 40,000 steps of 5 times 2 crops of 321 px at three scales, and the masks of 10,582 images.
# Differs from the published code: its optimizer knows the pyramid by another name and leaves its weights as they were
#   drawn, here they train; it enlarges its logits to the image with aligned corners; and as
#   deeplab_largefov_voc_boxes.py. As there, the ResNet has no max-pooling (stride 4; stem_pool=True gives stride 8,
#   as in DeepLabv2), reads BGR that is not scaled although its ImageNet weights are of scaled RGB, and for this
#   reason lets the statistics of its batch norms follow, with their scale and shift fixed.
# Command: LPG_GENERATORS=work_dirs/generator_hourglass_coco60 python tools/train.py
#   configs/lpg/deeplabv2_r101_voc_boxes.py (VOC_ROOT=...)
_base_ = './deeplab_largefov_voc_boxes.py'
model = dict(
    _delete_=True,
    type='WeakEncoderDecoder',
    views=dict(type='MultiScaleViews', scales=(0.5, 0.75)),
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[104.008, 116.669, 122.675],  # BGR, not scaled
        std=[1.0, 1.0, 1.0],
        bgr_to_rgb=False,
        pad_val=0,
        seg_pad_val=255,
        size=(321, 321),
    ),
    backbone=dict(
        type='DeepLabResNet',
        stem_pool=False,
        depth=101,
        num_stages=4,
        out_indices=(3,),
        strides=(1, 2, 1, 1),
        dilations=(1, 1, 2, 4),
        norm_cfg=dict(type='BN', requires_grad=False),
        norm_eval=False,
        style='pytorch',
        init_cfg=dict(type='Pretrained', checkpoint='https://download.pytorch.org/models/resnet101-5d3b4d8f.pth'),
    ),
    decode_head=dict(type='DeepLabV2Head', in_channels=2048, in_index=0, dilations=(6, 12, 18, 24), num_classes=21),
    losses=dict(loss_ce=dict(type='PartialCrossEntropyLoss', resolution='logits')),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
train_dataloader = dict(batch_size=2)
max_iters = 200000  # batches; 5 make a step, so 40,000 steps
optim_wrapper = dict(accumulative_counts=5, optimizer=dict(lr=2.5e-4))
param_scheduler = [dict(type='PolyLR', power=0.9, eta_min=0.0, begin=0, end=max_iters, by_epoch=False)]
train_cfg = dict(max_iters=max_iters, val_interval=max_iters // 4)
test_evaluator = [dict(type='IoUMetric', iou_metrics=['mIoU'])]
if '{{$LPG_CRF:1}}' != '0':
    crf = dict(type='DenseCRF', num_iters=10, smoothness_xy=1.0, smoothness_weight=3.0)
    crf.update(appearance_xy=67.0, appearance_rgb=3.0, appearance_weight=4.0)
    test_evaluator.append(dict(type='SubsetIoUMetric', refiner=crf))
