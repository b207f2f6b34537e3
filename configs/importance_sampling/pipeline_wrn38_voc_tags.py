# From image tags to a segmentation network in one command: CAMs, seeds, affinity network, random walk, DeepLab.
# Wide ResNet-38, PASCAL VOC 2012.
#
# Paper: Jonnarth and Felsberg, "Importance Sampling CAMs for Weakly-Supervised Segmentation", ICASSP 2022.
# Expected: val, tags unknown, 12 views and dense CRF: 64.6 mIoU and 43.8 contour F (paper). Not run here yet.
# Cost: that of cam_, affinity_ and deeplabv1_wrn38_voc_tags.py, and between them eight views, two dense CRFs and a
#   random walk of each of the 10,582 images.
# Differs from the published code: see the configs of the stages; maps are kept at a quarter of the size.
# Command: VOC_ROOT=... WRN38_CHECKPOINT=... python tools/train.py
#   configs/importance_sampling/pipeline_wrn38_voc_tags.py (pip install pydensecrf2). After an interruption, run it
#   again to resume; --cfg-options only=labels runs one stage; see docs/stages.md
custom_imports = dict(imports=['mmseg_wsss.plugin'], allow_failed_imports=False)
default_scope = 'mmseg'
runner_type = 'StagedRunner'
stages = dict(
    cam=dict(config='cam_wrn38_voc_tags.py'),
    cams=dict(task=dict(type='WriteCAMs', stage='cam', checkpoint='{stages.cam}', known_tags=True)),
    seeds=dict(
        task=dict(
            type='WriteSeeds',
            stage='cam',
            cams='{stages.cams}',
            alpha_low=2.0,
            alpha_high=4.0,
            refiner=dict(type='DenseCRF'),
        ),
    ),
    affinity=dict(
        config='affinity_wrn38_voc_tags.py', train_dataloader=dict(dataset=dict(label_root='{stages.seeds}'))
    ),
    labels=dict(
        task=dict(
            type='WriteRandomWalk',
            stage='affinity',
            checkpoint='{stages.affinity}',
            cams='{stages.cams}',
            alpha=6.0,
            beta=8.0,
            log2_steps=6,
        ),
    ),
    final=dict(config='deeplabv1_wrn38_voc_tags.py', train_dataloader=dict(dataset=dict(label_root='{stages.labels}'))),
)
