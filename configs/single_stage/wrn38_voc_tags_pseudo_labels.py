# Pseudo-labels of the training images, their tags known, from a model of wrn38_voc_tags.py.
#
# Paper: Araslanov and Roth, "Single-Stage Semantic Segmentation from Image Labels", CVPR 2020.
# Expected: train mIoU 64.7, with dense CRF 66.9 (paper). Not run here yet.
# Cost: eight views of 1,464 images.
# Command: python tools/test.py configs/single_stage/wrn38_voc_tags_pseudo_labels.py CHECKPOINT --tta --out
#   pseudo_labels, with --cfg-options model.decision.refiner.type=DenseCRF
_base_ = ['./wrn38_voc_tags.py', '../_base_/tta/known_tags.py']
model = dict(decision=dict(known_tags=True))
test_pipeline = [*_base_.read, dict(type='LoadAnnotations'), _base_.pack]
tta_views = [*_base_.tta_pipeline[1].transforms[:3], [_base_.pack]]
tta_pipeline = [*_base_.read, dict(type='TestTimeAug', transforms=tta_views)]
test_dataloader = dict(
    dataset=dict(ann_file='ImageSets/Segmentation/train.txt', weak_labels=_base_.weak_labels, pipeline=test_pipeline)
)
test_evaluator = dict(split='train')
