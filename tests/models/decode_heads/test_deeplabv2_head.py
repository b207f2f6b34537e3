"""The head of the first DeepLabs."""

import torch
import torch.nn.functional as F

from mmseg_wsss.models.decode_heads import DeepLabV2Head


def test_head_is_a_sum_of_dilated_convolutions():
    head = DeepLabV2Head(in_channels=4, num_classes=3, dilations=(1, 3))
    x = torch.randn(2, 4, 7, 9)
    expected = sum(
        F.conv2d(x, conv.weight, conv.bias, padding=d, dilation=d)
        for conv, d in zip(head.conv_seg, (1, 3), strict=True)
    )
    torch.testing.assert_close(head((x,)), expected)
    head.init_weights()
    assert all(0.005 < float(conv.weight.detach().std()) < 0.02 for conv in head.conv_seg)
