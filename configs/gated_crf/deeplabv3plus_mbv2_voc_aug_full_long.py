# The same network and schedule on full masks: the reference for deeplabv3plus_mbv2_voc_aug_clicks_long.py.
#
# Paper: Obukhov et al., "Gated CRF Loss for Weakly Supervised Semantic Image Segmentation", 2019.
# Expected: 69.3 and 72.2 mIoU (two seeds) over seven classes: docs/results.md.
# Cost: 6,525 iterations of 12 crops of 160 px on one CPU thread, 75 to 120 minutes.
# Command: VOC_WEAK_ROOT=... MBV2_CHECKPOINT=... python tools/train.py
#   configs/gated_crf/deeplabv3plus_mbv2_voc_aug_full_long.py
_base_ = './deeplabv3plus_mbv2_voc_clicks.py'
model = dict(
    channels_last=True,
    data_preprocessor=dict(size=(160, 160)),
    losses=dict(_delete_=True, loss_ce=dict(type='PartialCrossEntropyLoss')),
)
pipeline = _base_.train_pipeline
scaled = {**pipeline[2], 'scale': (320, 320)}
cropped = {**pipeline[3], 'crop_size': (160, 160)}
train_pipeline = [*pipeline[:2], scaled, cropped, *pipeline[4:]]
test_pipeline = [
    _base_.test_pipeline[0],
    {**_base_.test_pipeline[1], 'scale': (320, 320)},
    *_base_.test_pipeline[2:],
]
aug = 'ImageSets/Segmentation/train_aug.txt'
train_dataloader = dict(dataset=dict(ann_file=aug, weak_labels=None, use_dense_masks=True, pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
max_iters = 6525
param_scheduler = [
    _base_.long_warmup,
    dict(type='PolyLR', power=0.9, eta_min=0.0, begin=100, end=max_iters, by_epoch=False),
]
train_cfg = dict(max_iters=max_iters, val_interval=max_iters // 3)
default_hooks = dict(checkpoint=dict(interval=250))
