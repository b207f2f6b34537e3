# Box supervision with learned mask generators (LPG): DeepLab-LargeFOV on the boxes of PASCAL VOC 2012.
#
# Paper: Xie et al., "Learning Class-Agnostic Pseudo Mask Generation for Box-Supervised Semantic Segmentation",
#   arXiv 2103.05463; its three rounds on VOC.
# Expected: val mIoU with dense CRF 66.8, 68.3, 68.4 after rounds 1 to 3 (full supervision 69.6); pseudo-masks of train
#   78.2, 81.7, 82.2 (dense CRF on boxes 69.7). From the paper. Not run here yet.
# Cost: four times 20,000 iterations of 30 crops of 321 px, and three times the masks of 10,582 images.
# Differs from the published code: its merging rule is 'first' (stages.masks_k.task.rule); its crops are scaled by one
#   of 0.5, 0.75, 1, 1.25, 1.5, here by anything between.
# Command: LPG_GENERATORS=work_dirs/generator_hourglass_coco60 python tools/train.py
#   configs/lpg/deeplab_largefov_voc_boxes.py (VOC_ROOT=..., VGG16_CHECKPOINT=...)
#   tools/test.py measures with and without dense CRF (pip install pydensecrf2); LPG_CRF=0 in the environment: without
_base_ = [
    '../_base_/stages/lpg_deployment.py',
    '../_base_/models/deeplab_largefov_vgg16.py',
    '../_base_/datasets/voc_pseudo_masks.py',
    '../_base_/schedules/sgd_deeplab.py',
    '../_base_/default_runtime.py',
]
custom_hooks = [dict(type='ExactResumeHook')]
boxes = dict(
    type='WeakSegDataset',
    data_root=_base_.data_root,
    metainfo=dict(dataset='voc'),
    ann_file='ImageSets/Segmentation/train_aug.txt',
    data_prefix=dict(img_path='JPEGImages'),
    weak_labels=[dict(format='voc_xml', path='Annotations')],
)
stages = {name: dict(task=dict(dataset=boxes)) if 'task' in stage else {} for name, stage in _base_.stages.items()}
truth = dict(
    type='WeakSegDataset',
    data_root=_base_.data_root,
    metainfo=dict(dataset='voc'),
    ann_file='ImageSets/Segmentation/train.txt',
    data_prefix=dict(img_path='JPEGImages', seg_map_path='SegmentationClass'),
)
test_evaluator = [dict(type='IoUMetric', iou_metrics=['mIoU'])]
if '{{$LPG_CRF:1}}' != '0':
    crf = dict(type='DenseCRF', num_iters=10, smoothness_xy=3.0, smoothness_weight=3.0)
    crf.update(appearance_xy=140.0, appearance_rgb=5.0, appearance_weight=5.0)
    test_evaluator.append(dict(type='SubsetIoUMetric', refiner=crf))
made = [name for name, stage in _base_.stages.items() if 'task' in stage]
stages['scores'] = dict(
    task=dict(type='ScoreLabels', labels={name: f'{{stages.{name}}}' for name in made}, dataset=truth)
)
