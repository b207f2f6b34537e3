"""The first DeepLabs, and backbones with maps beside the image."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from mmengine.config import Config
from mmseg.registry import MODELS

from mmseg_wsss.functional import partial_cross_entropy
from mmseg_wsss.models.backbones import WidenedInput
from mmseg_wsss.models.decode_heads import DeepLabV2Head
from mmseg_wsss.structures import LossInputs
from tests.helpers.models import head_config, model_config, raw_batch

HEAD = {'type': 'DeepLabV2Head', 'in_channels': 64, 'in_index': 3, 'dilations': (1, 2), 'num_classes': 3}
CE = {'loss_ce': {'type': 'PartialCrossEntropyLoss', 'resolution': 'logits'}}


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


def test_labels_at_the_resolution_of_the_logits():
    labels = torch.full((1, 6, 6), 255)
    labels[0, 1::3, 1::3] = torch.tensor([[0, 1], [2, 255]])  # the middle of each cell of 3 x 3
    batch = LossInputs(
        logits=torch.randn(1, 3, 2, 2), image=torch.zeros(1, 3, 6, 6), labels=labels, valid=torch.ones(1, 1, 6, 6)
    )
    expected = partial_cross_entropy(batch.logits, torch.tensor([[[0, 1], [2, 255]]]))
    loss = MODELS.build({'type': 'PartialCrossEntropyLoss', 'resolution': 'logits'})
    torch.testing.assert_close(loss(batch), expected)
    with pytest.raises(ValueError, match="resolution must be 'labels' or 'logits', got 'image'"):
        MODELS.build({'type': 'PartialCrossEntropyLoss', 'resolution': 'image'})


def test_an_image_is_tested_padded_to_513_px_and_the_result_cropped():
    torch.manual_seed(0)
    cfg = Config.fromfile(Path(__file__).parents[2] / 'configs/lpg/deeplab_largefov_voc_boxes.py')
    head = head_config('fcn', align_corners=True)
    model = MODELS.build(model_config(head, CE, data_preprocessor=cfg.model.data_preprocessor)).eval()
    batch = raw_batch([(40, 56)])
    image = batch['inputs'][0].float() - torch.tensor([104.008, 116.669, 122.675])[:, None, None]
    padded = F.pad(image, (0, 513 - 56, 0, 513 - 40))[None]  # the mean colour is 0
    with torch.no_grad():
        (sample,) = model.test_step(batch)
        whole = F.interpolate(model(padded, mode='tensor'), (513, 513), mode='bilinear', align_corners=True)
        alone = F.interpolate(model(image[None], mode='tensor'), (40, 56), mode='bilinear', align_corners=True)
    torch.testing.assert_close(sample.seg_logits.data, whole[0, :, :40, :56])
    assert (whole[0, :, :40, :56] - alone[0]).abs().max() > 1e-3  # the padding reaches the network
    assert sample.pred_sem_seg.data.shape == (1, 40, 56)


def test_widened_input_keeps_the_weights_of_the_image(tmp_path):
    narrow = MODELS.build({'type': 'MobileNetV2', 'out_indices': (1, 6)})
    narrow.init_weights()
    torch.save(narrow.state_dict(), tmp_path / 'narrow.pth')
    init = {'type': 'Pretrained', 'checkpoint': str(tmp_path / 'narrow.pth')}
    wide = WidenedInput({'type': 'MobileNetV2', 'out_indices': (1, 6), 'init_cfg': init}, in_channels=5)
    before = {name: value.shape for name, value in wide.state_dict().items()}
    wide.init_weights()
    assert {name: value.shape for name, value in wide.state_dict().items()} == before
    first, given = wide.backbone.conv1.conv.weight, narrow.conv1.conv.weight
    torch.testing.assert_close(first[:, 2:], given)
    torch.testing.assert_close(first[:, 0], given.mean(dim=1))
    image = torch.randn(1, 3, 32, 32)
    blank = torch.cat([torch.zeros(1, 2, 32, 32), image], dim=1)
    narrow.eval()
    for ours, theirs in zip(wide.eval()(blank), narrow(image), strict=True):
        torch.testing.assert_close(ours, theirs)
    with pytest.raises(ValueError, match='must read fewer channels than in_channels=3'):
        WidenedInput({'type': 'MobileNetV2'}, in_channels=3)


@pytest.mark.parametrize(
    ('initialisation', 'spread'),
    [
        ('torch', lambda n, m, kernel: (3 * n * kernel) ** -0.5),
        ('xavier', lambda n, m, kernel: (2 / ((n + m) * kernel)) ** 0.5),
        ('kaiming', lambda n, m, kernel: (2 / (m * kernel)) ** 0.5 if m > 21 else 0.01),
    ],
)
def test_initialisation_of_the_published_decoder(initialisation, spread):
    torch.manual_seed(0)
    head = MODELS.build(
        {
            'type': 'DeepLabV3PlusHead', 'in_channels': 64, 'in_index': 0, 'channels': 64, 'dilations': (1, 6),
            'c1_in_channels': 32, 'c1_channels': 48, 'num_classes': 21, 'norm_cfg': {'type': 'BN'},
            'initialisation': initialisation,
        }
    )  # fmt: skip
    head.init_weights()
    convs = [module for module in head.modules() if isinstance(module, torch.nn.Conv2d)]
    assert len(convs) == 8
    for conv in convs:
        expected = spread(conv.in_channels, conv.out_channels, conv.weight[0, 0].numel())
        assert conv.weight.std().item() == pytest.approx(expected, rel=0.1)
        uniform = conv.weight.abs().max() <= 1.001 * 3**0.5 * expected
        assert uniform == (initialisation != 'kaiming')
    assert (head.conv_seg.bias == 0).all() == (initialisation != 'torch')
    assert all((m.weight == 1).all() for m in head.modules() if isinstance(m, torch.nn.BatchNorm2d))


def test_unknown_initialisation():
    with pytest.raises(ValueError, match="initialisation must be one of kaiming, torch, xavier, got 'orthogonal'"):
        MODELS.build(
            {
                'type': 'DeepLabV3PlusHead', 'in_channels': 8, 'in_index': 0, 'channels': 8, 'c1_in_channels': 8,
                'c1_channels': 4, 'num_classes': 3, 'initialisation': 'orthogonal',
            }
        )  # fmt: skip
