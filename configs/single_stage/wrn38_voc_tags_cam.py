# Class activation maps, the baseline of single-stage segmentation from image tags, Wide ResNet-38, PASCAL VOC 2012.
#
# Paper: Araslanov and Roth, "Single-Stage Semantic Segmentation from Image Labels", CVPR 2020, table 2; Zhou et al.,
#   "Learning Deep Features for Discriminative Localization", CVPR 2016.
# Expected: mIoU with known tags 48.0 on train, 46.8 on val (paper). Not run here yet.
# Cost: 6 epochs of 661 iterations, batch 16, crop 321.
# Differs from the published code (NET.MODEL bsl): same as wrn38_voc_tags.py; and the inference of the code raises the
#   background to the power of 3 of the whole method, which turns the score of 0.1 into 0.001 (here
#   model.decision.background_power=3.0).
# Command: python tools/train.py configs/single_stage/wrn38_voc_tags_cam.py (VOC_ROOT=... for the data,
#   WRN38_CHECKPOINT=... for ilsvrc-cls_rna-a1_cls1000_ep-0001.pth); then python tools/test.py CONFIG CHECKPOINT --tta
#   for val, and for train the same with --cfg-options test_evaluator.split=train
#   test_dataloader.dataset.ann_file=ImageSets/Segmentation/train.txt
_base_ = ['./wrn38_voc_tags.py', '../_base_/tta/known_tags.py']
model = dict(
    decode_head=dict(
        _delete_=True,
        type='NGWPHead',
        in_channels=4096,
        bias=False,
        dropout_ratio=0.5,
        num_classes=21,
        align_corners=True,
        init_cfg=dict(type='Xavier', distribution='uniform', override=dict(name='conv_seg')),
    ),
    losses=dict(loss_tags=dict(pooling=dict(_delete_=True, type='AveragePooling')), loss_masks=None),
    decision=dict(type='CAMDecision', background_score=0.1, background_power=1.0, known_tags=True),
)
test_pipeline = [*_base_.read, dict(type='LoadAnnotations'), _base_.pack]
tta_views = [*_base_.tta_pipeline[1].transforms[:3], [_base_.pack]]
tta_pipeline = [*_base_.read, dict(type='TestTimeAug', transforms=tta_views)]
val_dataloader = dict(dataset=dict(weak_labels=_base_.weak_labels, pipeline=test_pipeline))
test_dataloader = val_dataloader
train_cfg = dict(max_iters=6 * 661)
custom_hooks = [
    dict(type='ExactResumeHook'),
    dict(type='WeakVisualizationHook', interval=661),
    dict(type='ResultSheetHook'),
]
