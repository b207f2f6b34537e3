# Gated CRF loss from clicks on all 3,131 photographs of the sample of PASCAL VOC, sized for a CPU.
#
# Paper: Obukhov et al., "Gated CRF Loss for Weakly Supervised Semantic Image Segmentation", 2019.
# Expected: docs/results.md (mIoU over seven classes; not comparable with numbers on the whole of VOC).
# Cost: 1,500 iterations of 12 crops of 128 px on one CPU thread.
# Command: VOC_WEAK_ROOT=... MBV2_CHECKPOINT=... python tools/train.py
#   configs/gated_crf/deeplabv3plus_mbv2_voc_aug_clicks.py; partial cross-entropy: --cfg-options
#   model.losses.loss_gated_crf.start=1.0
_base_ = './deeplabv3plus_mbv2_voc_clicks.py'
max_iters = 1500
train_dataloader = dict(dataset=dict(ann_file='ImageSets/Segmentation/train_aug.txt'))
param_scheduler = [
    _base_.long_warmup,
    dict(type='PolyLR', power=0.9, eta_min=0.0, begin=100, end=max_iters, by_epoch=False),
]
train_cfg = dict(max_iters=max_iters, val_interval=max_iters // 2)
default_hooks = dict(checkpoint=dict(interval=250))
