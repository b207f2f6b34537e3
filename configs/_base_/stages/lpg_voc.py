# LPG on the boxes of PASCAL VOC 2012, with finished generators: the work dir of their training, or a list with the
# checkpoint of each round. A recipe adds the network; LPGStages describes all settings.
voc = dict(
    type='WeakSegDataset',
    data_root='{{$VOC_ROOT:data/VOCdevkit/VOC2012}}',
    metainfo=dict(dataset='voc'),
)
runner_type = 'StagedRunner'
stages = dict(
    type='LPGStages',
    generators='work_dirs/generator_hourglass_coco60',
    target=dict(
        dataset=dict(
            **voc,
            ann_file='ImageSets/Segmentation/train_aug.txt',
            data_prefix=dict(img_path='JPEGImages'),
            weak_labels=[dict(format='voc_xml', path='Annotations')],
        ),
    ),
    baselines=['dense_crf'],
    scores=dict(
        dataset=dict(
            **voc,
            ann_file='ImageSets/Segmentation/train.txt',
            data_prefix=dict(img_path='JPEGImages', seg_map_path='SegmentationClass'),
        ),
    ),
)
