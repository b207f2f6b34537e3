# PMP on a pre-trained MobileNetV2 and a sample of PASCAL VOC, sized for a CPU.
#
# Paper: Akiva, Dana, "Towards Single Stage Weakly Supervised Semantic Segmentation", 2021. The paper trains from
#   scratch and has no such small setting: scores, cost and hardware of this one are in docs/results.md.
# Expected: see docs/results.md (mIoU over seven classes; not comparable with numbers on the whole of VOC).
# Cost: 1,300 iterations of 8 crops of 128 px, one CPU thread; docs/results.md has the time.
# Command: python tools/train.py configs/pmp/mbv2_voc_points.py, with VOC_WEAK_ROOT and MBV2_CHECKPOINT in the
#   environment
_base_ = [
    '../_base_/models/deeplabv3plus_mbv2.py',
    '../_base_/datasets/voc_animals_points.py',
    '../_base_/datasets/voc_animals_val.py',
    '../_base_/schedules/adamw_cpu.py',
    '../_base_/default_runtime.py',
]
# The points have a separate loss (ours): among all the pixels that PMP labels, they would hardly have any weight.
model = dict(
    losses=dict(
        _delete_=True,
        loss_points=dict(type='PartialCrossEntropyLoss'),
        loss_pmp=dict(type='PMPLoss', pseudo_masks=dict(type='ExpandingPseudoMasks')),
    )
)
epoch = 55  # iterations per pass over the data; logged values are means over them
max_iters = 1300
optim_wrapper = dict(optimizer=dict(lr=3e-4), paramwise_cfg=dict(custom_keys=dict(decode_head=dict(lr_mult=4.0))))
param_scheduler = [
    _base_.warmup,
    dict(type='CosineAnnealingLR', eta_min=0.0, begin=50, T_max=max_iters - 50, end=max_iters, by_epoch=False),
]
train_cfg = dict(type='IterBasedTrainLoop', max_iters=max_iters, val_interval=max_iters)
default_hooks = dict(logger=dict(interval=epoch), checkpoint=dict(interval=200))
log_processor = dict(window_size=epoch)
custom_hooks = [
    dict(type='ExactResumeHook'),
    # 23 steps of expansion, by the loss at the points: a collapse to the background would lower the sum of the losses
    dict(type='ExpandingConfidenceHook', epoch_length=epoch, loss_name='loss_points'),
    dict(type='PseudoMaskVisualizationHook', interval=None),
    dict(type='ResultSheetHook'),
]
