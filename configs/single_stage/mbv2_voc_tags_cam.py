# Class activation maps, the baseline of mbv2_voc_tags.py: the same data, backbone and schedule.
#
# Paper: Araslanov and Roth, "Single-Stage Semantic Segmentation from Image Labels", CVPR 2020, table 2, on Wide
#   ResNet-38: wrn38_voc_tags_cam.py. The paper has no such small setting.
# Expected: not run here yet.
# Cost: less than mbv2_voc_tags.py, which makes pseudo-labels as well.
# Command: python tools/train.py configs/single_stage/mbv2_voc_tags_cam.py, with VOC_WEAK_ROOT and MBV2_CHECKPOINT in
#   the environment
_base_ = './mbv2_voc_tags.py'
model = dict(
    decode_head=dict(
        _delete_=True,
        type='NGWPHead',
        in_channels=320,
        bias=False,
        dropout_ratio=0.5,
        num_classes=21,
        align_corners=False,
        init_cfg=dict(type='Xavier', distribution='uniform', override=dict(name='conv_seg')),
    ),
    losses=dict(loss_tags=dict(pooling=dict(_delete_=True, type='AveragePooling')), loss_masks=None),
    decision=dict(type='CAMDecision', background_score=0.1),
)
custom_hooks = [dict(type='ExactResumeHook'), dict(type='ResultSheetHook')]
