import pytest
import torch
from mmseg.registry import MODELS

from tests.helpers.models import BN, model_config, raw_batch, two_features


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'num_classes': 1}, 'NGWPHead: num_classes includes the background'),
        ({'input_transform': 'multiple_select'}, 'NGWPHead reads one feature map'),
    ],
)
def test_bad_settings(changes, message):
    with pytest.raises(ValueError, match=message):
        MODELS.build({'type': 'NGWPHead', 'in_channels': 64, 'num_classes': 4, **changes})


def test_ngwp_head_is_one_convolution_and_a_constant():
    head = MODELS.build({'type': 'NGWPHead', 'in_channels': 5, 'num_classes': 4, 'background_logit': 0.5}).eval()
    x = torch.randn(2, 5, 3, 4)
    logits = head([x])
    assert (logits[:, 0] == 0.5).all()
    expected = torch.einsum('bchw,kc->bkhw', x, head.conv_seg.weight[:, :, 0, 0]) + head.conv_seg.bias.view(1, 3, 1, 1)
    torch.testing.assert_close(logits[:, 1:], expected)
    assert sum(p.numel() for p in head.parameters()) == 5 * 3 + 3
    plain = MODELS.build({'type': 'NGWPHead', 'in_channels': 5, 'num_classes': 4, 'bias': False}).eval()
    assert [name for name, _ in plain.named_parameters()] == ['conv_seg.weight']
    expected = torch.einsum('bchw,kc->bkhw', x, plain.conv_seg.weight[:, :, 0, 0])
    torch.testing.assert_close(plain([x])[:, 1:], expected)


@pytest.mark.parametrize(
    ('settings', 'shape'),
    [
        ({'channels': 7, 'in_index': 0, 'norm_cfg': BN}, (2, 4, 9, 7)),
        ({'channels': 6, 'in_index': 0}, (2, 4, 9, 7)),
        ({'in_index': [0, 1], 'in_channels': [6, 64], 'input_transform': 'resize_concat'}, (2, 4, 9, 7)),
        ({'in_channels': 64}, (2, 4, 5, 4)),
        ({'in_channels': 64, 'num_classes': 150}, (2, 150, 5, 4)),
    ],
)
def test_ngwp_head_widths_and_maps(settings, shape):
    head = MODELS.build({'type': 'NGWPHead', 'in_channels': 6, 'num_classes': 4, **settings}).train()
    logits = head(two_features())
    assert logits.shape == shape
    logits.square().sum().backward()
    assert all(p.grad is not None for p in head.parameters())


def test_segmentor_trains_it_on_any_loss():
    head = {'type': 'NGWPHead', 'in_channels': 64, 'num_classes': 3}
    model = MODELS.build(model_config(head, losses={'loss_crf': {'type': 'GatedCRFLoss', 'radius': 2}}))
    model.init_weights()
    data = model.data_preprocessor(raw_batch(), training=True)
    total, _ = model.parse_losses(model.train().loss(**data))
    total.backward()
    assert [name for name, p in model.decode_head.named_parameters() if p.grad is None] == []
