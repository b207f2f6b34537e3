from importlib.util import find_spec

import numpy as np
import pytest
import torch
from mmseg.registry import MODELS
from PIL import Image
from torch import nn

from mmseg_wsss.evaluation.metrics import RefinedIoUMetric


@MODELS.register_module()
class RedIsACat(nn.Module):
    """Class 1 where the image is red; leaves what the network is sure of."""

    def forward(self, masks, image):
        assert torch.allclose(masks.sum(dim=1), torch.ones(()))
        red = image[:, 0] * 0.4
        return torch.stack([masks[:, 0], masks[:, 1] + red, masks[:, 2]], dim=1)


def sample(tmp_path, **changes):
    image = np.zeros((2, 4, 3), dtype=np.uint8)
    image[:, :2, 0] = 255
    Image.fromarray(image).save(tmp_path / 'a.png')
    logits = torch.zeros(3, 2, 4)
    logits[0] = 0.5
    logits[2, 0, 0] = 9.0
    truth = torch.tensor([[[1, 1, 0, 0], [1, 1, 0, 0]]])
    known = {
        'img_path': str(tmp_path / 'a.png'),
        'seg_logits': {'data': logits},
        'pred_sem_seg': {'data': logits.argmax(dim=0, keepdim=True)},
        'gt_sem_seg': {'data': truth},
    }
    return {**known, **changes}


def test_refined_predictions_by_hand(tmp_path):
    metric = RefinedIoUMetric(refiner={'type': 'RedIsACat'}, classes=['background', 'cat'])
    metric.dataset_meta = {'classes': ('background', 'cat', 'dog')}
    given = sample(tmp_path)
    before = given['pred_sem_seg']['data'].clone()
    metric.process({}, [given])
    assert torch.equal(given['pred_sem_seg']['data'], before)
    metrics = metric.evaluate(1)
    assert metrics['refined/mIoU'] == round((4 / 4 + 3 / 4 + 0) / 3 * 100, 2)
    assert metrics['refined/mIoU_subset'] == round((4 / 4 + 3 / 4) / 2 * 100, 2)


@pytest.mark.parametrize('logits', [None, torch.zeros(1, 2, 4)])
def test_predictions_without_logits_are_named(tmp_path, logits):
    metric = RefinedIoUMetric(refiner={'type': 'RedIsACat'})
    metric.dataset_meta = {'classes': ('background', 'cat', 'dog')}
    with pytest.raises(KeyError, match='needs seg_logits of at least two classes'):
        metric.process({}, [sample(tmp_path, seg_logits={'data': logits})])


def test_the_refiner_is_a_dense_crf_by_default():
    if find_spec('pydensecrf') is None:
        with pytest.raises(ImportError, match='DenseCRF needs the module pydensecrf: pip install pydensecrf2'):
            RefinedIoUMetric()
    else:
        assert type(RefinedIoUMetric().refiner).__name__ == 'DenseCRF'
