"""Losses, gradients, predictions and names of weights of every segmentor; what is rearranged must keep them.

The numbers in ``pinned_segmentors.json`` are what ``python -m tests.test_pinned_segmentors`` prints. The
networks run in float64, with weights and images that no library draws; parts that work in float32 whatever they get
leave about six digits.
"""

import copy
import json
import re
from contextlib import nullcontext
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import nn

from mmseg_wsss.models.segmentors import WeakSegTTAModel

FILE = Path(__file__).with_name('pinned_segmentors.json')
CLASSES = 4
WHOLE = ConfigDict(mode='whole')
SLIDE = ConfigDict(mode='slide', crop_size=(16, 16), stride=(8, 12))


class TwoLevels(nn.Module):
    """Features of stride 2 and 4."""

    def __init__(self, in_channels=3):
        super().__init__()
        self.fine = nn.Conv2d(in_channels, 6, 3, stride=2, padding=1)
        self.coarse = nn.Conv2d(6, 8, 3, stride=2, padding=1)

    def forward(self, x):
        fine = torch.tanh(self.fine(x))
        return fine, torch.tanh(self.coarse(fine))


FCN = {'type': 'FCNHead', 'num_convs': 1, 'concat_input': False, 'channels': 5}
NGWP = {'type': 'NGWPHead', 'channels': 8}
CAM = {'type': 'CAMHead'}
PYRAMID = {'type': 'DeepLabV2Head', 'dilations': (1, 2)}
AFFINITY = {'type': 'AffinityHead', 'in_channels': (6, 8), 'in_index': (0, 1), 'widths': (4, 5), 'num_classes': CLASSES}
CE = {'type': 'PartialCrossEntropyLoss'}
SAMPLED = {'type': 'ImportanceSamplingLoss', 'expectation': True}
HIGHEST = {'type': 'ImportanceSamplingLoss', 'weight': 0.0, 'pooling': 'max'}
CORRELATION = {'in_index': (0,), 'in_channels': (6,), 'channels': (4,)}
REFINER = {'type': 'PAMR', 'num_iters': 2, 'dilations': (1, 2)}
EASILY_SURE = {'type': 'ConfidentLabels', 'foreground_ratio': 0.8, 'background_ratio': 0.8, 'min_confidence': 0.02}
SEAM = {
    'loss_tags': {'type': 'MultiViewLoss', 'loss': SAMPLED},
    'loss_max': {'type': 'MultiViewLoss', 'views': ['refined', 'second_refined'], 'loss': HIGHEST},
    'loss_equivariance': {'type': 'EquivariantRegularizationLoss'},
}
WEAK = {
    'loss_ce': CE,
    'crf': {'type': 'GatedCRFLoss', 'radius': 2},
    'loss_tags': {'type': 'ImageTagLoss'},
    'loss_masks': {'type': 'PseudoMaskLoss', 'refiner': REFINER, 'pseudo_labels': EASILY_SURE},
}
SCALES = {
    'loss_ce': {**CE, 'resolution': 'logits'},
    'similarity': {'type': 'FeatureSimilarityLoss', 'sigma': 2.0, 'learn_mu': True},
}


def head(settings, level=1, **changes):
    shared = {'in_channels': (6, 8)[level], 'in_index': level, 'num_classes': CLASSES, 'dropout_ratio': 0}
    return {**shared, 'align_corners': True, **settings, **changes}


def network(decode_head, losses, **changes):
    preprocessor = {
        'type': 'SegDataPreProcessor',
        'mean': [123.675, 116.28, 103.53],
        'std': [58.395, 57.12, 57.375],
        'bgr_to_rgb': True,
        'size': (24, 32),
        'test_cfg': {'size_divisor': 8},
    }
    settings = {'data_preprocessor': preprocessor, 'backbone': {'type': TwoLevels}, 'decode_head': decode_head}
    if 'type' not in changes:
        changes = {'type': 'WeakEncoderDecoder', 'test_cfg': WHOLE, **changes}
    return {**settings, 'losses': losses, **changes}


TAGS = {'loss_tags': {'type': 'ImageTagLoss'}}
AVERAGE = {'type': 'AveragePooling'}
HIGHEST_PROB = {'type': 'MaxProbPooling'}
ALIKE = {'loss_affinity': {'type': 'AffinityLoss', 'radius': 3}}
MODEL_CONFIGS = {
    'weak': network(head(FCN), WEAK, auxiliary_head=head(FCN, 0)),
    'tag': network(head(NGWP), TAGS, decision={'type': 'TagDecision'}),
    'tag_refined': network(
        head(CAM), {'loss_ce': CE},
        decision={
            'type': 'TagDecision', 'refiner': REFINER, 'background_power': 1.5, 'pooling': AVERAGE,
            'score_threshold': 0.45,
        },
    ),
    'tag_known': network(head(CAM), {'loss_ce': CE}, decision={'type': 'TagDecision', 'known_tags': True}),
    'tag_all': network(
        head(CAM), {'loss_ce': CE},
        decision={'type': 'TagDecision', 'score_threshold': 0.0, 'background_power': 1.0, 'pooling': HIGHEST_PROB},
    ),
    'tag_slide': network(
        head(CAM), {'loss_ce': CE}, decision={'type': 'TagDecision', 'pooling': {'type': 'MaxPooling'}}, test_cfg=SLIDE
    ),
    'siamese': network(
        head(CAM), SEAM,
        views={'type': 'SiameseViews', 'scale': 0.5, 'pixel_correlation': CORRELATION},
        decision={'type': 'TagDecision', 'background_power': 1.2, 'score_threshold': 0.6},
    ),
    'multi_scale': network(head(PYRAMID), SCALES, views={'type': 'MultiScaleViews', 'scales': (0.5, 0.75)}),
    'affinity': network(AFFINITY, ALIKE, type='AffinityNetwork'),
}  # fmt: skip
OLD_NAMES = {
    'tag': {'type': 'TagEncoderDecoder'},
    'tag_refined': {
        'type': 'TagEncoderDecoder', 'refiner': REFINER, 'background_power': 1.5, 'score_pooling': AVERAGE,
        'score_threshold': 0.45,
    },
    'tag_known': {'type': 'TagEncoderDecoder', 'known_tags': True},
    'tag_all': {
        'type': 'TagEncoderDecoder', 'score_threshold': 0.0, 'background_power': 1.0, 'score_pooling': HIGHEST_PROB
    },
    'tag_slide': {'type': 'TagEncoderDecoder', 'score_pooling': {'type': 'MaxPooling'}},
    'siamese': {
        'type': 'SiameseEncoderDecoder', 'scale': 0.5, 'pixel_correlation': CORRELATION, 'background_power': 1.2,
        'score_threshold': 0.6,
    },
    'multi_scale': {'type': 'MultiScaleEncoderDecoder', 'scales': (0.5, 0.75)},
    'affinity': {'type': 'AffinityEncoderDecoder', 'test_cfg': WHOLE, 'train_cfg': {}},
}  # fmt: skip


def set_weights(module, seed):
    """Give every parameter numbers that depend on its name, its shape and the seed alone."""
    for name, parameter in module.named_parameters():
        if parameter.ndim:
            digits = np.random.RandomState([seed, *name.encode()]).uniform(-1, 1, parameter.shape)
            parameter.data = torch.from_numpy(digits * (6 / digits[0].size) ** 0.5)


def build(name, spelling='new'):
    config = copy.deepcopy(MODEL_CONFIGS[name])
    if spelling == 'old':
        config = {key: value for key, value in config.items() if key not in ('views', 'decision')} | OLD_NAMES[name]
    with pytest.warns(FutureWarning, match='is called') if spelling == 'old' else nullcontext():
        model = MODELS.build(config).double().eval()
    set_weights(model, 0)
    return model


def generator():
    model = MODELS.build(
        {
            'type': 'MaskGenerator',
            'backbone': {'type': TwoLevels},
            'decode_head': head(FCN, num_classes=2),
            'data_preprocessor': network(None, None)['data_preprocessor'],
        }
    )
    set_weights(model.double(), 4)
    model.set_partner(build('multi_scale'))
    return model.eval()


def raw_batch(sizes=((24, 32), (20, 28))):
    """Images of a few colours, patches of labels, tags and a box; the second smaller than the batch."""
    inputs, samples = [], []
    for index, (height, width) in enumerate(sizes):
        random = np.random.RandomState(index)
        coarse = random.randint(0, 256, (3, 4, 4)).repeat(8, 1).repeat(8, 2)[:, :height, :width]
        inputs.append(torch.from_numpy((coarse + random.randint(-20, 20, coarse.shape)).clip(0, 255).astype(np.uint8)))
        labels = random.choice([0, 1, 2, 3, 255], (1, 6, 7)).repeat(5, 1).repeat(5, 2)[:, :height, :width]
        boxes = np.zeros((1, height, width), dtype=np.float32)
        boxes[:, 3:17, 5:20] = 1
        sample = SegDataSample(gt_sem_seg=PixelData(data=torch.from_numpy(labels)))
        tags = torch.tensor([[1, 3], [2]][index])
        sample.set_data({'gt_tags': tags, 'gt_maps': PixelData(box_map=torch.from_numpy(boxes))})
        meta = {'img_shape': (height, width), 'ori_shape': (height, width), 'img_path': 'a.jpg', 'class_id': 1 + index}
        sample.set_metainfo(meta)
        samples.append(sample)
    return {'inputs': inputs, 'data_samples': samples}


def shown(values):
    return [float(f'{float(value.detach()):.8g}') for value in values]


LATER = ('/mu', '/sigma')
"""Statistics that are logged since the numbers were pinned."""


def trained(model):
    """Names of weights, logged values and the norm of the gradient of every parameter, of one batch."""
    batch = raw_batch()
    if type(model).__name__ == 'MaskGenerator':
        for sample in batch['data_samples']:
            data = sample.gt_sem_seg.data
            sample.gt_sem_seg.data = torch.where(data == 255, data, (data == sample.class_id).long())
    total, logged = model.parse_losses(model.loss(**model.data_preprocessor(batch, training=True)))
    total.backward()
    logged = {name: value for name, value in logged.items() if not name.endswith(LATER)}
    with_gradient = {name: p for name, p in model.named_parameters() if p.grad is not None}
    return {
        'state_dict': sorted(model.state_dict()),
        'logged': dict(zip(logged, shown(logged.values()), strict=True)),
        'gradients': dict(zip(with_gradient, shown(p.grad.norm() for p in with_gradient.values()), strict=True)),
    }


def described(sample):
    """Numbers of a predicted sample: each channel's mean, spread and some pixels, the scores, and all labels."""
    logits = sample.seg_logits.data
    numbers = torch.cat([logits.mean((1, 2)), logits.std((1, 2)), logits[:, 3::9, 5::11].flatten()])
    labels = sample.pred_sem_seg.data.squeeze(0).long()
    found = {'seg_logits': shown(numbers), 'labels': [''.join(map(str, row)) for row in labels.tolist()]}
    if 'class_scores' in sample:
        found['class_scores'] = shown(sample.class_scores)
    if 'inference_switches' in sample:
        found['inference_switches'] = sample.inference_switches
    return found


def tta_batch():
    """Three views of one image: as it is, smaller and mirrored, larger."""
    plain = raw_batch(((20, 28),))
    image, sample = plain['inputs'][0], plain['data_samples'][0]
    views, samples = [], []
    for size, flip in (((20, 28), False), ((14, 20), True), ((30, 42), False)):
        rows, columns = (torch.arange(new) * old // new for new, old in zip(size, (20, 28), strict=True))
        view = image[:, rows][:, :, columns]
        views.append([view.flip(2) if flip else view])
        mine = copy.deepcopy(sample)
        mine.set_metainfo({'img_shape': size, 'flip': flip, 'flip_direction': 'horizontal' if flip else None})
        samples.append([mine])
    return {'inputs': views, 'data_samples': samples}


@torch.no_grad()
def predicted(model):
    """What a model says of a padded images, without samples, and of three views of one."""
    alone = described(model.test_step(raw_batch(((20, 28),)))[0])
    inputs = model.data_preprocessor(raw_batch(((24, 32),)), False)['inputs']
    without_sample = described(model(inputs, None, mode='predict')[0])
    merged = described(WeakSegTTAModel(model).test_step(tta_batch())[0])
    return {'alone': alone, 'without_sample': without_sample, 'merged': merged}


@torch.no_grad()
def embedded(model):
    inputs = model.data_preprocessor(raw_batch(((24, 32),)), False)['inputs']
    return shown(torch.cat([model.embed(inputs)[0, :, 1::5, 2::7].flatten(), model(inputs).mean((0, 2, 3))]))


@torch.no_grad()
def generated(model):
    return [described(model.test_step(raw_batch((size,)))[0]) for size in ((24, 32), (20, 28))]


def compare(found, expected, path=''):
    """Numbers may differ in the last digits, nothing else may."""
    if isinstance(expected, dict):
        assert list(found) == list(expected), path
        for key, value in expected.items():
            compare(found[key], value, f'{path}/{key}')
    elif isinstance(expected, list) and expected and isinstance(expected[0], float):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6, err_msg=path)
    elif isinstance(expected, list) and expected and isinstance(expected[0], dict):
        assert len(found) == len(expected), path
        for index, value in enumerate(expected):
            compare(found[index], value, f'{path}/{index}')
    elif isinstance(expected, float):
        assert found == pytest.approx(expected, rel=1e-4, abs=1e-6), path
    else:
        assert found == expected, path


TRAINED = [name for name in MODEL_CONFIGS if not name.startswith('tag_')]
PREDICTING = [name for name in MODEL_CONFIGS if name != 'affinity']
SPELLINGS = ('new', 'old')


def spelled(names):
    return [(name, spelling) for name in names for spelling in SPELLINGS if spelling == 'new' or name in OLD_NAMES]


@cache
def pinned():
    return json.loads(FILE.read_text())


@pytest.mark.parametrize(('name', 'spelling'), spelled(TRAINED))
def test_training(name, spelling):
    compare(trained(build(name, spelling)), pinned()[name]['training'])


def test_training_of_the_generator():
    compare(trained(generator()), pinned()['generator']['training'])


@pytest.mark.parametrize(('name', 'spelling'), spelled(PREDICTING))
def test_prediction(name, spelling):
    compare(predicted(build(name, spelling)), pinned()[name]['prediction'])


@pytest.mark.parametrize('spelling', SPELLINGS)
def test_features_of_the_affinity_network(spelling):
    compare(embedded(build('affinity', spelling)), pinned()['affinity']['features'])


def test_prediction_of_the_generator():
    compare(generated(generator()), pinned()['generator']['prediction'])


def measure():
    """Everything that is pinned, of the code as it is."""
    numbers = {name: {} for name in MODEL_CONFIGS}
    for name in TRAINED:
        numbers[name]['training'] = trained(build(name))
    for name in PREDICTING:
        numbers[name]['prediction'] = predicted(build(name))
    numbers['affinity']['features'] = embedded(build('affinity'))
    numbers['generator'] = {'training': trained(generator()), 'prediction': generated(generator())}
    return numbers


if __name__ == '__main__':
    import mmseg_wsss.plugin  # noqa: F401

    init_default_scope('mmseg')
    text = json.dumps(measure(), indent=1)
    print(re.sub(r'\[\s+([^][{}]*?)\s+\]', lambda match: f'[{" ".join(match[1].split())}]', text))
