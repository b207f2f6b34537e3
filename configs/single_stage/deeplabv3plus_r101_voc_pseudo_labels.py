# A standalone network on the pseudo-labels of single-stage training, DeepLabv3+ on ResNet-101, PASCAL VOC 2012.
#
# Paper: Araslanov and Roth, "Single-Stage Semantic Segmentation from Image Labels", CVPR 2020, supplement E: a plain
#   network trained on the predictions of wrn38_voc_tags.py for the training images.
# Expected: not known for this network; its labels have 64.7 mIoU on train (paper). Not run here yet.
# Cost: 30,000 iterations, batch 16, crop 448.
# Differs from the paper: network and schedule are a common choice, because those of the supplement are not known here;
#   the labels are predicted from one view without dense CRF.
# Command: wsss pseudo-labels configs/single_stage/wrn38_voc_tags_pseudo_labels.py CHECKPOINT -o LABELS --known-tags;
#   then PSEUDO_LABEL_ROOT=LABELS VOC_ROOT=... python tools/train.py
#   configs/single_stage/deeplabv3plus_r101_voc_pseudo_labels.py
_base_ = [
    '../_base_/preprocessors/rgb.py',
    '../_base_/models/deeplabv3plus_r34.py',
    '../_base_/datasets/pseudo_labels.py',
    '../_base_/schedules/sgd_90k.py',
    '../_base_/default_runtime.py',
]
model = dict(
    data_preprocessor=dict(**_base_.rgb, size=(448, 448)),
    backbone=dict(
        type='ResNet',
        _delete_=True,
        depth=101,
        num_stages=4,
        out_indices=(0, 1, 2, 3),
        strides=(1, 2, 2, 1),
        dilations=(1, 1, 1, 2),
        norm_cfg=_base_.norm_cfg,
        style='pytorch',
        init_cfg=dict(type='Pretrained', checkpoint='https://download.pytorch.org/models/resnet101-5d3b4d8f.pth'),
    ),
    decode_head=dict(in_channels=2048, c1_in_channels=256),
    decision=dict(type='ArgmaxDecision'),  # for model.decision.refiner.type=DenseCRF
)
train_dataloader = dict(batch_size=16)
max_iters = 30000
param_scheduler = [dict(type='PolyLR', eta_min=0.0, power=0.9, begin=0, end=max_iters, by_epoch=False)]
train_cfg = dict(max_iters=max_iters)
default_hooks = dict(checkpoint=dict(interval=2500))
custom_hooks = [dict(type='ExactResumeHook'), dict(type='ResultSheetHook')]
