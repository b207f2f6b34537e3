import pytest
import torch
from mmseg.registry import MODELS

from mmseg_wsss.models.backbones import WidenedInput


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
