# cam_mbv2_voc_tags.py on SEAM: a second view at half the size, pixel correlation, equivariance.
#
# Paper: that of cam_mbv2_voc_tags.py; Wang et al., "Self-supervised Equivariant Attention Mechanism", CVPR 2020 (SEAM).
# Expected: maps of train, known tags, one view: 30.6 mIoU and 7.2 contour F at alpha_1 (docs/results.md).
# Cost: that of cam_mbv2_voc_tags.py and of a view half as large; 9 minutes on one thread of a busy CPU.
# Switches: those of cam_mbv2_voc_tags.py, with L = model.losses.loss_tags.loss; SEAM without the losses of the paper is
#   L.weight=0 model.losses.loss_similarity.start=1.0
# Differs from the published objective: the second view has 0.5 of the size of the first instead of 0.3, which would be
#   too few cells.
# Command: python tools/train.py configs/importance_sampling/cam_mbv2_voc_tags_seam.py, with VOC_WEAK_ROOT and
#   MBV2_CHECKPOINT in the environment
_base_ = './cam_mbv2_voc_tags.py'
sampling = dict(type='ImportanceSamplingLoss', weight=0.8, pooling='average', num_samples=100)
model = dict(
    views=dict(
        type='SiameseViews',
        scale=0.5,
        pixel_correlation=dict(in_index=(0, 1), in_channels=(32, 96), channels=(16, 32)),
    ),
    losses=dict(
        loss_tags=dict(_delete_=True, type='MultiViewLoss', views=['first', 'second'], loss=sampling),
        loss_max=dict(
            _delete_=True,
            type='MultiViewLoss',
            views=['refined', 'second_refined'],
            loss=dict(type='ImportanceSamplingLoss', weight=0.0, pooling='max', background=True, start=0.3),
        ),
        loss_equivariance=dict(type='EquivariantRegularizationLoss'),
    ),
)
optim_wrapper = dict(paramwise_cfg=dict(custom_keys=dict(pixel_correlation=dict(lr_mult=10.0))))
