import pytest
import torch
import torch.nn.functional as F

from mmseg_wsss.models.layers import GlobalCueInjection
from tests.helpers.reference_layers import layer, norm, unit_statistics


def test_global_cues_scale_and_shift():
    cues = GlobalCueInjection(3, 4).eval()
    unit_statistics(cues)
    shallow, deep = torch.randn(2, 3, 5, 6), torch.randn(2, 4, 2, 3)
    both = layer(cues.summarise, deep).amax(dim=(2, 3))
    assert (both >= 0).all()
    expected = torch.zeros(2, 4, 5, 6)
    projected = norm(cues.normalise, F.conv2d(shallow, cues.project.weight))
    for image in range(2):
        for channel in range(4):
            scale, shift = 1 + both[image, channel], both[image, 4 + channel]
            expected[image, channel] = (projected[image, channel] * scale + shift).clamp(min=0)
    torch.testing.assert_close(cues(shallow, deep), layer(cues.mix, expected))


def test_cues_of_the_paper_normalise_each_image_and_multiply_by_the_scale_alone():
    cues = GlobalCueInjection(3, 4, form='paper').eval()
    unit_statistics(cues)
    shallow, deep = torch.randn(2, 3, 5, 6), torch.randn(2, 4, 2, 3)
    shallow[1] = 7 * shallow[1] + 3
    both = layer(cues.summarise, deep).amax(dim=(2, 3))
    projected = F.conv2d(shallow, cues.project.weight)
    expected = torch.zeros(2, 4, 5, 6)
    for image in range(2):
        for channel in range(4):
            values = projected[image, channel]
            values = (values - values.mean()) / (values.var(unbiased=False) + 1e-5).sqrt()
            expected[image, channel] = (values * both[image, channel] + both[image, 4 + channel]).clamp(min=0)
    torch.testing.assert_close(cues(shallow, deep), layer(cues.mix, expected))
    assert not [name for name in cues.state_dict() if name.startswith('normalise')]
    with pytest.raises(ValueError, match="unknown form of the global cues 'adain': choose from paper, reference"):
        GlobalCueInjection(3, 4, form='adain')


def test_deeper_cues_change_the_whole_shallow_map():
    cues = GlobalCueInjection(3, 4).eval()
    shallow, deep = torch.rand(1, 3, 6, 6), torch.zeros(1, 4, 6, 6)
    before = cues(shallow, deep)
    deep[..., 5, 5] = 3 * cues.summarise.conv.weight[0, :, 0, 0].sign()
    assert not torch.equal(before[..., 0, 0], cues(shallow, deep)[..., 0, 0])
