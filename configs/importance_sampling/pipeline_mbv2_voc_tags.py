# From image tags to a segmentation network in one command: CAMs, seeds, affinity network, random walk, DeepLab.
# A sample of PASCAL VOC, sized for a CPU.
#
# Paper: Jonnarth and Felsberg, "Importance Sampling CAMs for Weakly-Supervised Segmentation", ICASSP 2022. The paper
#   has no such small setting.
# Expected: over seven classes, labels of train 35.8 mIoU, network 27.8 on val (docs/results.md).
# Cost: that of cam_, affinity_ and deeplabv1_mbv2_voc_tags.py, and between them two views, a random walk and no dense
#   CRF of each of the 3,131 images: 38 minutes on a busy CPU thread.
# Command: VOC_WEAK_ROOT=... MBV2_CHECKPOINT=... python tools/train.py
#   configs/importance_sampling/pipeline_mbv2_voc_tags.py. After an interruption, run it again to resume; --cfg-options
#   only=labels runs one stage. Seeds by a dense CRF, as published: --cfg-options
#   stages.seeds.task.refiner.type=DenseCRF (pip install pydensecrf2)
custom_imports = dict(imports=['mmseg_wsss.plugin'], allow_failed_imports=False)
default_scope = 'mmseg'
runner_type = 'StagedRunner'
# They are only used to measure the labels; the masks of the other images of train_aug are rougher.
masks = '{{$VOC_WEAK_ROOT:data/voc_weak}}/SegmentationClass'
mask_ids = '{{$VOC_WEAK_ROOT:data/voc_weak}}/ImageSets/Segmentation/train.txt'
# The alphas are far below the published 2, 4 and 6, because the maps of such a small network are too large: half of the
# pixels that they are confident about are right. With an alpha of 0.1, values above 0.84 become seeds; with 1.5, values
# below 0.43 become background; with 0.2, the walk starts from values above 0.75. They were chosen by thresholds on the
# masks of train.
stages = dict(
    cam=dict(config='cam_mbv2_voc_tags.py'),
    cams=dict(
        task=dict(type='WriteCAMs', stage='cam', checkpoint='{stages.cam}', known_tags=True, scales=[1.0])
    ),  # and mirrored: two views of the published eight
    seeds=dict(
        task=dict(type='WriteSeeds', stage='cam', cams='{stages.cams}', alpha_low=0.1, alpha_high=1.5),
    ),
    affinity=dict(config='affinity_mbv2_voc_tags.py', train_dataloader=dict(dataset=dict(label_root='{stages.seeds}'))),
    labels=dict(
        task=dict(
            type='WriteRandomWalk',
            stage='affinity',
            checkpoint='{stages.affinity}',
            cams='{stages.cams}',
            alpha=0.2,
            beta=8.0,
            log2_steps=6,
            masks=masks,
            mask_ids=mask_ids,
        ),
    ),
    final=dict(config='deeplabv1_mbv2_voc_tags.py', train_dataloader=dict(dataset=dict(label_root='{stages.labels}'))),
)
