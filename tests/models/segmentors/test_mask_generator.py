import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmengine.runner.checkpoint import load_checkpoint
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample

from mmseg_wsss.functional import partial_cross_entropy
from mmseg_wsss.models.segmentors import check_generator_checkpoint
from tests.helpers.models import BN, HOURGLASS, HOURGLASS_HEAD, head_config, model_config
from tests.helpers.trained import SEEDS, descend

RESNET = {'type': 'ResNet', 'depth': 18, 'base_channels': 8, 'stem_channels': 8, 'norm_cfg': BN}
PREPROCESSOR = {
    'type': 'SegDataPreProcessor',
    'mean': [104.008, 116.669, 122.675],
    'std': [1, 1, 1],
    'size': (32, 48),
}


def build(**changes):
    settings = {'backbone': HOURGLASS, 'decode_head': HOURGLASS_HEAD, 'data_preprocessor': PREPROCESSOR, **changes}
    generator = MODELS.build({'type': 'MaskGenerator', **settings})
    generator.init_weights()
    return generator.train()


def partner(num_classes=4, **changes):
    return MODELS.build(model_config(num_classes=num_classes, **changes))


def raw_batch(sizes=((32, 48), (27, 41)), class_ids=(2, 3), seed=0):
    rng = np.random.default_rng(seed)
    inputs, samples = [], []
    for (height, width), class_id in zip(sizes, class_ids, strict=True):
        inputs.append(torch.tensor(rng.integers(0, 256, (3, height, width)), dtype=torch.uint8))
        labels = torch.zeros(1, height, width, dtype=torch.uint8)
        labels[:, 4:20, 8:24] = 1
        labels[:, 4, 8:24] = 255
        box_map = torch.zeros(1, height, width, dtype=torch.uint8)
        box_map[:, 4:20, 8:30] = 1
        sample = SegDataSample(gt_sem_seg=PixelData(data=labels), gt_maps=PixelData(box_map=box_map))
        sample.set_metainfo(
            {'img_shape': (height, width), 'ori_shape': (height, width), 'class_id': class_id, 'num_classes': 4}
        )
        samples.append(sample)
    return {'inputs': inputs, 'data_samples': samples}


def preprocess(generator, batch=None, training=True):
    return generator.data_preprocessor(copy.deepcopy(batch or raw_batch()), training=training)


def parameters(module):
    return sum(p.numel() for p in module.parameters())


@pytest.mark.parametrize('backbone', [HOURGLASS, RESNET], ids=['hourglass', 'resnet'])
@pytest.mark.parametrize('use_probability', [True, False])
def test_every_parameter_gets_a_gradient(backbone, use_probability):
    head = HOURGLASS_HEAD if backbone is HOURGLASS else head_config('fcn', num_classes=2)
    generator = build(backbone=backbone, decode_head=head, use_probability=use_probability)
    generator.set_partner(partner() if use_probability else None)
    total, log = generator.parse_losses(generator.loss(**preprocess(generator)))
    total.backward()
    assert [name for name, p in generator.named_parameters() if p.grad is None or not p.grad.isfinite().all()] == []
    assert torch.equal(total, log['loss_mask'])


def test_the_loss_is_the_cross_entropy_on_every_fourth_pixel():
    generator = build(use_probability=False).eval()
    data = preprocess(generator)
    losses = generator.loss(**data)
    boxes = torch.zeros(2, 1, 32, 48)
    boxes[:, :, 4:20, 8:30] = 1
    logits = generator._forward(torch.cat([boxes, data['inputs']], dim=1))
    labels = torch.stack([sample.gt_sem_seg.data[0] for sample in data['data_samples']]).long()[:, ::4, ::4]
    assert (labels[0] == 255).sum() == 4  # one row of the object
    assert (labels[1] == 255).sum() == 4 + 12 + 7  # and, in the padding, a row and a column
    torch.testing.assert_close(losses['loss_mask'], partial_cross_entropy(logits, labels))
    masks = (logits.argmax(1) == 1) & (boxes[:, 0, ::4, ::4] > 0) & (labels != 255)
    truth, filled = labels == 1, (boxes[:, 0, ::4, ::4] > 0) & (labels != 255)
    assert losses['mask_iou'] == (masks & truth).sum() / (masks | truth).sum()
    assert losses['box_iou'] == (filled & truth).sum() / (filled | truth).sum()


def test_the_iou_of_a_batch_without_an_object_or_a_box_is_0():
    generator = build(use_probability=False).eval()
    data = preprocess(generator)
    for sample in data['data_samples']:
        sample.gt_sem_seg.data.zero_()
        sample.gt_maps.box_map.zero_()
    losses = generator.loss(**data)
    assert (losses['mask_iou'].item(), losses['box_iou'].item()) == (0.0, 0.0)


@pytest.mark.parametrize('size', [(32, 48), (20, 28)])  # padded by the preprocessor, or by the generator itself
def test_padding_has_no_effect_on_the_loss(size):
    generator = build(use_probability=False, data_preprocessor={**PREPROCESSOR, 'size': size})
    data = preprocess(generator, raw_batch(sizes=((20, 28),), class_ids=(1,)))
    logits = torch.randn(1, 2, 8, -(-size[1] // 16) * 4)
    spoilt = logits.clone()
    spoilt[:, :, 5:] = torch.nan
    spoilt[:, :, :, 7:] = torch.inf
    spoilt.requires_grad_()
    results = []
    for value in (logits, spoilt):
        generator._forward = lambda inputs, value=value: value
        results.append(generator.loss(**copy.deepcopy(data))['loss_mask'])
    assert torch.equal(results[0], results[1])
    results[1].backward()
    assert spoilt.grad.isfinite().all()
    assert (spoilt.grad[:, :, 5:] == 0).all()
    assert (spoilt.grad[:, :, :, 7:] == 0).all()
    assert (spoilt.grad[:, :, 2:5, 2:7] != 0).all()


def test_amp():
    generator = build()
    generator.set_partner(partner())
    data = preprocess(generator)
    exact = generator.loss(**copy.deepcopy(data))['loss_mask']
    with torch.autocast('cpu', torch.bfloat16):
        loss = generator.loss(**data)['loss_mask']
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, exact, rtol=0.03, atol=0.01)
    loss.backward()
    assert all(p.grad.isfinite().all() for p in generator.parameters())


@pytest.mark.parametrize('seed', SEEDS)
def test_it_learns_one_image(seed):
    torch.manual_seed(seed)
    generator = build(use_probability=False)
    batch = raw_batch(sizes=((32, 48),), class_ids=(1,))
    batch['inputs'][0][:, 4:20, 8:24] = 255
    data = preprocess(generator, batch)
    labels = data['data_samples'][0].gt_sem_seg.data[0, ::4, ::4]
    scores = []
    generator.decode_head.conv_seg.register_forward_hook(lambda module, inputs, logits: scores.append(logits))

    def learned(losses):
        margin = (scores[-1][0, 1] - scores[-1][0, 0]).detach()
        return losses[-1] < 0.2 and margin[labels == 1].min() > margin[labels == 0].max() + 1

    descend(
        lambda: generator.loss(**copy.deepcopy(data))['loss_mask'],
        torch.optim.Adam(generator.parameters(), 0.01),
        until=learned,
        at_most=80,
    )


def test_the_partner_is_no_part_of_the_generator():
    generator = build()
    names, count = set(generator.state_dict()), parameters(generator)
    other = partner().train()
    generator.set_partner(other)
    generator.train()
    assert set(generator.state_dict()) == names
    assert parameters(generator) == count
    assert not any(module is other for module in generator.modules())
    assert generator.partner is other
    assert not other.training
    assert not any(p.requires_grad for p in other.parameters())
    weights = copy.deepcopy(other.state_dict())
    generator.loss(**preprocess(generator))['loss_mask'].backward()
    assert all(torch.equal(weights[key], value) for key, value in other.state_dict().items())


@pytest.mark.parametrize('kind', ['SegDataPreProcessor', 'UnitRangePreProcessor'])
@pytest.mark.parametrize('bgr_to_rgb', [True, False])
def test_the_partner_sees_the_image_as_it_was_trained(bgr_to_rgb, kind):
    generator = build()
    settings = {**model_config()['data_preprocessor'], 'type': kind, 'bgr_to_rgb': bgr_to_rgb, 'size': (32, 48)}
    other = partner(data_preprocessor=settings).eval()
    generator.set_partner(other)
    batch = raw_batch()
    theirs = other.data_preprocessor(copy.deepcopy(batch), training=True)['inputs']
    logits = F.interpolate(other.decode_head(other.extract_feat(theirs)), (32, 48), mode='bilinear', align_corners=True)
    expected = logits.softmax(dim=1)
    data = preprocess(generator, batch)
    _, probabilities = generator._maps(**{'inputs': data['inputs'], 'data_samples': data['data_samples']})
    assert probabilities.shape == (2, 1, 32, 48)
    torch.testing.assert_close(probabilities[0, 0], expected[0, 2], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(probabilities[1, 0], expected[1, 3], rtol=1e-4, atol=1e-5)
    image = data['inputs'][:1]
    torch.testing.assert_close(generator.class_probabilities(image)[0], expected[0], rtol=1e-4, atol=1e-5)


def test_the_partner_sees_an_image_of_any_size_padded_as_it_needs():
    settings = {**model_config()['data_preprocessor'], 'test_cfg': {'size_divisor': 64}}
    generator, other = build(), partner(data_preprocessor=settings).eval()
    generator.set_partner(other)
    image = torch.randn(1, 3, 40, 50) * 50
    seen = []
    other.backbone.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    probabilities = generator.class_probabilities(image)
    assert [tuple(x.shape) for x in seen] == [(1, 3, 64, 64)]
    assert seen[0][:, :, 40:].count_nonzero() == seen[0][..., 50:].count_nonzero() == 0
    logits = F.interpolate(other(seen[0]), (64, 64), mode='bilinear', align_corners=True)
    torch.testing.assert_close(probabilities, logits.softmax(dim=1)[:, :, :40, :50])


def test_the_channels_are_probability_boxes_image():
    generator = build().eval()
    seen = []
    generator.backbone.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    image, boxes, probs = torch.randn(1, 3, 16, 16), torch.ones(1, 1, 16, 16), torch.rand(1, 1, 16, 16)
    generator.generate(image, boxes, probs)
    assert torch.equal(seen[0], torch.cat([probs, boxes, image], dim=1))


def test_a_missing_or_wrong_partner_is_named():
    generator = build()
    data = preprocess(generator)
    with pytest.raises(RuntimeError, match=r'no segmentor gives it: call set_partner\(segmentor\) \(LPGStageHook does'):
        generator.loss(**data)
    with pytest.raises(TypeError, match='must be a segmentor with one decode head, such as EncoderDecoder, got Linear'):
        generator.set_partner(torch.nn.Linear(1, 1))
    generator.set_partner(partner(num_classes=3))
    with pytest.raises(ValueError, match='class 3 is not one of the 3 classes of the partner'):
        generator.loss(**data)
    generator.set_partner(None)
    assert (generator.partner, generator.has_partner) == (None, False)
    with pytest.raises(RuntimeError, match='no segmentor gives it'):
        generator.class_probabilities(data['inputs'])


def test_a_generator_without_its_partner_can_be_traced():
    generator = build().eval()
    stacked = torch.randn(1, 5, 32, 32)
    traced = torch.jit.trace(generator, stacked)
    torch.testing.assert_close(traced(stacked), generator(stacked))


@pytest.mark.parametrize('size', [(32, 48), (17, 33), (5, 3)])
def test_generate_is_the_enlarged_output_of_the_padded_input(size):
    generator = build(use_probability=False).eval()
    image, boxes = torch.randn(2, 3, *size), torch.ones(2, 1, *size)
    logits = generator.generate(image, boxes)
    assert logits.shape == (2, 2, *size)
    height, width = -(-size[0] // 16) * 16, -(-size[1] // 16) * 16
    stacked = torch.zeros(2, 4, height, width)
    stacked[..., : size[0], : size[1]] = torch.cat([boxes, image], dim=1)
    small = generator.decode_head(generator.backbone(stacked))
    whole = F.interpolate(small, (height, width), mode='bilinear', align_corners=True)
    torch.testing.assert_close(logits, whole[..., : size[0], : size[1]])


def test_predict_marks_the_object_inside_the_boxes_alone():
    generator = build(use_probability=False).eval()
    with torch.no_grad():
        generator.decode_head.conv_seg.bias.copy_(torch.tensor([-5.0, 5.0]))  # object everywhere
    data = preprocess(generator, raw_batch(sizes=((27, 41),), class_ids=(1,)), training=False)
    (sample,) = generator.predict(**data)
    expected = torch.zeros(27, 41, dtype=torch.long)
    expected[4:20, 8:30] = 1
    assert torch.equal(sample.pred_sem_seg.data[0], expected)
    assert sample.seg_logits.data.isfinite().all()
    with pytest.raises(ValueError, match='predicts from boxes'):
        generator.predict(data['inputs'])


@pytest.mark.parametrize(
    ('use_probability', 'image', 'boxes', 'probs', 'message'),
    [
        (True, (1, 3, 8, 8), (1, 1, 8, 8), None, r'use_probability=True\) got no probabilities'),
        (False, (1, 3, 8, 8), (1, 1, 8, 8), (1, 1, 8, 8), r'use_probability=False\) got probabilities'),
        (False, (1, 3, 8, 8), (1, 1, 8, 9), None, r'of the same size, got \(1, 3, 8, 8\) and \[\(1, 1, 8, 9\)\]'),
        (False, (2, 3, 8, 8), (1, 1, 8, 8), None, 'of the same size'),
        (False, (1, 1, 8, 8), (1, 1, 8, 8), None, r'expected images \(N, 3, H, W\)'),
    ],
)
def test_wrong_inputs_are_named(use_probability, image, boxes, probs, message):
    generator = build(use_probability=use_probability)
    with pytest.raises(ValueError, match=message):
        generator.generate(torch.zeros(image), torch.zeros(boxes), None if probs is None else torch.zeros(probs))


def test_samples_without_boxes_or_class_are_named():
    generator = build(use_probability=False)
    for key in ('gt_maps', 'class_id'):
        data = preprocess(generator)
        delattr(data['data_samples'][1], key)
        with pytest.raises(ValueError, match="has no class_id or no 'box_map': use ClassMaskDataset"):
            generator.loss(**data)


@pytest.mark.parametrize(
    ('changes', 'kind', 'message'),
    [
        (
            {'backbone': {**HOURGLASS, 'in_channels': 4}},
            ValueError,
            'the generator reads 5 channels: omit in_channels',
        ),
        (
            {'decode_head': {**HOURGLASS_HEAD, 'num_classes': 3}},
            ValueError,
            r'num_classes must be 2 \(outside, object\), got 3',
        ),
        ({'decode_head': {**HOURGLASS_HEAD, 'num_classes': 2, 'out_channels': 1}}, TypeError, 'out_channels'),
    ],
)
def test_wrong_settings_are_named(changes, kind, message):
    with pytest.raises(kind, match=message):
        build(**changes)


def test_weights_for_other_inputs_are_refused_however_they_are_loaded(tmp_path):
    five, four = build(), build(use_probability=False)
    message = 'holds a generator of 4 input channels .without the probability of the class., expected 5 .with it.'
    with pytest.raises(ValueError, match=message):
        five.load_state_dict(four.state_dict())
    torch.save({'state_dict': four.state_dict(), 'meta': {}}, tmp_path / 'four.pth')
    with pytest.raises(ValueError, match=message):
        load_checkpoint(five, str(tmp_path / 'four.pth'), map_location='cpu')
    other = build(use_probability=False)
    load_checkpoint(other, str(tmp_path / 'four.pth'), map_location='cpu')
    assert all(torch.equal(value, four.state_dict()[key]) for key, value in other.state_dict().items())


@pytest.mark.parametrize(
    ('changes', 'settings', 'message'),
    [
        ({}, {'in_channels': 4}, r'a.pth holds a generator of 5 input channels \(with it\), expected 4'),
        ({}, {'in_channels': 5, 'rounds': (1, 3)}, 'is the generator of round 2, expected round 1 or round 3'),
        (
            {'meta': {}},
            {'in_channels': 5, 'rounds': (1,)},
            "does not have a round .'lpg_stage' in its meta",
        ),
        ({'state_dict': {}}, {'in_channels': 5}, 'a.pth is not a checkpoint of a MaskGenerator'),
    ],
)
def test_a_wrong_checkpoint_is_named(changes, settings, message):
    checkpoint = {'state_dict': build().state_dict(), 'meta': {'lpg_stage': 2}}
    check_generator_checkpoint(checkpoint, in_channels=5, rounds=(2,))
    with pytest.raises(ValueError, match=message):
        check_generator_checkpoint({**checkpoint, **changes}, source='a.pth', **settings)
