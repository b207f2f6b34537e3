# LPG, the training of generators on the 60 classes of COCO that VOC does not have, alternating with a segmentor. A
# recipe adds the segmentor; LPGStages describes all settings.
coco_root = '{{$COCO_ROOT:data/coco}}'
runner_type = 'StagedRunner'
stages = dict(
    type='LPGStages',
    auxiliary=dict(
        dataset=dict(
            type='WeakSegDataset',
            data_root=coco_root,
            metainfo=dict(dataset='coco60'),
            data_prefix=dict(img_path='train2017'),
            weak_labels=[dict(format='coco', path='annotations/instances_train2017.json', only_classes=True)],
        ),
        empty_images='skip',  # images with only classes of VOC, or without any
        segmentor=dict(
            train_dataloader=dict(dataset=dict(img_path=coco_root + '/train2017')),
            val_dataloader=None,
            val_cfg=None,
            val_evaluator=None,
            test_dataloader=None,
            test_cfg=None,
            test_evaluator=None,
        ),
    ),
    generator=dict(config='hourglass_coco60.py'),
)
