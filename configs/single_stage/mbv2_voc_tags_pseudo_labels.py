# Pseudo-labels of the training images, their tags known, from a model of mbv2_voc_tags.py.
#
# Paper: Araslanov and Roth, "Single-Stage Semantic Segmentation from Image Labels", CVPR 2020.
# Expected: 42.0 mIoU over seven classes: docs/results.md.
# Cost: one view, or with --tta eight, of 437 images.
# Command: VOC_WEAK_ROOT=... python tools/test.py configs/single_stage/mbv2_voc_tags_pseudo_labels.py CHECKPOINT --out
#   pseudo_labels, with --tta or --cfg-options model.decision.refiner.type=DenseCRF
_base_ = './mbv2_voc_tags.py'
model = dict(decision=dict(known_tags=True))
pack = dict(type='PackSegInputs', meta_keys=('img_path', 'ori_shape', 'img_shape', 'flip', 'flip_direction', 'gt_tags'))
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadImageTags'),
    dict(type='Resize', scale_factor=_base_.test_scale, keep_ratio=True),
    dict(type='LoadAnnotations'),
    pack,
]
tta_pipeline = _base_.tta_pipeline
tta_pipeline.insert(1, dict(type='LoadImageTags'))
tta_pipeline[2].transforms[3] = [pack]
test_dataloader = dict(
    dataset=dict(ann_file='ImageSets/Segmentation/train.txt', weak_labels=_base_.weak_labels, pipeline=test_pipeline)
)
test_evaluator = dict(split='train')
