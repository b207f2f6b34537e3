# Boxes and some masks: deeplab_largefov_voc_boxes.py with the true masks of the 1,464 images of train.
#
# Paper: that of deeplab_largefov_voc_boxes.py; its semi-supervised setting.
# Expected: val mIoU with dense CRF 68.7 (paper). Not run here yet.
# Cost: same as deeplab_largefov_voc_boxes.py.
# Command: same as deeplab_largefov_voc_boxes.py, with this config
_base_ = './deeplab_largefov_voc_boxes.py'
train_dataloader = dict(
    dataset=dict(
        true_mask_ids=f'{_base_.data_root}/ImageSets/Segmentation/train.txt',
        true_masks=f'{_base_.data_root}/SegmentationClass',
    )
)
