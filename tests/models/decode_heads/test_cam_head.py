import pytest
import torch
from mmseg.registry import MODELS

CAM = {'type': 'CAMHead', 'in_channels': 64, 'in_index': 3, 'num_classes': 3}


def test_cam_head_is_one_convolution_without_bias():
    head = MODELS.build({**CAM, 'num_classes': 5})
    head.init_weights()
    assert [name for name, _ in head.named_parameters()] == ['conv_seg.weight']
    assert head.conv_seg.weight.shape == (5, 64, 1, 1)
    bound = (6 / (64 + 5)) ** 0.5
    assert bound * 0.9 < head.conv_seg.weight.abs().max() <= bound
    assert head.dropout.p == 0.5
    features = [None, None, None, torch.randn(2, 64, 4, 3)]
    expected = torch.einsum('oc,bchw->bohw', head.conv_seg.weight[:, :, 0, 0], features[3])
    torch.testing.assert_close(head.eval()(features), expected, rtol=1e-4, atol=1e-5)


def test_cam_head_refuses_what_it_cannot_be():
    with pytest.raises(ValueError, match='num_classes includes the background, so it is at least 2, got 1'):
        MODELS.build({**CAM, 'num_classes': 1})
    with pytest.raises(ValueError, match='CAMHead reads one feature map'):
        MODELS.build({**CAM, 'in_channels': [8, 16], 'in_index': [0, 1], 'input_transform': 'multiple_select'})
