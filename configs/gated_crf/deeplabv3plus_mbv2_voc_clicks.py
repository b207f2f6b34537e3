# Gated CRF loss from clicks on a sample of PASCAL VOC, sized for a CPU.
#
# Paper: Obukhov et al., "Gated CRF Loss for Weakly Supervised Semantic Image Segmentation", 2019. The paper has no such
#   small setting: scores, cost and hardware of this one are in docs/results.md.
# Expected: see docs/results.md (mIoU over seven classes; not comparable with numbers on the whole of VOC).
# Cost: 2,600 iterations of 12 crops of 128 px, one CPU thread; docs/results.md has the time.
# Command: python tools/train.py configs/gated_crf/deeplabv3plus_mbv2_voc_clicks.py, with VOC_WEAK_ROOT and
#   MBV2_CHECKPOINT in the environment
_base_ = [
    '../_base_/models/deeplabv3plus_mbv2.py',
    '../_base_/datasets/voc_animals_clicks.py',
    '../_base_/datasets/voc_animals_val.py',
    '../_base_/schedules/adamw_cpu.py',
    '../_base_/default_runtime.py',
]
model = dict(
    losses=dict(
        loss_ce=dict(type='PartialCrossEntropyLoss'),
        loss_gated_crf=dict(type='GatedCRFLoss', loss_weight=0.1, start=0.04),
    )
)
max_iters = 2600
optim_wrapper = dict(optimizer=dict(lr=3e-4), paramwise_cfg=dict(custom_keys=dict(decode_head=dict(lr_mult=4.0))))
param_scheduler = [
    _base_.long_warmup,
    dict(type='PolyLR', power=0.9, eta_min=0.0, begin=100, end=max_iters, by_epoch=False),
]
train_cfg = dict(type='IterBasedTrainLoop', max_iters=max_iters, val_interval=max_iters // 4)
default_hooks = dict(checkpoint=dict(interval=200))
custom_hooks = [
    dict(type='ExactResumeHook'),
    dict(type='WeakVisualizationHook', interval=650),
    dict(type='ResultSheetHook'),
]
