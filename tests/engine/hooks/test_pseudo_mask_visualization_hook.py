"""Pictures of pseudo-labels: the right maps, and a training that does not notice."""

import copy
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmengine.runner import Runner
from mmseg.registry import MODELS
from PIL import Image

from mmseg_wsss.engine.hooks import PseudoMaskVisualizationHook, WeakVisualizationHook
from mmseg_wsss.engine.hooks._batch_pictures import rgb_picture
from mmseg_wsss.engine.hooks.pseudo_mask_visualization_hook import tag_names
from mmseg_wsss.visualization.panels import contact_sheet, draw_panels
from tests.helpers.models import model_config, raw_batch
from tests.helpers.pmp_runs import run_config

CLASSES = ['background', 'cat', 'dog']
PALETTE = [[0, 0, 0], [255, 0, 0], [0, 0, 255]]
PAMR = {'type': 'PAMR', 'num_iters': 2, 'dilations': (1, 2)}
SIZES = ((32, 32), (24, 28))


def build(**losses):
    torch.manual_seed(0)
    model = MODELS.build(model_config('deeplabv3plus', losses={'loss_tags': {'type': 'ImageTagLoss'}, **losses}))
    blobs = 3 * F.interpolate(torch.randn(2, 3, 3, 3), (8, 8), mode='bilinear')
    model.decode_head.forward = lambda features: blobs[: len(features[0])]  # an untrained head says one class
    return model.train()


def tagged_batch(**settings):
    batch = raw_batch(SIZES, **settings)
    batch['data_samples'][0].set_data({'gt_tags': torch.tensor([0, 1])})
    return batch


def run(hook, model, batch):
    pictures = []
    runner = SimpleNamespace(
        model=model,
        iter=1,
        _train_loop=SimpleNamespace(
            dataloader=SimpleNamespace(dataset=SimpleNamespace(metainfo={'classes': CLASSES, 'palette': PALETTE}))
        ),
        visualizer=SimpleNamespace(add_image=lambda name, picture, step: pictures.append((name, picture, step))),
    )
    hook.after_train_iter(runner, 1, batch)
    return pictures


@pytest.mark.parametrize('refiner', [None, PAMR])
@pytest.mark.parametrize('clicks', [0, 3])
def test_what_is_drawn(refiner, clicks):
    model = build(loss_masks={'type': 'PseudoMaskLoss', 'refiner': refiner})
    batch = tagged_batch(clicks=clicks)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    state = torch.get_rng_state()
    ((name, drawn, step),) = run(PseudoMaskVisualizationHook(interval=2), model, copy.deepcopy(batch))
    assert (name, step) == ('train_batch', 2)
    assert model.training
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())

    model.eval()
    data = model.data_preprocessor(copy.deepcopy(batch), True)
    with torch.no_grad():
        inputs = model.loss_inputs(
            model.decode_head, model.extract_feat(data['inputs']), data['inputs'], data['data_samples']
        )
        made = model.losses['loss_masks'].pseudo_masks(inputs)
        predicted = F.interpolate(inputs.logits, (32, 32), mode='bilinear').argmax(dim=1)
    rows = []
    for index, (height, width) in enumerate(SIZES):
        maps = {'CAM': made.cam, 'after PAMR': made.refined}
        steps = {
            key: F.interpolate(value, (32, 32), mode='bilinear', align_corners=True).argmax(dim=1)
            for key, value in maps.items()
            if refiner or key == 'CAM'
        }
        steps['pseudo-labels'] = made.labels
        sample = batch['data_samples'][index]
        rows.append(
            draw_panels(
                rgb_picture(batch['inputs'][index]),
                sample.gt_sem_seg.data[0].numpy() if clicks else None,
                predicted[index, :height, :width].numpy(),
                steps={key: value[index, :height, :width].numpy() for key, value in steps.items()},
                valid=np.ones((height, width)),
                titles={'photo': 'cat' if index == 0 else 'no tags'},
                classes=CLASSES,
                palette=PALETTE,
            )
        )
    np.testing.assert_array_equal(drawn, contact_sheet(rows))
    assert [map_.unique().tolist() for map_ in steps['CAM']] == [[0, 1], [0]]
    assert predicted.unique().tolist() == [0, 1, 2]
    assert (made.labels[1] == 255).all()


def test_the_loss_is_found_or_asked_for():
    loss = {'type': 'PseudoMaskLoss', 'refiner': None}
    batch = tagged_batch()
    two = build(loss_a=loss, loss_b={**loss, 'refiner': PAMR})
    assert run(PseudoMaskVisualizationHook('loss_b', interval=1), two, batch)
    with pytest.raises(ValueError, match=r"expects exactly one in model.losses, which has \['loss_a', 'loss_b'\]"):
        run(PseudoMaskVisualizationHook(interval=1), two, batch)
    with pytest.raises(ValueError, match=r"expects one called 'loss_c' in model.losses, which has \['loss_a'"):
        run(PseudoMaskVisualizationHook('loss_c', interval=1), two, batch)
    with pytest.raises(ValueError, match='which has none: set loss=... of the hook, or use WeakVisualizationHook'):
        run(PseudoMaskVisualizationHook(interval=1), build(), batch)


def test_intervals_limits_and_off():
    model = build(loss_masks={'type': 'PseudoMaskLoss', 'refiner': None})
    assert run(PseudoMaskVisualizationHook(interval=3), model, None) == []
    assert run(PseudoMaskVisualizationHook(interval=1, draw=False), model, None) == []
    ((_, picture, _),) = run(PseudoMaskVisualizationHook(interval=1, max_images=1), model, tagged_batch(clicks=0))
    assert picture.shape == (20 + 224 + 18 + 4, 4 * 224 + 3 * 4 + 4, 3)
    ((_, plain, _),) = run(WeakVisualizationHook(interval=1, max_images=1), model, tagged_batch(clicks=0))
    assert plain.shape[1] == 3 * 224 + 2 * 4 + 4
    with pytest.raises(ValueError, match='interval and max_images must be at least 1, got 0 and 4'):
        PseudoMaskVisualizationHook(interval=0)


def test_the_steps_of_points_once_per_epoch(tmp_path):
    config = run_config(tmp_path)
    hooks = [{'type': 'ExpandingConfidenceHook'}, {'type': 'PseudoMaskVisualizationHook', 'interval': None}]
    config.custom_hooks = [{'type': 'ExactResumeHook'}, *hooks]
    config.train_cfg.max_iters = 3
    config.visualizer = {
        'type': 'SegLocalVisualizer',
        'vis_backends': [{'type': 'LocalVisBackend'}],
        'name': config.experiment_name,
    }
    runner = Runner.from_cfg(config)
    runner.train()
    (path,) = tmp_path.rglob('vis_image/*.png')
    assert path.name == 'train_batch_3.png'  # 6 images, 2 at a time
    # photo | labels | blots | distance field | refined | pseudo-mask | prediction of 32 pixels, enlarged
    assert np.asarray(Image.open(path)).shape[1] == 7 * 7 * 32 + 6 * 4 + 4
    assert 0 < runner.message_hub.get_scalar('train/loss_pmp/labelled_share').current() < 1


def test_titles():
    first, second = tagged_batch()['data_samples']
    assert (tag_names(first, CLASSES), tag_names(second, CLASSES)) == ('cat', 'no tags')
    first.gt_tags = torch.tensor([], dtype=torch.int64)
    assert tag_names(first, CLASSES) == 'nothing'
