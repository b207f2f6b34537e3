"""Windows, padding and flips, against what mmseg does."""

import math

import pytest
import torch
from mmengine.config import ConfigDict
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample

from mmseg_wsss.models.segmentors.inference import (
    check_at_once,
    inside_cells,
    mean_of_windows,
    metas_of,
    resizing_of,
    to_file,
    windows,
)
from tests.helpers.models import model_config


def plain_segmentor(test_cfg):
    config = model_config(test_cfg=ConfigDict(test_cfg))
    del config['losses']
    return MODELS.build({**config, 'type': 'EncoderDecoder'}).eval()


@pytest.mark.parametrize('size', [(20, 30), (16, 16), (9, 50), (33, 17), (8, 8)])
@pytest.mark.parametrize(('crop', 'stride'), [((16, 16), (8, 12)), ((12, 20), (12, 20)), ((16, 10), (5, 3))])
def test_windows_are_those_of_mmseg(size, crop, stride):
    seen = []
    plain = plain_segmentor({'mode': 'slide', 'crop_size': crop, 'stride': stride})

    def encode_decode(window, metas):
        seen.append(window[0, 0])
        return window.expand(-1, 3, -1, -1).square()

    plain.encode_decode = encode_decode
    places = torch.arange(math.prod(size)).view(1, 1, *size).double()
    expected = plain.slide_inference(places, [{}])
    ours = [places[0, 0, rows, columns] for rows, columns in windows(size, plain.test_cfg)]
    assert [window.tolist() for window in ours] == [window.tolist() for window in seen]
    mean, scores = mean_of_windows(lambda x: (x.expand(-1, 3, -1, -1).square(), None), places, plain.test_cfg)
    torch.testing.assert_close(mean, expected)
    assert scores is None


def test_scores_of_windows_are_the_largest():
    inputs = torch.arange(12.0).view(1, 1, 2, 6)
    slide = {'mode': 'slide', 'crop_size': (2, 2), 'stride': (2, 2)}
    _, scores = mean_of_windows(lambda x: (x, x.flatten(1)[:, :3] * torch.tensor([1.0, -1.0, 1.0])), inputs, slide)
    assert scores.tolist() == [[4.0, -1.0, 10.0]]


def test_the_whole_image_is_one_window():
    for test_cfg in (None, {}, {'mode': 'whole'}):
        assert list(windows((7, 9), test_cfg)) == [(slice(0, 7), slice(0, 9))]
    with pytest.raises(ValueError, match="model.test_cfg.mode must be 'whole' or 'slide', got 'hole'"):
        list(windows((7, 9), {'mode': 'hole'}))


@pytest.mark.parametrize('flip', [None, 'horizontal', 'vertical'])
@pytest.mark.parametrize('padding', [[0, 0, 0, 0], [0, 3, 0, 5], [2, 1, 4, 0]])
@pytest.mark.parametrize('key', ['padding_size', 'img_padding_size'])
@pytest.mark.parametrize('align_corners', [False, True])
def test_the_way_back_to_the_file_is_that_of_mmseg(flip, padding, key, align_corners):
    plain = plain_segmentor({'mode': 'whole'})
    plain.align_corners = align_corners
    maps = torch.randn(3, 12, 16)
    meta = {'ori_shape': (17, 11), key: padding, 'flip': flip is not None, 'flip_direction': flip}
    (sample,) = plain.postprocess_result(maps[None], [SegDataSample(metainfo=meta)])
    torch.testing.assert_close(to_file(maps, meta, align_corners=align_corners), sample.seg_logits.data)


def test_other_flips_are_refused():
    with pytest.raises(ValueError, match="flip_direction must be one of horizontal, vertical, got 'diagonal'"):
        to_file(torch.zeros(1, 2, 2), {'ori_shape': (2, 2), 'flip': True, 'flip_direction': 'diagonal'})


def test_cells_with_padding_are_outside():
    inputs = torch.zeros(2, 3, 8, 8)
    metas = [{'padding_size': [0, 3, 0, 0]}, {'img_padding_size': [0, 0, 2, 0]}]
    inside = inside_cells(metas, inputs, (4, 4), {'mode': 'whole'})
    assert inside[0, 0].tolist() == [[1, 1, 0, 0]] * 4
    assert inside[1, 0].tolist() == [[0] * 4, *[[1] * 4] * 3]
    assert inside_cells(metas, inputs, (4, 4), {'mode': 'slide'}) is None
    assert inside_cells([{}, {'padding_size': [0] * 4}], inputs, (4, 4), None) is None


def test_inputs_without_samples_are_files_of_their_size():
    metas = metas_of(torch.zeros(2, 3, 5, 7), None)
    assert len(metas) == 2
    assert to_file(torch.ones(1, 5, 7), metas[1]).shape == (1, 5, 7)
    assert resizing_of(metas[0]) == 0
    assert resizing_of({'img_shape': (10, 8), 'ori_shape': (20, 16)}) == pytest.approx(math.log(2))
    assert resizing_of({'img_shape': (40, 32), 'ori_shape': (20, 16)}) == pytest.approx(math.log(2))
    assert metas_of(torch.zeros(1, 3, 5, 7), [SegDataSample(metainfo={'x': 1})]) == [{'x': 1}]


def test_a_large_image_is_read_in_windows_or_refused(monkeypatch):
    monkeypatch.setattr('mmseg_wsss.models.segmentors.inference.MOST_PIXELS', 20)
    slide = {'mode': 'slide', 'crop_size': (2, 2), 'stride': (2, 2)}
    check_at_once(torch.zeros(1, 3, 4, 5), None, 'a.jpg')
    check_at_once(torch.zeros(1, 3, 4, 6), slide, 'a.jpg')
    check_at_once(torch.zeros(1, 3, 4, 6, device='meta'), None, 'a.jpg')  # not on the CPU
    with pytest.raises(ValueError, match=r'a.jpg: the network would read 6 x 4 pixels at once; use windows'):
        check_at_once(torch.zeros(1, 3, 4, 6), {'mode': 'whole'}, 'a.jpg')


@pytest.mark.parametrize(
    ('settings', 'message'),
    [
        (
            {'crop_size': 8},
            r'model.test_cfg.crop_size must be \(height, width\) in pixels, such as \(512, 512\), got 8',
        ),
        ({'stride': (0, 4)}, r'model.test_cfg.stride must be .*, got \(0, 4\)'),
        (
            {'stride': (8, 9)},
            r'model.test_cfg.stride=\(8, 9\) is larger than crop_size=\(8, 8\): no window would contain',
        ),
        ({'mode': 'slyde'}, "model.test_cfg.mode must be 'whole' or 'slide', got 'slyde'"),
    ],
)
def test_windows_that_cannot_be(settings, message):
    settings = {'mode': 'slide', 'crop_size': (8, 8), 'stride': (8, 8), **settings}
    with pytest.raises(ValueError, match=message):
        list(windows((40, 40), settings))
    with pytest.raises(ValueError, match=message):
        mean_of_windows(lambda window: (window, None), torch.ones(1, 1, 40, 40), settings)
