# Box supervision with learned mask generators (LPG): DeepLab-LargeFOV on the boxes of PASCAL VOC 2012.
#
# Paper: Xie et al., "Learning Class-Agnostic Pseudo Mask Generation for Box-Supervised Semantic Segmentation",
#   arXiv 2103.05463; its three rounds on VOC.
# Expected: val mIoU with dense CRF 66.8, 68.3, 68.4 after rounds 1 to 3 (full supervision 69.6); pseudo-masks of train
#   78.2, 81.7, 82.2 (dense CRF on boxes 69.7). From the paper. Not run here yet.
# Cost: three times 20,000 iterations of 30 crops of 321 px, three times the masks of 10,582 images, and the dense CRF
#   of the boxes of as many (--cfg-options stages.baselines=[] leaves it out).
# Differs from the published code: there the dense CRF refines the image padded to 513 px, here the image without
#   padding.
# Command: python tools/train.py configs/lpg/deeplab_largefov_voc_boxes.py (VOC_ROOT=..., VGG16_CHECKPOINT=..., pip
#   install pydensecrf2), with the generators in work_dirs/generator_hourglass_coco60, or --cfg-options
#   stages.generators=WORK_DIR. tools/test.py measures with and without dense CRF. The form of the paper is
#   stages.first_reads_segmentor=True stages.rule=overlap, also for the training of the generators
_base_ = [
    '../_base_/stages/lpg_voc.py',
    '../_base_/models/deeplab_largefov_vgg16.py',
    '../_base_/datasets/voc_val.py',
    '../_base_/datasets/voc_pseudo_masks.py',
    '../_base_/schedules/sgd_deeplab.py',
    '../_base_/default_runtime.py',
]
custom_hooks = [dict(type='ExactResumeHook')]
crf = dict(
    type='DenseCRF',
    num_iters=10,
    smoothness_xy=3.0,
    smoothness_weight=3.0,
    appearance_xy=140.0,
    appearance_rgb=5.0,
    appearance_weight=5.0,
)
test_evaluator = [dict(type='IoUMetric', iou_metrics=['mIoU']), dict(type='SubsetIoUMetric', refiner=crf)]
