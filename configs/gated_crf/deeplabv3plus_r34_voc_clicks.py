# Gated CRF loss from one click per object, PASCAL VOC 2012.
#
# Paper: Obukhov et al., "Gated CRF Loss for Weakly Supervised Semantic Image Segmentation", 2019.
# Expected: 67.39 val mIoU (paper, table for clicks; the same network on full masks 76.68, on clicks without the loss
#   48.97). Not reproduced here yet: docs/results.md says what was measured.
# Cost: 90k iterations, batch 48 (one GPU; with dist_train.sh set train_dataloader.batch_size to 48 / GPUs), crop 256.
# Differs: a click is one pixel here; the published code paints 2 x 2 for a size of 1.
# Command: python tools/train.py configs/gated_crf/deeplabv3plus_r34_voc_clicks.py (VOC_ROOT=... for the data, or
#   --cfg-options train_dataloader.dataset.data_root=..., and the same for val_dataloader and test_dataloader)
_base_ = [
    '../_base_/models/deeplabv3plus_r34.py',
    '../_base_/datasets/voc_weak.py',
    '../_base_/schedules/sgd_90k.py',
    '../_base_/default_runtime.py',
]
model = dict(
    losses=dict(
        loss_ce=dict(type='PartialCrossEntropyLoss'),
        loss_gated_crf=dict(
            type='GatedCRFLoss',
            kernels=[dict(weight=1.0, xy=6.0, rgb=0.1)],
            radius=5,
            color_space='standardised',  # rgb=0.1 is in standardised units: about 6 grey levels
            source_mask=True,
            loss_weight=0.1,
            start=0.005,  # 450 of 90,000 iterations, as the published code
        ),
    )
)
