# Three mask generators (LPG), trained in turns with a DeepLab-LargeFOV on the 60 classes of COCO that VOC has not.
#
# Paper: Xie et al., "Learning Class-Agnostic Pseudo Mask Generation for Box-Supervised Semantic Segmentation",
#   arXiv 2103.05463; its E-steps and M-steps.
# Expected: no score of their own; deeplab_largefov_voc_boxes.py uses them. Not run here yet.
# Cost: three times 100,000 iterations of 32 crops of 512 px, and three times 20,000 of 30 crops of 321 px.
# Differs from the published code: its round 1 has no segmentor (LPG_FORM=code), and the training of that round and of
#   its segmentor on COCO are not in it: they are as those of VOC here.
# Command: python tools/train.py configs/lpg/generator_hourglass_coco60.py (COCO_ROOT=... and VGG16_CHECKPOINT=...; the
#   masks of COCO: hourglass_coco60.py)
_base_ = [
    '../_base_/stages/lpg_generators.py',
    '../_base_/models/deeplab_largefov_vgg16.py',
    '../_base_/datasets/voc_pseudo_masks.py',
    '../_base_/schedules/sgd_deeplab.py',
    '../_base_/default_runtime.py',
]
coco_root = '{{$COCO_ROOT:data/coco}}'
model = dict(decode_head=dict(num_classes=61))
train_dataloader = dict(dataset=dict(img_path=f'{coco_root}/train2017'))
val_dataloader = None
val_cfg = None
val_evaluator = None
test_dataloader = None
test_cfg = None
test_evaluator = None
custom_hooks = [dict(type='ExactResumeHook')]
boxes = dict(
    type='WeakSegDataset',
    data_root=coco_root,
    metainfo=dict(dataset='coco60'),
    data_prefix=dict(img_path='train2017'),
    weak_labels=[dict(format='coco', path='annotations/instances_train2017.json', only_classes=True)],
)
stages = {
    name: dict(task=dict(dataset=boxes, empty_images=True))  # nothing but classes of VOC, or nothing at all
    if 'task' in stage
    else dict(config='hourglass_coco60.py')
    if name.startswith('generator')
    else {}
    for name, stage in _base_.stages.items()
}
