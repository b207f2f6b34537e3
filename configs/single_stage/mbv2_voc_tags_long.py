# Single-stage segmentation from image tags, 25 epochs: the first stage of pipeline_mbv2_voc_tags_long.py.
#
# Paper: Araslanov and Roth, "Single-Stage Semantic Segmentation from Image Labels", CVPR 2020.
# Expected: 45.9 and 46.3 mIoU (two seeds) over seven classes of val: docs/results.md (not comparable with all of VOC).
# Cost: 9,800 iterations of 8 crops of 160 px, two hours on two CPU threads of a busy machine.
# Command: VOC_WEAK_ROOT=... MBV2_CHECKPOINT=... python tools/train.py configs/single_stage/mbv2_voc_tags_long.py
_base_ = './mbv2_voc_tags.py'
model = dict(channels_last=True)
max_iters = 9800
param_scheduler = [
    _base_.long_warmup,
    dict(type='PolyLR', power=0.9, eta_min=0.0, begin=100, end=max_iters, by_epoch=False),
]
train_cfg = dict(max_iters=max_iters, val_interval=max_iters // 2)
default_hooks = dict(checkpoint=dict(interval=700))
