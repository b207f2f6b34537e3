# PMP from scratch on a sample of PASCAL VOC, sized for a CPU: ResNet-18 of half the width, with groups of 32 channels.
#
# Paper: Akiva, Dana, "Towards Single Stage Weakly Supervised Semantic Segmentation", 2021. The paper has no such small
#   setting: scores, cost and hardware of this one are in docs/results.md.
# Expected: see docs/results.md (mIoU over seven classes; not comparable with numbers on the whole of VOC).
# Cost: 660 iterations of 8 crops of 128 px on a CPU; docs/results.md has the time.
# Command: VOC_WEAK_ROOT=... python tools/train.py configs/pmp/r18gn_voc_points.py
_base_ = [
    '../_base_/models/fcn_r50gn.py',
    '../_base_/datasets/voc_animals_points.py',
    '../_base_/datasets/voc_animals_val.py',
    '../_base_/schedules/adamw_cpu.py',
    '../_base_/default_runtime.py',
]
# The points have a separate loss (ours): among all the pixels that PMP labels, they would hardly have any weight.
model = dict(
    data_preprocessor=dict(size=(128, 128)),
    backbone=dict(depth=18, base_channels=32, stem_channels=32),
    decode_head=dict(in_channels=256, channels=128, num_convs=1, concat_input=False),
    losses=dict(loss_points=dict(type='PartialCrossEntropyLoss')),
)
epoch = 55  # iterations per pass over the data; logged values are means over them
max_iters = 660
optim_wrapper = dict(optimizer=dict(lr=1e-3))
param_scheduler = [
    _base_.warmup,
    dict(type='CosineAnnealingLR', eta_min=0.0, begin=50, T_max=max_iters - 50, end=max_iters, by_epoch=False),
]
train_cfg = dict(type='IterBasedTrainLoop', max_iters=max_iters, val_interval=max_iters)
default_hooks = dict(logger=dict(interval=epoch), checkpoint=dict(interval=200))
log_processor = dict(window_size=epoch)
custom_hooks = [
    dict(type='ExactResumeHook'),
    # 20 steps of expansion, by the loss at the points: a collapse to the background would lower the sum of the losses
    dict(type='ExpandingConfidenceHook', epoch_length=33, loss_name='loss_points'),
    dict(type='PseudoMaskVisualizationHook', interval=None),
    dict(type='ResultSheetHook'),
]
