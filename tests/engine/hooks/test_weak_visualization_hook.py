"""Hooks that draw: what they draw is right, and training does not change."""

import random
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmengine.config import Config
from mmengine.runner import Runner
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from PIL import Image
from torch import nn

from mmseg_wsss.datasets.resumable import seed_everything
from mmseg_wsss.datasets.shapes_drawing import CLASSES, PALETTE, draw_scene
from mmseg_wsss.engine.hooks import ResultSheetHook, WeakVisualizationHook
from mmseg_wsss.engine.hooks._batch_pictures import (
    class_colours,
    label_maps,
    predict_batch,
    rgb_picture,
    undisturbed,
)
from mmseg_wsss.visualization.panels import contact_sheet, draw_panels

SIZE = (32, 48)
BN = {'type': 'BN'}
HOOKS = [
    {'type': 'WeakVisualizationHook', 'interval': 2, 'max_images': 2},
    {'type': 'ResultSheetHook', 'num_images': 2},
]


def loader(labels, seed, size, pipeline, shuffle):
    return {
        'batch_size': size,
        'num_workers': 0,
        'sampler': {'type': 'InfiniteSampler' if shuffle else 'DefaultSampler', 'shuffle': shuffle},
        'dataset': {
            'type': 'ShapesDataset',
            'num_images': 6,
            'size': SIZE,
            'seed': seed,
            'labels': labels,
            'pipeline': pipeline,
        },
    }


def run_config(work_dir, hooks):
    flip = [{'type': 'LoadShapesImage'}, {'type': 'RandomFlip', 'prob': 0.5}, {'type': 'PackSegInputs'}]
    whole = [{'type': 'LoadShapesImage', 'with_mask': True}, {'type': 'PackSegInputs'}]
    backbone = {'type': 'ResNet', 'depth': 18, 'base_channels': 8, 'stem_channels': 8, 'norm_cfg': BN}
    head = {
        'type': 'FCNHead',
        'in_channels': 8,
        'in_index': 0,
        'channels': 8,
        'num_convs': 1,
        'dropout_ratio': 0.5,
        'num_classes': len(CLASSES),
        'norm_cfg': BN,
        'init_cfg': {
            'type': 'Normal',
            'std': 5.0,
            'override': {'name': 'conv_seg'},
        },  # predictions differ from the start
    }
    preprocessor = {
        'type': 'SegDataPreProcessor',
        'mean': [120.0] * 3,
        'std': [60.0] * 3,
        'bgr_to_rgb': True,
        'size': (64, 64),
        'test_cfg': {'size_divisor': 32},
    }
    return Config(
        {
            'default_scope': 'mmseg',
            'experiment_name': work_dir.name,
            'work_dir': str(work_dir),
            'model': {
                'type': 'EncoderDecoder',
                'data_preprocessor': preprocessor,
                'backbone': backbone,
                'decode_head': head,
                'train_cfg': {},
                'test_cfg': {'mode': 'whole'},
            },
            'train_dataloader': loader(['mask'], 0, 3, flip, True),
            'val_dataloader': loader([], 1, 1, whole, False),
            'val_evaluator': {'type': 'IoUMetric'},
            'optim_wrapper': {'type': 'OptimWrapper', 'optimizer': {'type': 'SGD', 'lr': 0.001, 'momentum': 0.9}},
            'train_cfg': {'type': 'IterBasedTrainLoop', 'max_iters': 4, 'val_interval': 2},
            'val_cfg': {'type': 'ValLoop'},
            'default_hooks': {'checkpoint': None, 'logger': {'type': 'LoggerHook', 'log_metric_by_epoch': False}},
            'visualizer': {
                'type': 'SegLocalVisualizer',
                'vis_backends': [{'type': 'LocalVisBackend'}],
                'name': work_dir.name,
            },
            'log_processor': {'by_epoch': False},
            'custom_hooks': hooks,
            'randomness': {'seed': 3},
            'log_level': 'ERROR',
        }
    )


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    """The same training without and with the hooks: runner, then random states at its end."""
    ends = []
    for name, hooks in (('plain', []), ('drawn', HOOKS)):
        runner = Runner.from_cfg(run_config(tmp_path_factory.mktemp(name), hooks))
        runner.train()
        ends.append((runner, random.random(), np.random.random(), float(torch.rand(()))))
    return ends


def test_training_is_not_disturbed(trained):
    (plain, *plain_draws), (drawn, *drawn_draws) = trained
    assert drawn_draws == plain_draws
    expected = plain.model.state_dict()
    different = [key for key, value in drawn.model.state_dict().items() if not torch.equal(value, expected[key])]
    assert different == []


def test_training_batches_go_to_the_visualizer(trained):
    runner = trained[1][0]
    pictures = {path.name: np.asarray(Image.open(path)) for path in Path(runner.work_dir).rglob('vis_image/*.png')}
    assert sorted(pictures) == ['train_batch_2.png', 'train_batch_4.png']
    # three panels of a 32 x 48 picture, enlarged five times, with title and legend, two images of the batch of three
    assert {picture.shape for picture in pictures.values()} == {(2 * (20 + 160 + 18 + 4), 3 * 240 + 2 * 4 + 4, 3)}


def predict_by_hand(model, inputs, size=(64, 64)):
    """Argmax of the logits, from an image in 0-255 padded with the mean colour to what the network takes."""
    image = (inputs.flip(0)[None].float() - 120) / 60
    image = F.pad(image, (0, size[1] - image.shape[3], 0, size[0] - image.shape[2]))
    with torch.no_grad():
        logits = F.interpolate(model.eval()(image, mode='tensor'), image.shape[2:], mode='bilinear')
    labels = logits.argmax(1)[0, : inputs.shape[1], : inputs.shape[2]].numpy()
    assert len(np.unique(labels)) > 1
    assert (labels != labels[:, ::-1]).any()
    return labels


def test_result_sheet_shows_training_and_validation_images(trained):
    runner = trained[1][0]
    columns = [[], []]
    for index in (0, 5):
        seed_everything(index)
        sample = runner.train_dataloader.dataset[index]
        labels = draw_scene(0, index, SIZE).mask[:, :: -1 if sample['data_samples'].flip else 1]
        prediction = predict_by_hand(runner.model, sample['inputs'])
        columns[0].append(
            draw_panels(
                rgb_picture(sample['inputs']),
                labels,
                prediction,
                palette=PALETTE,
                classes=CLASSES,
                titles={'photo': f'train shapes_0000{index}.png'},
            )
        )
    for index in (0, 1):
        scene = draw_scene(1, index, SIZE)
        inputs = torch.from_numpy(scene.image[..., ::-1].copy()).permute(2, 0, 1)
        columns[1].append(
            draw_panels(
                scene.image,
                prediction=predict_by_hand(runner.model, inputs, size=(32, 64)),
                truth=scene.mask,
                palette=PALETTE,
                classes=CLASSES,
                titles={'photo': f'val shapes_0000{index}.png'},
            )
        )
    expected = contact_sheet([contact_sheet(column) for column in columns], columns=2)
    drawn = np.asarray(Image.open(Path(runner.work_dir) / 'result_sheet.png'))
    np.testing.assert_array_equal(drawn, expected)


def test_validation_alone_draws_validation_images(trained, tmp_path):
    config = run_config(tmp_path, HOOKS)
    Runner.from_cfg(config).val()
    sheet = np.asarray(Image.open(tmp_path / 'result_sheet.png'))
    assert sheet.shape[1] == 3 * 240 + 2 * 4 + 4 + 4


def refined_config(work_dir):
    """The same network, less sure of itself, with a decision that refines its maps."""
    config = run_config(work_dir, HOOKS)
    config.model.decode_head.init_cfg.std = 0.5
    config.model.type = 'WeakEncoderDecoder'
    config.model.losses = {'loss_ce': {'type': 'PartialCrossEntropyLoss'}}
    config.model.decision = {'type': 'ArgmaxDecision', 'refiner': {'type': 'PAMR', 'num_iters': 2}}
    return config


def expected_maps(runner, index):
    """The image, labels without and with the refiner, and the truth of one test image."""
    sample = runner.test_dataloader.dataset[index]
    (maps,) = runner.model.class_probs(
        **runner.model.data_preprocessor({'inputs': [sample['inputs']], 'data_samples': [sample['data_samples']]})
    )
    refined = runner.model.decision.refiner(maps.probs[None], maps.image[None]).argmax(1)[0]
    truth = sample['data_samples'].gt_sem_seg.data[0].numpy()
    return rgb_picture(sample['inputs']), maps.probs.argmax(0).numpy(), refined.numpy(), truth


@pytest.mark.parametrize('views', [False, True])
def test_a_test_shows_predictions_before_and_after_the_refiner(tmp_path, views):
    config = refined_config(tmp_path)
    config.test_dataloader, config.test_evaluator = config.val_dataloader, config.val_evaluator
    config.test_cfg = {'type': 'TestLoop'}
    if views:
        augment = {
            'type': 'TestTimeAug',
            'transforms': [[{'type': 'RandomFlip', 'prob': 0.0}], [{'type': 'PackSegInputs'}]],
        }
        load = {'type': 'LoadShapesImage', 'with_mask': True}
        config.test_dataloader.dataset.pipeline = [load, augment]
        config.model = {'type': 'WeakSegTTAModel', 'module': config.model}
    runner = Runner.from_cfg(config)
    runner.model.init_weights()  # as a training does
    runner.test()
    assert not (tmp_path / 'result_sheet.png').exists()
    drawn = np.asarray(Image.open(tmp_path / 'test_result_sheet.png'))
    # two rows of four panels of a 32 x 48 picture, enlarged five times
    assert drawn.shape == (2 * (20 + 160 + 18 + 4) + 4, 4 * 240 + 3 * 4 + 2 * 4, 3)
    if views:
        return
    rows = []
    for index in (0, 1):
        photo, unrefined, refined, truth = expected_maps(runner, index)
        assert (unrefined != refined).any()
        rows.append(
            draw_panels(
                photo,
                prediction=refined,
                truth=truth,
                steps={'unrefined': unrefined},
                palette=PALETTE,
                classes=CLASSES,
                titles={
                    'photo': f'test shapes_0000{index}.png',
                    'unrefined': 'prediction',
                    'prediction': 'after PAMR',
                },
            )
        )
    np.testing.assert_array_equal(drawn, contact_sheet([contact_sheet(rows)]))


def test_flipped_samples_are_predicted_as_they_are(trained):
    runner = trained[1][0]
    inputs = torch.from_numpy(draw_scene(0, 3, SIZE).image.copy()).permute(2, 0, 1)
    sample = SegDataSample(gt_sem_seg=PixelData(data=torch.zeros(1, *SIZE, dtype=torch.int64)))
    sample.set_metainfo({'flip': True, 'flip_direction': 'horizontal', 'ori_shape': (77, 99), 'img_shape': SIZE})
    with undisturbed(runner.model) as model:
        (prediction,) = predict_batch(model, {'inputs': [inputs], 'data_samples': [sample]})
    np.testing.assert_array_equal(prediction, predict_by_hand(runner.model, inputs))


def test_undisturbed_restores_modes_statistics_and_random_states():
    model = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.BatchNorm2d(4), nn.Dropout())
    model[1].eval()  # frozen by somebody else
    before = {key: value.clone() for key, value in model.state_dict().items()}
    for seed in (random.seed, np.random.seed, torch.manual_seed):
        seed(5)
    expected = random.random(), np.random.random(), float(torch.rand(()))
    for seed in (random.seed, np.random.seed, torch.manual_seed):
        seed(5)
    with undisturbed(model) as lent:
        assert not any(module.training for module in lent.modules())
        assert not lent(torch.rand(2, 3, 4, 4)).requires_grad
        random.random(), np.random.random(), torch.rand(9)
    assert [module.training for module in model] == [True, False, True, True]
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    assert (random.random(), np.random.random(), float(torch.rand(()))) == expected
    assert model(torch.rand(2, 3, 4, 4)).requires_grad


def test_pictures_and_label_maps_of_a_sample():
    image = torch.tensor([[[10.0]], [[20.4]], [[300.0]]])
    np.testing.assert_array_equal(rgb_picture(image), [[[255, 20, 10]]])
    np.testing.assert_array_equal(rgb_picture(torch.tensor([[[7, 8]]], dtype=torch.uint8)), [[[7] * 3, [8] * 3]])
    sample = SegDataSample(gt_sem_seg=PixelData(data=torch.tensor([[[1, 255]]])))
    assert list(label_maps(sample)) == ['weak_labels']
    sample.gt_valid_map = PixelData(data=torch.tensor([[[1, 0]]]))
    np.testing.assert_array_equal(label_maps(sample)['valid'], [[1, 0]])


def test_wrong_settings_are_named():
    with pytest.raises(ValueError, match='interval and max_images must be at least 1, got 0 and 4'):
        WeakVisualizationHook(interval=0)
    with pytest.raises(ValueError, match='num_images must be at least 1, got 0'):
        ResultSheetHook(num_images=0)
    with pytest.raises(ValueError, match=r'set metainfo=dict\(classes=..., palette=...\)'):
        class_colours({'classes': ('a',)})


def test_hook_that_shall_not_draw_touches_nothing():
    WeakVisualizationHook(interval=1, draw=False).after_train_iter(None, 0)
