# From clicks to a second network in one command: Gated CRF, pseudo-labels whose classes are known from the clicks, and
# the same network on them. A sample of PASCAL VOC, sized for a CPU.
#
# Paper: Obukhov et al., "Gated CRF Loss for Weakly Supervised Semantic Image Segmentation", 2019, which trains once.
# Expected: docs/results.md.
# Cost: two trainings of 1,500 iterations on one CPU thread, and between them one view of each of the 3,131 photographs.
# Command: VOC_WEAK_ROOT=... MBV2_CHECKPOINT=... python tools/train.py configs/gated_crf/pipeline_mbv2_voc_clicks.py.
#   After an interruption, run it again to resume.
custom_imports = dict(imports=['mmseg_wsss.plugin'], allow_failed_imports=False)
default_scope = 'mmseg'
runner_type = 'StagedRunner'
stages = dict(
    clicks=dict(config='deeplabv3plus_mbv2_voc_aug_clicks.py'),
    labels=dict(
        task=dict(
            type='WritePseudoLabels',
            stage='clicks',
            checkpoint='{stages.clicks}',
            known_tags=True,
            unsure_below=0.5,
        )
    ),
    final=dict(
        config='deeplabv3plus_mbv2_voc_pseudo_labels.py',
        train_dataloader=dict(dataset=dict(label_root='{stages.labels}')),
    ),
)
