# Three mask generators (LPG), trained in turns with a DeepLab-LargeFOV on the 60 classes of COCO that VOC does not
# have.
#
# Paper: Xie et al., "Learning Class-Agnostic Pseudo Mask Generation for Box-Supervised Semantic Segmentation",
#   arXiv 2103.05463; its E-steps and M-steps.
# Expected: no score of their own; deeplab_largefov_voc_boxes.py uses them. Not run here yet.
# Cost: three times 100,000 iterations of 32 crops of 512 px, and twice 20,000 of 30 crops of 321 px.
# Differs from the published code: it does not contain the training of round 1 and of the segmentors on COCO: here they
#   are the same as in the later rounds and on VOC.
# Command: python tools/train.py configs/lpg/generator_hourglass_coco60.py (COCO_ROOT=... and VGG16_CHECKPOINT=...; the
#   masks of COCO: hourglass_coco60.py). In another --work-dir, --cfg-options stages.auxiliary_share=0.3 (0.6, 0.85)
#   trains on fewer images (table VI). stages.rounds=4 has a fourth round and stages.fixed_generator=True one generator
#   for all ("HgNet (Fixed)" of table II); deeplab_largefov_voc_boxes.py takes the same two settings
_base_ = [
    '../_base_/stages/lpg_coco60.py',
    '../_base_/models/deeplab_largefov_vgg16.py',
    '../_base_/datasets/voc_pseudo_masks.py',
    '../_base_/schedules/sgd_deeplab.py',
    '../_base_/default_runtime.py',
]
model = dict(decode_head=dict(num_classes=61))
custom_hooks = [dict(type='ExactResumeHook')]
