# Box supervision with learned mask generators (LPG): DeepLab-LargeFOV on the boxes of PASCAL VOC 2012.
#
# Paper: LPG, box supervision with a learned, class-agnostic mask generator; its three rounds on VOC.
# Expected: val mIoU with dense CRF 66.8, 68.3, 68.4 after rounds 1 to 3 (full supervision 69.6); pseudo-masks of train
#   78.2, 81.7, 82.2 (dense CRF on boxes 69.7). From the paper. Not run here yet.
# Cost: four times 20,000 iterations of 30 crops of 321 px, and three times the masks of 10,582 images.
# Differs from the published code: its merging rule is 'first' (stages.masks_k.task.rule), and no CRF refines here.
# Command: LPG_GENERATORS=work_dirs/generator_hourglass_coco60 python tools/train.py
#   configs/lpg/deeplab_largefov_voc_boxes.py (VOC_ROOT=..., VGG16_CHECKPOINT=...)
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
made = [name for name, stage in _base_.stages.items() if 'task' in stage]
stages['scores'] = dict(
    task=dict(type='ScoreLabels', labels={name: f'{{stages.{name}}}' for name in made}, dataset=truth)
)
