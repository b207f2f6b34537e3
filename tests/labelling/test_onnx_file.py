"""A network in ONNX gives the probabilities that PyTorch gives."""

import json
import sys

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample

from mmseg_wsss.cli.main import main
from mmseg_wsss.datasets import ShapesDataset
from mmseg_wsss.labelling.onnx_file import ExportedNetwork, write_onnx
from tests.helpers.models import model_config
from tests.helpers.one_of_each import CLASSES
from tests.helpers.trainings import ROOT

onnxruntime = pytest.importorskip('onnxruntime')
pytestmark = pytest.mark.filterwarnings(
    'ignore::DeprecationWarning', 'ignore::torch.jit.TracerWarning', 'ignore:When align_corners:UserWarning'
)


UPSAMPLE = {'scale_factor': 2, 'mode': 'bilinear'}


@pytest.fixture
def unet(tmp_path):
    """The config of the demo and a checkpoint of random weights."""
    cfg = Config.fromfile(ROOT / 'configs/gated_crf/unet_shapes_clicks.py')
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    model.decode_head.conv_seg.weight.data.mul_(100)
    meta = {'dataset_meta': ShapesDataset.METAINFO}
    torch.save({'state_dict': model.state_dict(), 'meta': meta}, tmp_path / 'net.pth')
    return cfg, tmp_path / 'net.pth'


@pytest.mark.parametrize('head', ['deeplabv3plus', 'fcn', 'psp', 'uper'])
def test_networks_can_be_traced(head):
    """``loss_name``, which heads ask of their ``loss_decode``, is asked of no loss here."""
    torch.manual_seed(0)
    model = MODELS.build(model_config(head)).eval()
    image = torch.rand(1, 3, 64, 64)
    traced = torch.jit.trace(ExportedNetwork(model), image, check_trace=False)
    torch.testing.assert_close(traced(image), ExportedNetwork(model)(image))


NORMS = {'mean': [123.675, 116.28, 103.53], 'std': [58.395, 57.12, 40.0]}
SIAMESE = {'type': 'SiameseViews', 'pixel_correlation': {'in_channels': (8, 16), 'channels': (4, 4)}}


@pytest.mark.parametrize(
    'changes',
    [
        {},
        {'data_preprocessor': {'type': 'SegDataPreProcessor', **NORMS, 'bgr_to_rgb': False}},
        {'data_preprocessor': {'type': 'UnitRangePreProcessor', **NORMS, 'bgr_to_rgb': True}},
        {'views': {'type': 'MultiScaleViews'}},
        {'views': SIAMESE},
        {'views': SIAMESE, 'decision': {'type': 'ArgmaxDecision', 'enlarged': 'logits'}},
        {'decision': {'type': 'ArgmaxDecision'}},
        {'decision': {'type': 'TagDecision'}},
        {'decision': {'type': 'CAMDecision'}},
    ],
)
def test_the_exported_network_gives_the_probabilities_of_a_prediction(changes):
    torch.manual_seed(0)
    model = MODELS.build(model_config(**changes)).eval()
    model.decode_head.conv_seg.weight.data.mul_(100)
    bgr = torch.randint(0, 256, (3, 48, 64), dtype=torch.uint8)
    size = {'ori_shape': (48, 64), 'img_shape': (48, 64), 'pad_shape': (48, 64)}
    with torch.no_grad():
        (predicted,) = model.test_step({'inputs': [bgr], 'data_samples': [SegDataSample(metainfo=size)]})
        given = ExportedNetwork(model)(bgr.flip(0)[None].float())[0]
    torch.testing.assert_close(given / given.sum(dim=0), predicted.seg_logits.data.softmax(dim=0), atol=1e-4, rtol=0)


def test_the_file_gives_probabilities_at_any_size(project, capsys):
    root, cfg = project
    file = root / 'net.onnx'
    command = ['export', str(root / 'config.py'), str(root / 'net.pth'), '-o', str(file), '--size', '64', '96']
    assert main(command) == 0
    assert f'{file}: ' in capsys.readouterr().out
    session = onnxruntime.InferenceSession(str(file), providers=['CPUExecutionProvider'])
    assert json.loads(session.get_modelmeta().custom_metadata_map['classes']) == list(CLASSES)
    image = np.random.default_rng(0).uniform(0, 255, (2, 3, 96, 64)).astype(np.float32)
    (probs,) = session.run(None, {'image': image})
    assert probs.shape == (2, 3, 96, 64)
    np.testing.assert_allclose(probs.sum(axis=1), 1, atol=1e-5)
    model = MODELS.build(cfg.model).eval()
    model.load_state_dict(torch.load(root / 'net.pth')['state_dict'])
    with torch.no_grad():
        expected = ExportedNetwork(model)(torch.from_numpy(image)).numpy()
    np.testing.assert_allclose(probs, expected, atol=1e-3)
    assert main(command) == 2
    assert 'exists; choose another -o' in capsys.readouterr().err


def test_a_file_that_differs_is_not_written(project, monkeypatch):
    root, cfg = project
    monkeypatch.setattr('mmseg_wsss.labelling.onnx_file.MOST', -1.0)
    with pytest.raises(ValueError, match='ONNX and PyTorch differ by .* was not written'):
        write_onnx(cfg, root / 'net.pth', root / 'net.onnx', size=(64, 64))
    assert not (root / 'net.onnx').exists()


def test_what_is_missing_is_named(project, monkeypatch):
    root, cfg = project
    monkeypatch.setitem(sys.modules, 'onnxruntime', None)
    with pytest.raises(ImportError, match=r'wsss export needs onnx and onnxruntime: pip install'):
        write_onnx(cfg, root / 'net.pth', root / 'net.onnx', size=(64, 64))


@pytest.mark.parametrize('corners', [False, True])
def test_the_unet_of_mmseg_takes_images_of_any_size(unet, tmp_path, corners):
    """It multiplies the sizes of its maps, which a traced network would keep as numbers."""
    cfg, checkpoint = unet
    cfg.model.backbone.upsample_cfg = {'type': 'InterpConv', 'upsample_cfg': UPSAMPLE | {'align_corners': corners}}
    summary = write_onnx(cfg, checkpoint, tmp_path / 'net.onnx', size=(64, 96))
    assert summary['difference'] < 1e-4
    image = np.random.default_rng(0).uniform(0, 255, (3, 3, 128, 48)).astype(np.float32)
    session = onnxruntime.InferenceSession(str(tmp_path / 'net.onnx'), providers=['CPUExecutionProvider'])
    (probs,) = session.run(None, {'image': image})
    model = MODELS.build(cfg.model).eval()
    model.load_state_dict(torch.load(checkpoint)['state_dict'])
    with torch.no_grad():
        expected = ExportedNetwork(model)(torch.from_numpy(image)).numpy()
    assert np.ptp(expected[:, 0]) > 0.01
    np.testing.assert_allclose(probs, expected, atol=1e-4)


def test_a_size_that_a_network_refuses_is_named(unet, tmp_path):
    with pytest.raises(ValueError, match=r'does not run on images of 64 x 70 pixels .*: The input image size'):
        write_onnx(*unet, tmp_path / 'net.onnx', size=(64, 70))
    assert not (tmp_path / 'net.onnx').exists()


def test_a_network_of_one_size_is_named(unet, tmp_path, monkeypatch):
    monkeypatch.setattr('mmseg_wsss.labelling.onnx_file.enlarge_by_factors', lambda network: None)
    with pytest.raises(ValueError, match=r'the network only runs at the size \(64, 64\) .* was not written'):
        write_onnx(*unet, tmp_path / 'net.onnx', size=(64, 64))
    assert not (tmp_path / 'net.onnx').exists()
