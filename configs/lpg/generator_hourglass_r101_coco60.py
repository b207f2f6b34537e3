# Three mask generators (LPG), trained in turns with a DeepLabv2 on ResNet-101 on the 60 classes of COCO that are not in
# VOC.
#
# Paper: that of generator_hourglass_coco60.py; the generators of its ResNet-101 results.
# Expected: no score of their own; deeplabv2_r101_voc_boxes.py uses them. Not run here yet.
# Cost: three times 100,000 iterations of 32 crops of 512 px, and twice 40,000 steps of 5 times 2 crops of 321 px at
#   three scales.
# Differs from the published code: it only trains generators with LargeFOV; here the segmentor is trained as on VOC.
# Command: python tools/train.py configs/lpg/generator_hourglass_r101_coco60.py (COCO_ROOT=...; data and switches: see
#   generator_hourglass_coco60.py)
_base_ = [
    '../_base_/stages/lpg_coco60.py',
    '../_base_/models/deeplabv2_r101.py',
    '../_base_/datasets/voc_pseudo_masks.py',
    '../_base_/schedules/sgd_deeplab.py',
    '../_base_/default_runtime.py',
]
model = dict(decode_head=dict(num_classes=61))
custom_hooks = [dict(type='ExactResumeHook')]
train_dataloader = dict(batch_size=2)
max_iters = 200000  # batches; 5 make a step, so 40,000 steps
optim_wrapper = dict(accumulative_counts=5, optimizer=dict(lr=2.5e-4))
param_scheduler = [dict(type='PolyLR', power=0.9, eta_min=0.0, begin=0, end=max_iters, by_epoch=False)]
train_cfg = dict(max_iters=max_iters)
