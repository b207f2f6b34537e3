import numpy as np
import pytest
import torch
from mmcv.transforms import Compose
from mmengine.dataset import pseudo_collate
from mmseg.registry import MODELS, TRANSFORMS
from PIL import Image

from tests.helpers.models import model_config

KEYS = ('img_path', 'ori_shape', 'img_shape', 'img_padding_size')


def pad(image, **settings):
    return TRANSFORMS.build({'type': 'CenterPad', **settings})({'img': image})


def test_the_image_lies_in_the_middle():
    image = np.random.default_rng(0).integers(1, 256, (5, 8, 3)).astype(np.uint8)
    results = pad(image, size=(10, 11), fill=7)
    assert results['img_padding_size'] == (1, 2, 2, 3)
    assert results['img_shape'] == (10, 11)
    np.testing.assert_array_equal(results['img'][2:7, 1:9], image)
    rest = np.ones((10, 11), bool)
    rest[2:7, 1:9] = False
    assert (results['img'][rest] == 7).all()


@pytest.mark.parametrize(('size', 'shape'), [(None, (5, 8)), ((3, 3), (5, 8)), ((3, 12), (5, 12))])
def test_larger_sides_stay(size, shape):
    for image in (np.ones((5, 8, 3), np.uint8), np.ones((5, 8), np.uint8)):
        results = pad(image, size=size)
        assert results['img'].shape[:2] == shape
        assert results['img'].sum() == image.sum()


def test_predictions_are_cut_out_again(tmp_path):
    """A network without borders of its own predicts the same with and without padding, at the size of the file."""
    Image.fromarray(np.random.default_rng(1).integers(0, 256, (21, 30, 3)).astype(np.uint8)).save(tmp_path / 'a.png')
    Image.fromarray(np.zeros((21, 30), np.uint8)).save(tmp_path / 'mask.png')
    head = {
        'type': 'FCNHead', 'in_channels': 16, 'in_index': 0, 'channels': 16, 'num_convs': 0, 'concat_input': False,
        'num_classes': 3, 'dropout_ratio': 0, 'align_corners': False,
    }  # fmt: skip
    model = MODELS.build(model_config(head, {'loss_ce': {'type': 'PartialCrossEntropyLoss'}})).eval()
    model.backbone = Pointwise()
    predictions = {}
    for size in (None, (64, 64)):
        steps = [{'type': 'LoadImageFromFile'}, {'type': 'CenterPad', 'size': size}, {'type': 'LoadAnnotations'}]
        pipeline = Compose([TRANSFORMS.build(step) for step in (*steps, {'type': 'PackSegInputs', 'meta_keys': KEYS})])
        data = pipeline({
            'img_path': str(tmp_path / 'a.png'), 'seg_map_path': str(tmp_path / 'mask.png'), 'seg_fields': [],
            'label_map': None, 'reduce_zero_label': False,
        })  # fmt: skip
        assert data['inputs'].shape[1:] == (size or (21, 30))
        (sample,) = model.test_step(pseudo_collate([data]))
        assert sample.pred_sem_seg.shape == sample.gt_sem_seg.shape == (21, 30)
        predictions[size] = sample.seg_logits.data
    torch.testing.assert_close(predictions[(64, 64)], predictions[None])


class Pointwise(torch.nn.Module):
    """A backbone that sees single pixels."""

    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 16, 1)

    def forward(self, x):
        return (self.conv(x),)


def test_what_is_wrong_is_named():
    with pytest.raises(ValueError, match=r'size must be \(height, width\) of at least one pixel each, or None, got'):
        TRANSFORMS.build({'type': 'CenterPad', 'size': (0, 5)})
    with pytest.raises(ValueError, match='put it before LoadAnnotations'):
        TRANSFORMS.build({'type': 'CenterPad', 'size': (9, 9)})(
            {'img': np.zeros((5, 5, 3)), 'gt_seg_map': np.zeros((5, 5))}
        )
