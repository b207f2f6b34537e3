# The same network and schedule on full masks: the reference for deeplabv3plus_mbv2_voc_aug_clicks.py.
#
# Paper: Obukhov et al., "Gated CRF Loss for Weakly Supervised Semantic Image Segmentation", 2019.
# Expected, cost: docs/results.md.
# Command: VOC_WEAK_ROOT=... MBV2_CHECKPOINT=... python tools/train.py
#   configs/gated_crf/deeplabv3plus_mbv2_voc_aug_full.py
_base_ = './deeplabv3plus_mbv2_voc_clicks.py'
model = dict(losses=dict(_delete_=True, loss_ce=dict(type='PartialCrossEntropyLoss')))
max_iters = 1500
aug = 'ImageSets/Segmentation/train_aug.txt'
train_dataloader = dict(dataset=dict(ann_file=aug, weak_labels=None, use_dense_masks=True))
param_scheduler = [
    _base_.long_warmup,
    dict(type='PolyLR', power=0.9, eta_min=0.0, begin=100, end=max_iters, by_epoch=False),
]
train_cfg = dict(max_iters=max_iters, val_interval=max_iters // 2)
default_hooks = dict(checkpoint=dict(interval=250))
