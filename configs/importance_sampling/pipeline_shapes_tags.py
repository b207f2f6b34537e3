# From image tags to a segmentation network in one command, on drawn shapes: the demo. Needs no data and no weights.
#
# Paper: Jonnarth and Felsberg, "Importance Sampling CAMs for Weakly-Supervised Segmentation", ICASSP 2022 (the stages;
#   the networks are small U-Nets).
# Expected: 30.1 mIoU of the last network on 50 drawn pictures, tags unknown (seed 0).
# Cost: 1,000 + 400 + 600 iterations of 8 crops of 96 px, 11 minutes on one thread of a busy CPU.
# Command: python tools/train.py configs/importance_sampling/pipeline_shapes_tags.py
custom_imports = dict(imports=['mmseg_wsss.plugin'], allow_failed_imports=False)
default_scope = 'mmseg'
runner_type = 'StagedRunner'
# The alphas are far below the published 2, 4 and 6, because the maps of such a small network are too
# large: see pipeline_mbv2_voc_tags.py.
stages = dict(
    cam=dict(config='cam_shapes_tags.py'),
    cams=dict(
        task=dict(type='WriteCAMs', stage='cam', checkpoint='{stages.cam}', known_tags=True, scales=(1.0, 1.5)),
    ),
    seeds=dict(
        task=dict(type='WriteSeeds', stage='cam', cams='{stages.cams}', alpha_low=0.1, alpha_high=1.5),
    ),
    affinity=dict(config='affinity_shapes_tags.py', train_dataloader=dict(dataset=dict(label_root='{stages.seeds}'))),
    labels=dict(
        task=dict(
            type='WriteRandomWalk', stage='affinity', checkpoint='{stages.affinity}', cams='{stages.cams}', alpha=0.2
        ),
    ),
    final=dict(config='deeplabv1_shapes_tags.py', train_dataloader=dict(dataset=dict(label_root='{stages.labels}'))),
)
