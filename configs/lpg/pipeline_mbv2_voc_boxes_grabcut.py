# From boxes alone to a network in one command, without a learned generator: GrabCut cuts masks out of the boxes, a
# network learns from them and labels its photographs, each class inside its boxes, and a second network learns from
# these labels. A sample of PASCAL VOC, sized for a CPU.
#
# Paper: Rother et al., "GrabCut: Interactive Foreground Extraction Using Iterated Graph Cuts", 2004 (the masks).
# Expected: docs/results.md.
# Cost: GrabCut on 3,131 photographs, two trainings of 1,500 iterations on one CPU thread, and between them one view of
#   each photograph.
# Command: VOC_WEAK_ROOT=... MBV2_CHECKPOINT=... python tools/train.py configs/lpg/pipeline_mbv2_voc_boxes_grabcut.py.
#   After an interruption, run it again to resume.
custom_imports = dict(imports=['mmseg_wsss.plugin'], allow_failed_imports=False)
default_scope = 'mmseg'
runner_type = 'StagedRunner'
boxes = dict(
    type='WeakSegDataset',
    data_root='{{$VOC_WEAK_ROOT:data/voc_weak}}',
    metainfo=dict(dataset='voc_animals'),
    ann_file='ImageSets/Segmentation/train_aug.txt',
    data_prefix=dict(img_path='JPEGImages'),
    weak_labels=[dict(format='voc_xml', path='Annotations')],
)
stages = dict(
    # Two pixels along the outline stay unlabelled.
    grabcut=dict(task=dict(type='WriteBoxLabels', dataset=boxes, method='grabcut', unsure_border=2)),
    network=dict(
        config='deeplabv3plus_mbv2_voc_boxes.py',
        train_dataloader=dict(dataset=dict(label_root='{stages.grabcut}')),
    ),
    labels=dict(
        task=dict(
            type='WritePseudoLabels',
            stage='network',
            checkpoint='{stages.network}',
            changes=dict(train_dataloader=dict(dataset=dict(_delete_=True, **boxes))),
            known_tags=True,
            known_boxes=True,
            unsure_below=0.5,
        )
    ),
    final=dict(
        config='deeplabv3plus_mbv2_voc_boxes.py',
        train_dataloader=dict(dataset=dict(label_root='{stages.labels}')),
    ),
)
