# From image tags to a second network in one command: the single-stage network, its pseudo-labels with known tags,
# refined by PAMR, and a network on them. A sample of PASCAL VOC, sized for a CPU.
#
# Paper: Araslanov and Roth, "Single-Stage Semantic Segmentation from Image Labels", CVPR 2020, supplement E (a
#   standalone network on the pseudo-labels).
# Expected: 42.8 and 44.2 mIoU over seven classes of val with two seeds: docs/results.md.
# Cost: 2,000 and 1,500 iterations on one CPU thread, and between them one view of each of the 3,131 photographs.
# Command: VOC_WEAK_ROOT=... MBV2_CHECKPOINT=... python tools/train.py
#   configs/single_stage/pipeline_mbv2_voc_tags_second_network.py. After an interruption, run it again to resume. Labels
#   refined by a dense CRF (extra crf): --cfg-options stages.labels.task.changes.model.decision.refiner.type=DenseCRF
_base_ = ['../_base_/tta/known_tags.py', '../_base_/datasets/voc_animals_val.py']
custom_imports = dict(imports=['mmseg_wsss.plugin'], allow_failed_imports=False)
default_scope = 'mmseg'
runner_type = 'StagedRunner'
resize = dict(type='Resize', scale_factor=_base_.test_scale, keep_ratio=True)
stages = dict(
    tags=dict(config='mbv2_voc_tags.py'),
    labels=dict(
        task=dict(
            type='WritePseudoLabels',
            stage='tags',
            checkpoint='{stages.tags}',
            changes=dict(
                # The masks are larger than the objects; a power of the background below 1 makes them smaller.
                model=dict(decision=dict(known_tags=True, background_power=0.3, refiner=dict(type='PAMR'))),
                test_dataloader=dict(dataset=dict(pipeline=[*_base_.read, resize, _base_.pack])),
            ),
            known_tags=True,
            unsure_below=0.5,
        )
    ),
    final=dict(
        config='../gated_crf/deeplabv3plus_mbv2_voc_pseudo_labels.py',
        train_dataloader=dict(dataset=dict(label_root='{stages.labels}')),
    ),
)
