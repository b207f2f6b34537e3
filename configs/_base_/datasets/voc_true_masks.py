# True masks of PASCAL VOC 2012 and SBD instead of the pseudo-labels of a recipe. A recipe adds the pipeline.
# VOC_ROOT is the folder with JPEGImages, SegmentationClassAug and ImageSets.
true_masks = dict(
    type='WeakSegDataset',
    data_root='{{$VOC_ROOT:data/VOCdevkit/VOC2012}}',
    metainfo=dict(dataset='voc'),
    ann_file='ImageSets/Segmentation/train_aug.txt',
    data_prefix=dict(img_path='JPEGImages', seg_map_path='SegmentationClassAug'),
    test_mode=True,  # a plain pipeline
)
