# Pseudo-labels of the training images, their tags known, from a model of mbv2_voc_tags.py.
#
# Paper: Araslanov and Roth, "Single-Stage Semantic Segmentation from Image Labels", CVPR 2020.
# Expected: 42.0 mIoU over seven classes with the former setting of mbv2_voc_tags.py: docs/results.md.
# Cost: one view, or with --tta eight, of 437 images.
# Command: VOC_WEAK_ROOT=... python tools/test.py configs/single_stage/mbv2_voc_tags_pseudo_labels.py CHECKPOINT --out
#   pseudo_labels, with --tta or --cfg-options model.decision.refiner.type=DenseCRF
_base_ = ['./mbv2_voc_tags.py', '../_base_/tta/known_tags.py']
model = dict(decision=dict(known_tags=True))
test_pipeline = [
    *_base_.read,
    dict(type='Resize', scale_factor=_base_.test_scale, keep_ratio=True),
    dict(type='LoadAnnotations'),
    _base_.pack,
]
tta_views = [*_base_.tta_pipeline[1].transforms[:3], [_base_.pack]]
tta_pipeline = [*_base_.read, dict(type='TestTimeAug', transforms=tta_views)]
test_dataloader = dict(
    dataset=dict(ann_file='ImageSets/Segmentation/train.txt', weak_labels=_base_.weak_labels, pipeline=test_pipeline)
)
test_evaluator = dict(split='train')
