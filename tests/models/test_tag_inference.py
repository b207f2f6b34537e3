import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmcv.transforms import Compose
from mmengine.config import ConfigDict
from mmengine.dataset import pseudo_collate
from mmengine.structures import PixelData
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.registry import MODELS, TRANSFORMS
from mmseg.structures import SegDataSample
from torch import nn

from mmseg_wsss.functional import focal_mask_penalty, ngwp
from mmseg_wsss.models.segmentors import TagEncoderDecoder, WeakSegTTAModel
from tests.helpers.models import LOSSES, head_config, model_config, raw_batch

CLASSES = 4


class Pixels(nn.Module):
    """A backbone without context: what it says of a pixel depends on that pixel alone."""

    def __init__(self, stride=1):
        super().__init__()
        self.stride = stride

    def forward(self, x):
        return (F.avg_pool2d(x, self.stride),)


class ColourHead(BaseDecodeHead):
    """Logits are linear in the colours."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        matrix = torch.randn(self.num_classes, 3, 1, 1, generator=torch.Generator().manual_seed(3))
        self.conv_seg.weight.data.copy_(2 * matrix)
        self.conv_seg.bias.data.zero_()

    def forward(self, inputs):
        return self.cls_seg(inputs[-1])


def config(stride=1, **changes):
    head = {'type': ColourHead, 'in_channels': 3, 'channels': 3, 'num_classes': CLASSES, 'align_corners': True}
    settings = {'type': 'TagEncoderDecoder', 'backbone': {'type': Pixels, 'stride': stride}}
    return model_config(head | {'dropout_ratio': 0}, size=None, **{**settings, **changes})


def build(**changes):
    cfg = config(**changes)
    del cfg['data_preprocessor']['size']
    return MODELS.build(cfg).eval()


def predict(model, batch):
    with torch.no_grad():
        return model.test_step({key: copy.deepcopy(value) for key, value in batch.items()})


def batch_of(sizes=((16, 24),), seed=0):
    batch = raw_batch(sizes, num_classes=CLASSES, seed=seed)
    for sample, (height, width) in zip(batch['data_samples'], sizes, strict=True):
        sample.set_metainfo({'img_path': 'a.jpg', 'ori_shape': (height, width), 'img_shape': (height, width)})
    return batch


def maps_of(model, image):
    """Logits at the head's resolution, probabilities and scores of one image (3, h, w), 0 to 255 BGR."""
    data = model.data_preprocessor({'inputs': [image], 'data_samples': [SegDataSample()]}, False)
    with torch.no_grad():
        logits = model.decode_head.forward(model.extract_feat(data['inputs']))
    probs = logits.softmax(1)
    score = ngwp(logits[:, 1:], probs[:, 1:]) + focal_mask_penalty(probs[:, 1:])
    return logits, probs, score.sigmoid()[0]


def assert_are_highest(labels, scores):
    """Each label has the highest score (C, h, w) of its pixel; of two that differ by rounding alone, either."""
    chosen = scores.gather(0, labels[None])[0]
    assert (chosen >= (1 - 1e-4) * scores.amax(0)).all()


@pytest.mark.parametrize('threshold', [0.05, 0.3, 0.6, 1.0])
def test_prediction_by_hand(threshold):
    batch = batch_of()
    model = build(stride=4, score_threshold=threshold, background_power=3.0)
    (sample,) = predict(model, batch)
    _, probs, scores = maps_of(model, batch['inputs'][0])
    torch.testing.assert_close(sample.class_scores, scores)
    probs = F.interpolate(probs, (16, 24), mode='bilinear', align_corners=True)[0]
    torch.testing.assert_close(sample.seg_logits.data.exp(), probs)
    pruned = probs.clone()
    pruned[0] = probs[0] ** 3
    for index in range(1, CLASSES):
        if scores[index - 1] <= threshold:
            pruned[index] = 0
    assert_are_highest(sample.pred_sem_seg.data[0], pruned)
    assert sample.pred_sem_seg.data.shape == (1, 16, 24)
    assert sample.inference_switches == {'tags': 'predicted', 'background_power': 3.0, 'views': 1, 'refiner': None}


def test_thresholds_differ_in_what_they_keep():
    batch = batch_of()
    present = {
        threshold: set(predict(build(score_threshold=threshold), batch)[0].pred_sem_seg.data.unique().tolist())
        for threshold in (0.0, 0.5, 1.0)
    }
    assert present[1.0] == {0} < present[0.5] <= present[0.0]
    assert len(present[0.0]) == CLASSES


def test_zero_threshold_and_power_of_one_are_plain_inference():
    batch = batch_of(((16, 24), (16, 24)))
    tagged = build(stride=2, score_threshold=0.0, background_power=1.0)
    for sample, image in zip(predict(tagged, batch), batch['inputs'], strict=True):
        probs = F.interpolate(maps_of(tagged, image)[1], (16, 24), mode='bilinear', align_corners=True)[0]
        assert_are_highest(sample.pred_sem_seg.data[0], probs)


def test_a_strong_background_needs_the_power():
    batch = batch_of()
    shares = []
    for power in (0.3, 1.0, 3.0):
        (sample,) = predict(build(score_threshold=0.0, background_power=power), batch)
        shares.append((sample.pred_sem_seg.data == 0).float().mean().item())
    assert shares[0] > shares[1] > shares[2]


@pytest.mark.parametrize('kind', ['data', 'metainfo'])
def test_known_tags_replace_the_scores(kind):
    batch = batch_of()
    sample = batch['data_samples'][0]
    if kind == 'data':
        sample.set_data({'gt_tags': torch.tensor([2])})
    else:
        sample.set_metainfo({'gt_tags': np.array([2])})
    (result,) = predict(build(known_tags=True, score_threshold=1.0), batch)
    assert set(result.pred_sem_seg.data.unique().tolist()) == {0, 2}
    assert result.inference_switches['tags'] == 'known'


@pytest.mark.parametrize(
    ('tags', 'message'),
    [
        (None, r'known_tags=True, but the sample a.jpg has no gt_tags: put LoadImageTags'),
        ([0], r'a.jpg: tags are foreground classes, 1 to 3, got \[0\]'),
        ([1, 4], r'1 to 3, got \[1, 4\]'),
    ],
)
def test_missing_and_wrong_tags_are_named(tags, message):
    batch = batch_of()
    if tags is not None:
        batch['data_samples'][0].set_data({'gt_tags': torch.tensor(tags)})
    with pytest.raises(ValueError, match=message):
        predict(build(known_tags=True), batch)


def test_an_image_that_is_known_to_be_empty_is_background():
    batch = batch_of()
    batch['data_samples'][0].set_data({'gt_tags': torch.zeros(0, dtype=torch.long)})
    (result,) = predict(build(known_tags=True), batch)
    assert (result.pred_sem_seg.data == 0).all()


def test_inputs_without_samples_are_predicted_at_their_size():
    model = build(stride=2, known_tags=True, score_threshold=0.0)  # nothing is pruned
    inputs = torch.randn(2, 3, 12, 10)
    with torch.no_grad():
        results = model(inputs, None, mode='predict')
    assert [result.pred_sem_seg.data.shape for result in results] == [(1, 12, 10)] * 2
    assert results[0].inference_switches['tags'] is None


def test_padding_has_no_part_in_scores_and_map():
    batch = batch_of(((13, 17),))
    plain, padded = (
        build(data_preprocessor={**config()['data_preprocessor'], 'size': None, 'test_cfg': test_cfg})
        for test_cfg in (None, {'size_divisor': 32})
    )
    (expected,), (result,) = predict(plain, batch), predict(padded, batch)
    torch.testing.assert_close(result.class_scores, expected.class_scores)
    assert (result.pred_sem_seg.data == expected.pred_sem_seg.data).float().mean() > 0.99


def test_windows_count_as_views():
    image = torch.zeros(3, 16, 32, dtype=torch.uint8)
    image[:, :, 20:] = torch.tensor([200, 30, 120], dtype=torch.uint8).view(3, 1, 1)
    batch = batch_of(((16, 32),))
    batch['inputs'] = [image]
    test_cfg = {'mode': 'slide', 'crop_size': (16, 16), 'stride': (16, 16)}
    whole = build()
    sliding = build(test_cfg=ConfigDict(test_cfg))
    (result,) = predict(sliding, batch)
    windows = torch.stack([maps_of(whole, part)[2] for part in (image[..., :16], image[..., 16:])])
    torch.testing.assert_close(result.class_scores, windows.amax(0))
    torch.testing.assert_close(result.seg_logits.data, predict(whole, batch)[0].seg_logits.data, rtol=1e-4, atol=1e-4)


def test_mixed_precision():
    model = build(stride=2)
    batch = batch_of()
    (exact,) = predict(model, batch)
    with torch.autocast('cpu', torch.bfloat16):
        (result,) = predict(model, batch)
    assert result.seg_logits.data.dtype == torch.float32
    torch.testing.assert_close(result.class_scores, exact.class_scores, rtol=0.05, atol=0.01)


def test_real_head_trains_and_predicts():
    head = {'type': 'NGWPHead', 'in_channels': 64, 'num_classes': 3}
    model = MODELS.build(
        model_config(head, type='TagEncoderDecoder', losses={**LOSSES, 'loss_tags': {'type': 'ImageTagLoss'}})
    )
    batch = raw_batch()
    for sample in batch['data_samples']:
        sample.set_data({'gt_tags': torch.tensor([1])})
    data = model.data_preprocessor(copy.deepcopy(batch), training=True)
    total, _ = model.parse_losses(model.train().loss(**data))
    total.backward()
    results = predict(model.eval(), batch)
    assert results[1].class_scores.shape == (2,)


def pipeline(scales, flips, **resize):
    """The pipeline of test-time augmentation, on an image that is at hand."""
    keys = ('img_path', 'ori_shape', 'img_shape', 'pad_shape', 'scale_factor', 'flip', 'flip_direction')
    steps = {
        'type': 'TestTimeAug',
        'transforms': [
            [{'type': 'Resize', 'scale_factor': scale, 'keep_ratio': True, **resize} for scale in scales],
            [{'type': 'RandomFlip', 'prob': float(flip), 'direction': 'horizontal'} for flip in flips],
            [{'type': 'PackSegInputs', 'meta_keys': keys}],
        ],
    }
    return Compose([TRANSFORMS.build(steps)])


def augmented(image, scales, flips):
    """One image, (h, w, 3) uint8, as the data loader of test-time augmentation gives it."""
    mask = np.zeros(image.shape[:2], dtype=np.uint8)
    results = {'img': image, 'img_path': 'a.jpg', 'ori_shape': image.shape[:2], 'img_shape': image.shape[:2]}
    views = pipeline(scales, flips)({**results, 'gt_seg_map': mask, 'seg_fields': []})
    return pseudo_collate([views])


def merge(model, image, scales, flips):
    with torch.no_grad():
        return WeakSegTTAModel(model).test_step(augmented(image, scales, flips))[0]


def smooth_image(size=(24, 40), seed=0):
    coarse = np.random.default_rng(seed).uniform(0, 255, (4, 5, 3))
    image = F.interpolate(torch.from_numpy(coarse).permute(2, 0, 1)[None], size, mode='bicubic', align_corners=False)
    return image[0].permute(1, 2, 0).clamp(0, 255).round().byte().numpy()


@pytest.mark.parametrize('scales', [(1.0,), (0.5, 1.0), (1.0, 0.5, 1.5, 2.0), (2.0, 0.75)])
def test_flips_change_nothing_for_a_network_that_does_not_mind(scales):
    image = smooth_image()
    for model in (build(), build(type='WeakEncoderDecoder')):
        plain, mirrored, both = (merge(model, image, scales, flips) for flips in ([False], [True], [False, True]))
        for other in (mirrored, both):
            torch.testing.assert_close(other.seg_logits.data, plain.seg_logits.data, rtol=1e-4, atol=1e-5)
            agree = (other.pred_sem_seg.data == plain.pred_sem_seg.data).float().mean()
            assert agree > 0.999
        if isinstance(model, TagEncoderDecoder):
            torch.testing.assert_close(both.class_scores, plain.class_scores)
            assert both.inference_switches['views'] == 2 * len(scales)


def test_merged_sample_is_the_mean_of_all_views_and_the_largest_score():
    image = smooth_image(seed=1)
    model = build(stride=4, score_threshold=0.4, background_power=2.0)
    scales = (1.0, 0.5, 2.0)
    merged = merge(model, image, scales, [False, True])
    maps, scores = [], []
    for scale in scales:
        for flip in (False, True):
            view = augmented(image, [scale], [flip])['inputs'][0][0]
            _, probs, score = maps_of(model, view)
            probs = F.interpolate(probs, view.shape[1:], mode='bilinear', align_corners=True)
            probs = probs.flip(3) if flip else probs
            maps.append(F.interpolate(probs, image.shape[:2], mode='bilinear', align_corners=False)[0])
            scores.append(score)
    mean, largest = torch.stack(maps).mean(0), torch.stack(scores).amax(0)
    torch.testing.assert_close(merged.seg_logits.data.exp(), mean, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(merged.class_scores, largest)
    mean[0] = mean[0] ** 2
    mean[1:][largest <= 0.4] = 0
    assert_are_highest(merged.pred_sem_seg.data[0], mean)
    assert model._decides


def test_every_view_counts_the_same_in_any_order():
    image = smooth_image(seed=2)
    first = merge(build(), image, (1.0, 0.5), [False, True])
    second = merge(build(), image, (0.5, 1.0), [True, False])
    torch.testing.assert_close(first.seg_logits.data, second.seg_logits.data, rtol=1e-4, atol=1e-4)
    single = merge(build(), image, (1.0,), [False])
    assert not torch.allclose(first.seg_logits.data, single.seg_logits.data)


def test_a_wrong_merge_is_seen_with_a_network_that_does_mind():
    """A network that looks at columns: the mean of both views is symmetric, one view is not."""

    class Columns(Pixels):
        def forward(self, x):
            ramp = torch.linspace(-2, 2, x.shape[3]).view(1, 1, 1, -1)
            return (x * 0 + ramp,)

    model = build(backbone={'type': Columns})
    image = smooth_image()
    one = merge(model, image, (1.0,), [False]).seg_logits.data
    mirrored = merge(model, image, (1.0,), [True]).seg_logits.data
    both = merge(model, image, (1.0,), [False, True]).seg_logits.data
    torch.testing.assert_close(mirrored, one.flip(2), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(both, both.flip(2), rtol=1e-4, atol=1e-4)
    assert not torch.allclose(one, one.flip(2))


def test_ground_truth_stays_on_the_merged_sample():
    image = smooth_image()
    data = augmented(image, (1.0,), [False, True])
    for views in data['data_samples']:
        views[0].set_data({'gt_sem_seg': PixelData(data=torch.zeros(1, 24, 40))})
    merged = WeakSegTTAModel(build()).test_step(data)[0]
    assert merged.gt_sem_seg.data.shape == (1, 24, 40)
    assert merged.img_path == 'a.jpg'


class Negative(nn.Module):
    """A refiner that reverses the masks and remembers its picture."""

    calls = ()

    def forward(self, masks, image):
        self.calls = (*self.calls, (masks, image))
        return 1 - masks


def test_refiner_sees_the_pruned_masks_and_the_picture_of_the_file_once():
    image = smooth_image(seed=4)
    model = build(refiner={'type': Negative}, stride=2)
    merged = merge(model, image, (0.5, 1.0, 2.0), [False, True])
    ((masks, picture),) = model.refiner.calls
    assert np.abs(picture[0].permute(1, 2, 0).numpy()[..., ::-1] * 255 - image).max() < 1e-3
    assert torch.equal(merged.pred_sem_seg.data, (1 - masks).argmax(1))
    assert masks.shape == (1, CLASSES, 24, 40)
    absent = (merged.class_scores <= 0.1).nonzero().flatten() + 1
    assert (masks[0, absent] == 0).all()
    assert merged.inference_switches['refiner'] == 'Negative'
    assert 'photo' not in merged
    batch = batch_of(((24, 40),)) | {'inputs': [torch.from_numpy(image).permute(2, 0, 1)]}
    (alone,) = predict(model, batch)
    assert len(model.refiner.calls) == 2
    assert alone.inference_switches['views'] == 1


def test_tta_refuses_other_segmentors():
    cfg = model_config('fcn', type='EncoderDecoder')
    del cfg['losses']
    with pytest.raises(TypeError, match='WeakSegTTAModel merges the views of a WeakEncoderDecoder; for EncoderDecoder'):
        WeakSegTTAModel(MODELS.build(cfg))


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'score_threshold': 1.2}, r'score_threshold must be in \[0, 1\], got 1.2'),
        ({'background_power': 0}, 'background_power must be a finite number above 0, got 0'),
    ],
)
def test_bad_settings(changes, message):
    with pytest.raises(ValueError, match=message):
        build(**changes)


def test_settings_are_those_of_the_loss_by_default_and_any_head_fits():
    model = MODELS.build(model_config(head_config('fcn'), type='TagEncoderDecoder'))
    assert type(model.score_pooling).__name__ == 'NGWPPooling'
    assert (model.score_threshold, model.background_power, model.known_tags) == (0.1, 3.0, False)
    pooling = {'type': 'AveragePooling'}
    pooled = MODELS.build(model_config('fcn', type='TagEncoderDecoder', score_pooling=pooling)).eval()
    batch = raw_batch()
    result = predict(pooled, batch)[0]
    data = pooled.data_preprocessor(copy.deepcopy(batch), False)
    logits = pooled.decode_head(pooled.extract_feat(data['inputs']))
    torch.testing.assert_close(result.class_scores, logits[0, 1:].mean((1, 2)).sigmoid())


def test_scores_are_pooled_as_the_losses_pool():
    def model(*poolings, **settings):
        losses = {f'loss_{i}': {'type': 'ImageTagLoss', 'pooling': {'type': kind}} for i, kind in enumerate(poolings)}
        return MODELS.build(model_config('fcn', type='TagEncoderDecoder', losses=losses, **settings))

    assert type(model('AveragePooling', 'AveragePooling').score_pooling).__name__ == 'AveragePooling'
    with pytest.raises(ValueError, match='pool the logits in different ways: set score_pooling'):
        model('AveragePooling', 'MaxPooling')
    chosen = model('AveragePooling', 'MaxPooling', score_pooling={'type': 'MaxPooling'})
    assert type(chosen.score_pooling).__name__ == 'MaxPooling'


@pytest.mark.parametrize(
    ('settings', 'name'),
    [({'score_threshold': '0.1'}, 'score_threshold'), ({'background_power': '3'}, 'background_power')],
)
def test_settings_as_text_are_named(settings, name):
    with pytest.raises(TypeError, match=f'{name} must be a number'):
        build(**settings)
