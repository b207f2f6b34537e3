import copy
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
from mmengine.config import Config, ConfigDict
from mmengine.logging import MessageHub
from mmengine.structures import PixelData
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.registry import MODELS

from mmseg_wsss.functional import gated_crf_loss, partial_cross_entropy
from mmseg_wsss.models.losses import BaseWeakLoss
from mmseg_wsss.models.losses.base_weak_loss import MisplacedLossError
from mmseg_wsss.models.segmentors.batch import image_in_unit_range
from tests.helpers.models import HEADS, head_config, model_config, raw_batch
from tests.helpers.trained import SEEDS, descend

CE = {'loss_ce': {'type': 'PartialCrossEntropyLoss', 'resolution': 'logits'}}


class RecordingLoss(BaseWeakLoss):
    """Keeps what it was given."""

    def compute(self, inputs):
        self.seen = inputs
        return inputs.logits.square().mean()


def build(*args, **kwargs):
    model = MODELS.build(model_config(*args, **kwargs))
    model.init_weights()
    return model.train()


def run_loss(model, batch):
    data = model.data_preprocessor(copy.deepcopy(batch), training=True)
    return model.loss(**data)


def seen_inputs(batch, **kwargs):
    model = build(losses={'loss_seen': {'type': RecordingLoss}}, **kwargs)
    run_loss(model, batch)
    return model.losses['loss_seen'].seen


@pytest.mark.parametrize('head', HEADS)
def test_every_parameter_gets_a_gradient(head):
    model = build(head, auxiliary_head=head_config('fcn', in_channels=32, in_index=2))
    losses = run_loss(model, raw_batch())
    assert set(losses) == {'loss_ce', 'loss_crf', 'aux.loss_ce', 'labelled_pixels'}
    total, _ = model.parse_losses(losses)
    total.backward()
    without = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.isfinite().all()]
    assert without == []


def test_losses_equal_the_functional_core():
    model = build('deeplabv3plus').eval()
    batch = raw_batch(((32, 32), (24, 28)))
    data = model.data_preprocessor(copy.deepcopy(batch), training=True)
    losses = model.loss(**data)
    logits = model.decode_head(model.extract_feat(data['inputs']))
    labels = torch.stack([sample.gt_sem_seg.data[0] for sample in data['data_samples']])
    valid = torch.zeros(2, 1, 32, 32)
    valid[0] = 1
    valid[1, :, :24, :28] = 1
    mean = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
    std = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
    image = mean.repeat(2, 1, 32, 32)  # the preprocessor pads with 0 after normalising
    for padded, img in zip(image, batch['inputs'], strict=True):
        padded[:, : img.shape[1], : img.shape[2]] = img[[2, 1, 0]].float() / 255
    resized = F.interpolate(logits, (32, 32), mode='bilinear', align_corners=False)
    torch.testing.assert_close(losses['loss_ce'], partial_cross_entropy(resized, labels))
    expected = gated_crf_loss(
        logits.softmax(1),
        (image - mean) / std,
        kernels=[{'weight': 1.0, 'xy': 6.0, 'rgb': 0.1}],
        radius=2,
        source_mask=valid,
        destination_mask=None,
    )
    torch.testing.assert_close(losses['loss_crf'], 0.1 * expected)


def test_image_comes_back_in_rgb():
    batch = raw_batch()
    image = seen_inputs(batch).image
    expected = torch.stack([img[[2, 1, 0]].float() / 255 for img in batch['inputs']])
    assert (image - expected).abs().max() < 1e-6
    without_conversion = model_config()['data_preprocessor'] | {'bgr_to_rgb': False}
    image = seen_inputs(batch, data_preprocessor=without_conversion).image
    assert (image - expected).abs().max() < 1e-6


@pytest.mark.parametrize('name', ['_channel_conversion', 'channel_conversion'])
def test_both_lines_say_whether_an_image_is_rgb(name):
    image = torch.arange(3.0).view(1, 3, 1, 1)
    for is_rgb in (True, False):
        preprocessor = SimpleNamespace(**{name: is_rgb})
        expected = image if is_rgb else image.flip(1)
        assert torch.equal(image_in_unit_range(image, preprocessor), expected / 255)


def test_grey_image_has_three_equal_channels():
    preprocessor = {'type': 'SegDataPreProcessor', 'mean': [100.0], 'std': [50.0], 'size': (32, 32)}
    backbone = model_config()['backbone'] | {'in_channels': 1}
    batch = raw_batch(channels=1)
    image = seen_inputs(batch, data_preprocessor=preprocessor, backbone=backbone).image
    assert image.shape == (2, 3, 32, 32)
    assert (image - torch.stack(batch['inputs']).float() / 255).abs().max() < 1e-6


def test_padding_is_invalid_and_unlabelled():
    seen = seen_inputs(raw_batch(((32, 32), (20, 25))))
    assert seen.valid.shape == (2, 1, 32, 32)
    assert seen.valid[0].sum() == 32 * 32
    assert seen.valid[1].sum() == 20 * 25
    assert seen.valid[1, 0, 19, 24] == 1
    assert (seen.labels[1, 20:] == 255).all()


def test_samples_without_validity_map_count_as_valid_inside():
    batch = raw_batch(((32, 32), (20, 25)))
    for sample in batch['data_samples']:
        del sample.gt_valid_map
    assert seen_inputs(batch).valid.sum(dim=(1, 2, 3)).tolist() == [1024, 500]


def test_tags_become_rows_and_unknown_is_nan():
    batch = raw_batch()
    batch['data_samples'][0].set_data({'gt_tags': torch.tensor([2])})
    tags = seen_inputs(batch).tags
    assert tags[0].tolist() == [0, 1]
    assert tags[1].isnan().all()
    assert seen_inputs(raw_batch()).tags is None


def test_points_and_boxes_keep_their_images():
    batch = raw_batch()
    batch['data_samples'][1].set_data({'gt_points': torch.tensor([[1.5, 2.5, 2.0]])})
    seen = seen_inputs(batch)
    assert [len(points) for points in seen.points] == [0, 1]
    assert seen.points[0].shape == (0, 3)
    assert seen.boxes == ()


def test_maps_of_the_pipeline_reach_the_losses():
    batch = raw_batch(((32, 32), (20, 25)))
    for number, sample in enumerate(batch['data_samples']):
        size = sample.gt_sem_seg.data.shape[1:]
        sample.set_data({'gt_maps': PixelData(distance=torch.full((2, *size), number + 1.0))})
    seen = seen_inputs(batch).maps
    assert set(seen) == {'distance'}
    assert seen['distance'].shape == (2, 2, 32, 32)
    assert seen['distance'].sum(dim=(1, 2, 3)).tolist() == [2 * 32 * 32, 2 * 2 * 20 * 25]
    assert seen_inputs(raw_batch()).maps == {}


def test_another_number_of_classes_in_the_data_is_found_before_the_first_step():
    batch = raw_batch()
    for sample in batch['data_samples']:
        sample.set_metainfo({'num_classes': 21})
    with pytest.raises(ValueError, match=r'data has 21 classes.*num_classes is 3: set num_classes=21'):
        run_loss(build(), batch)


def test_labelled_pixels_are_logged_and_every_name_is_summed():
    ce = {'type': 'PartialCrossEntropyLoss'}
    model = build(losses={'ce': ce, 'loss_again': ce})
    losses = run_loss(model, raw_batch(clicks=1))
    total, log_vars = model.parse_losses(losses)
    assert log_vars['labelled_pixels'] == 2
    assert set(log_vars) == {'loss', 'ce', 'loss_again', 'labelled_pixels'}
    torch.testing.assert_close(total, losses['ce'] + losses['loss_again'])


@pytest.mark.parametrize('clicks', [0, 1])
def test_batch_of_one_and_no_label(clicks):
    model = build().eval()
    losses = run_loss(model, raw_batch(((32, 32),), clicks=clicks))
    total, _ = model.parse_losses(losses)
    total.backward()
    assert (losses['loss_ce'] == 0) == (clicks == 0)
    assert all(p.grad.isfinite().all() for p in model.parameters() if p.grad is not None)


def test_mixed_precision_keeps_the_losses_in_float32():
    model = build('deeplabv3plus').eval()
    exact = run_loss(model, raw_batch())
    with torch.autocast('cpu', torch.bfloat16):
        losses = run_loss(model, raw_batch())
    assert losses['loss_crf'].dtype == torch.float32
    torch.testing.assert_close(losses['loss_crf'], exact['loss_crf'], rtol=0.02, atol=0)


def test_start_follows_the_progress_of_the_training():
    losses = {'loss_ce': {'type': 'PartialCrossEntropyLoss'}, 'loss_crf': {'type': 'GatedCRFLoss', 'start': 0.5}}
    model = build('deeplabv3plus', losses=losses)
    hub = MessageHub.get_current_instance()
    hub.update_info('max_iters', 10)
    hub.update_info('iter', 4)
    assert run_loss(model, raw_batch())['loss_crf'] == 0
    hub.update_info('iter', 5)
    assert run_loss(model, raw_batch())['loss_crf'] > 0


def test_a_recipe_may_start_without_any_loss():
    model = build('deeplabv3plus', losses={'loss_crf': {'type': 'GatedCRFLoss', 'start': 0.5}})
    hub = MessageHub.get_current_instance()
    hub.update_info('max_iters', 10)
    hub.update_info('iter', 0)
    total, _ = model.parse_losses(run_loss(model, raw_batch()))
    total.backward()
    assert total == 0
    assert all(p.grad is None or not p.grad.any() for p in model.parameters())


@pytest.mark.parametrize('seed', SEEDS)
def test_overfits_two_clicked_images(seed):
    torch.manual_seed(seed)
    # Of 8 channels so many may be silent that one training in twenty takes ten times as long; and the deepest map of 32
    # pixels is one cell, of which batch norm leaves no more than the sign.
    head = head_config('segformer', channels=32)
    model = build(head, losses={'loss_ce': {'type': 'PartialCrossEntropyLoss'}}, size=(64, 64))
    batch = raw_batch(((64, 64), (64, 64)))
    descend(
        lambda: model.parse_losses(run_loss(model, batch))[0],
        torch.optim.Adam(model.parameters(), 0.01),
        until=lambda losses: losses[-1] < 0.05 * losses[0],
        at_most=100,
    )


def test_inference_is_the_same_as_the_plain_segmentor():
    model = build('deeplabv3plus').eval()
    config = model_config('deeplabv3plus')
    del config['losses']
    plain = MODELS.build(config | {'type': 'EncoderDecoder'}).eval()
    plain.load_state_dict(model.state_dict())
    inputs = torch.randn(1, 3, 32, 32)
    torch.testing.assert_close(model.predict(inputs)[0].seg_logits.data, plain.predict(inputs)[0].seg_logits.data)


@pytest.mark.parametrize('pad_shape', [(45, 64), None])
def test_windows_without_a_decision_are_those_of_mmseg(pad_shape):
    """With fewer maps of the whole image in memory."""
    slide = ConfigDict(mode='slide', crop_size=(32, 32), stride=(20, 24))
    model = build('deeplabv3plus', test_cfg=slide).eval()
    config = model_config('deeplabv3plus', test_cfg=slide)
    del config['losses']
    plain = MODELS.build(config | {'type': 'EncoderDecoder'}).eval()
    plain.load_state_dict(model.state_dict())
    inputs = torch.randn(1, 3, 45, 64)
    meta = {'img_shape': (45, 64), 'ori_shape': (45, 64)} | ({'pad_shape': pad_shape} if pad_shape else {})
    found, expected = (network.inference(inputs, [dict(meta)]) for network in (model, plain))
    assert found.shape == (1, 3, 45, 64)
    torch.testing.assert_close(found, expected)


class OwnLossHead(BaseDecodeHead):
    """Trains through more than its logits."""

    def forward(self, inputs):
        return self.cls_seg(inputs[-1])

    def loss_by_feat(self, seg_logits, batch_data_samples):
        return {}


own_loss_head = {'type': OwnLossHead, 'in_channels': 64, 'channels': 64, 'num_classes': 3}


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'head': own_loss_head}, r'OwnLossHead overrides loss_by_feat\(\).*FCNHead'),
        ({'head': head_config('fcn', sampler={'type': 'OHEMPixelSampler'})}, 'pixel sampler, which would be ignored'),
        ({'head': head_config('fcn', loss_decode={'type': 'DiceLoss'})}, r'DiceLoss\) would be ignored.*model.losses'),
        ({'head': head_config('fcn', loss_decode={'type': 'GatedCRFLoss'})}, 'GatedCRFLoss.*would be ignored'),
        ({'head': head_config('fcn', 2, out_channels=1)}, 'set out_channels=2'),
        (
            {'head': head_config('fcn', ignore_index=0)},
            'FCNHead has ignore_index=0, but unlabelled pixels are 255: leave',
        ),
        ({'head': [head_config('fcn')]}, 'list of heads'),
        ({'head': head_config('fcn', loss_decode={'type': 'CrossEntropyLoss', 'loss_weight': 0.4})}, 'loss_weight=0.4'),
        ({'views': {'type': 'PAMR'}}, 'model.views is a PAMR; it must be derived from Views, or None'),
        ({'decision': {'type': 'PAMR'}}, 'model.decision is a PAMR; it must be derived from ArgmaxDecision, or None'),
        ({'losses': {}}, 'model.losses is empty'),
        ({'losses': {'loss_ce': None}}, 'model.losses is empty'),
        ({'losses': [{'type': 'GatedCRFLoss'}]}, 'model.losses must be a dict of losses by name, .* got list'),
        (
            {'losses': {'loss_x': [{'type': 'GatedCRFLoss'}]}},
            r"losses.loss_x must be dict\(type='...', ...\), or None to remove it, got \[",
        ),
        ({'losses': {'loss_x': {'radius': 3}}}, r"losses.loss_x must be dict\(type='...'.*got {'radius': 3}"),
        ({'losses': {'loss_ce': {'type': 'CrossEntropyLoss'}}}, 'model.losses.loss_ce is a CrossEntropyLoss'),
        ({'losses': {'labelled_pixels': {'type': 'GatedCRFLoss'}}}, "'labelled_pixels' is already used"),
        ({'auxiliary_losses': {'x': {'type': 'GatedCRFLoss'}}}, 'no auxiliary_head'),
    ],
)
def test_refuses_what_could_not_work(changes, message):
    with pytest.raises(TypeError, match=message):
        MODELS.build(model_config(**changes))


@pytest.mark.parametrize(
    ('loss', 'message'),
    [
        ({'type': 'GatedCRFLoss', 'compatibility': [[0, 1], [1, 0]]}, r'must be 3 x 3.*\(2, 2\)'),
        ({'type': 'PartialCrossEntropyLoss', 'class_weight': [1, 2]}, r'one number per class \(3\).*\(2,\)'),
        ({'type': 'GatedCRFLoss', 'backend': 'trition'}, "unknown backend 'trition'"),
    ],
)
def test_settings_for_other_classes_or_no_backend_are_found_when_built(loss, message):
    with pytest.raises(ValueError, match=message):
        MODELS.build(model_config(losses={'loss_x': loss}))


def test_a_loss_of_an_inherited_config_is_removed_by_none():
    model = build(losses={'loss_ce': {'type': 'PartialCrossEntropyLoss'}, 'loss_gated_crf': None})
    assert set(run_loss(model, raw_batch())) == {'loss_ce', 'labelled_pixels'}


def test_an_auxiliary_head_of_other_classes_is_found_when_built():
    with pytest.raises(ValueError, match=r'auxiliary_head.num_classes is 4 and model.decode_head.num_classes is 3'):
        build(auxiliary_head=head_config('fcn', num_classes=4, in_channels=32, in_index=2))


@pytest.mark.parametrize(
    ('name', 'advice'),
    [
        ('score_pooling', r"decision=dict\(type='TagDecision', pooling=...\), .*model.decision.pooling="),
        ('known_tags', r"decision=dict\(type='TagDecision', known_tags=...\)"),
        ('scales', r"views=dict\(type='MultiScaleViews', scales=...\)"),
        ('scale', r"views=dict\(type='SiameseViews', scale=...\), or --cfg-options model.views.scale="),
    ],
)
def test_settings_that_moved_are_named_with_their_new_place(name, advice):
    with pytest.raises(TypeError, match=f'model.{name} is a setting of the .* now: write {advice}'):
        MODELS.build(model_config(**{name: None}))


def test_weak_loss_in_a_plain_head_is_found_in_the_first_iteration():
    config = model_config(head_config('fcn', loss_decode={'type': 'GatedCRFLoss'}))
    del config['losses']
    model = MODELS.build(config | {'type': 'EncoderDecoder'})
    model.init_weights()
    with pytest.raises(MisplacedLossError, match="GatedCRFLoss needs the image.*type='WeakEncoderDecoder'"):
        run_loss(model, raw_batch())


def test_a_loss_has_no_name_of_a_head_and_other_parts_are_found():
    loss = MODELS.build({'type': 'ImageTagLoss'})
    assert not hasattr(loss, 'loss_name')
    assert type(loss.pooling).__name__ == 'NGWPPooling'
    with pytest.raises(AttributeError, match="'ImageTagLoss' object has no attribute 'poling'"):
        _ = loss.poling


@pytest.mark.parametrize('views', [None, {'type': 'MultiScaleViews'}])
def test_models_can_be_traced(views):
    model = build('deeplabv3plus', views=views, decision={'type': 'TagDecision'}).eval()
    inputs = torch.randn(1, 3, 32, 32)
    traced = torch.jit.trace(model, inputs)
    other = torch.randn(1, 3, 32, 32)
    torch.testing.assert_close(traced(other), model(other))


def test_missing_pretrained_file_names_the_key_and_the_cure(tmp_path):
    wanted = str(tmp_path / 'resnet34.pth')
    backbone = model_config()['backbone'] | {'init_cfg': {'type': 'Pretrained', 'checkpoint': wanted}}
    model = MODELS.build(model_config(backbone=backbone))
    with pytest.raises(FileNotFoundError, match=r'resnet34.pth.*--cfg-options model.backbone.init_cfg.checkpoint='):
        model.init_weights()


def test_pretrained_weights_of_another_network_are_refused(tmp_path):
    file = tmp_path / 'other.pth'
    backbone = model_config()['backbone'] | {'init_cfg': {'type': 'Pretrained', 'checkpoint': str(file)}}
    model = MODELS.build(model_config(backbone=backbone))
    weights = model.backbone.state_dict()
    torch.save({'state_dict': {f'features.{name}': value for name, value in weights.items()}}, file)
    with pytest.raises(
        ValueError, match=r'no weights of .*other.pth \(model.backbone.init_cfg.checkpoint\) fit .*features'
    ):
        model.init_weights()
    torch.save([1, 2], file)
    with pytest.raises(ValueError, match=r'other.pth holds a list, expected a dictionary of weights'):
        model.init_weights()
    marked = {name: torch.full_like(value, 0.25) for name, value in weights.items()}
    torch.save({'state_dict': {'fc.weight': torch.ones(2), **marked}}, file)
    model = build(backbone=backbone)
    assert all((value == 0.25).all() for value in model.backbone.parameters())


def test_an_address_that_needs_a_package_names_the_package(monkeypatch):
    def load(*_, **__):
        raise ModuleNotFoundError("No module named 'torchvision'", name='torchvision')

    monkeypatch.setattr('mmengine.model.weight_init.PretrainedInit.__call__', load)
    backbone = model_config()['backbone'] | {'init_cfg': {'type': 'Pretrained', 'checkpoint': 'torchvision://resnet34'}}
    model = MODELS.build(model_config(backbone=backbone))
    with pytest.raises(FileNotFoundError, match=r'Install torchvision, which.*--cfg-options model.backbone'):
        model.init_weights()


def test_an_image_is_tested_padded_to_513_px_and_the_result_cropped():
    torch.manual_seed(0)
    cfg = Config.fromfile(Path(__file__).parents[3] / 'configs/lpg/deeplab_largefov_voc_boxes.py')
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
