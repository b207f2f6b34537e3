import pytest
import torch
import torch.nn.functional as F
from mmseg.registry import MODELS

from mmseg_wsss.functional import pixel_correlation

CORRELATION = {'in_index': [1, 2], 'in_channels': [16, 32], 'channels': [4, 6]}


def test_pixel_correlation_joins_image_and_features_as_published():
    module = MODELS.build({'type': 'PixelCorrelation', **CORRELATION})
    features = [None, torch.randn(2, 16, 4, 5), torch.randn(2, 32, 2, 3, requires_grad=True)]
    image, maps = torch.randn(2, 3, 32, 40), torch.randn(2, 3, 4, 5, requires_grad=True)
    refined = module(maps, features, image)
    parts = [F.interpolate(image, (4, 5), mode='bilinear', align_corners=True)]
    for conv, feature in zip(module.reductions, features[1:], strict=True):
        part = torch.einsum('oc,bchw->bohw', conv.weight[:, :, 0, 0], feature).clamp(min=0)
        parts.append(F.interpolate(part, (4, 5), mode='bilinear', align_corners=True))
    joined = torch.einsum('oc,bchw->bohw', module.mixing.weight[:, :, 0, 0], torch.cat(parts, 1))
    torch.testing.assert_close(refined, pixel_correlation(maps, joined))
    refined.square().sum().backward()
    assert features[2].grad is None
    assert maps.grad.abs().sum() > 0
    assert all(parameter.grad.abs().sum() > 0 for parameter in module.parameters())
    with pytest.raises(ValueError, match='of equal length, got'):
        MODELS.build({'type': 'PixelCorrelation', 'in_index': [1]})
