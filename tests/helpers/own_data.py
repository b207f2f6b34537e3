"""A small data set of one's own and the config of a training on it, for changes that make it wrong."""

import json
from pathlib import Path

import numpy as np
from mmengine.config import Config
from PIL import Image

from tests.helpers.models import model_config
from tests.helpers.trainings import write_config

CLASSES = ('background', 'crop', 'weed')
SIZE = (48, 40)  # (width, height)
CLICKS = [{'x': 2, 'y': 3, 'class': 0}, {'x': 12, 'y': 10, 'class': 1}, {'x': 30, 'y': 30, 'class': 2}]
BOXES = [{'box': [5, 5, 20, 15], 'class': 1}, {'box': [25, 25, 40, 35], 'class': 2}]
CROP = {'type': 'WeakRandomCrop', 'crop_size': (32, 32), 'min_labels': 1}


def write_data(root: Path, entry=None, suffix='.png', classes=CLASSES, number=4):
    """Images of noise, others for the validation, masks with all classes, and the same labels for every image."""
    rng = np.random.default_rng(0)
    for folder in ('images', 'measured', 'masks'):
        (root / folder).mkdir(parents=True, exist_ok=True)
    images = []
    for index in range(number):
        for folder in ('images', 'measured'):
            save(root / f'{folder}/{index}{suffix}', rng.integers(0, 255, (*SIZE[::-1], 3), dtype=np.uint8))
        mask = np.zeros(SIZE[::-1], np.uint8)
        mask[5:16, 5:21], mask[25:36, 25:41] = 1, 2
        save(root / f'masks/{index}.png', mask)
        images.append(
            {'file_name': f'{index}{suffix}', 'width': SIZE[0], 'height': SIZE[1], **(entry or {'points': CLICKS})}
        )
    write_labels(root, images, classes)


def write_labels(root, images, classes=CLASSES):
    content = {'version': 1, 'classes': [{'name': name} for name in classes], 'images': images}
    (root / 'weak_labels.json').write_text(json.dumps(content))


def save(path, pixels):
    Image.fromarray(np.asarray(pixels)).save(path)


def dataset(root, pipeline, **changes):
    is_test = changes.get('test_mode')
    prefix = {'img_path': 'measured', 'seg_map_path': 'masks'} if is_test else {'img_path': 'images'}
    return {
        'type': 'WeakSegDataset',
        'data_root': str(root),
        'metainfo': {'classes': CLASSES},
        'data_prefix': prefix,
        'img_suffix': '.png',
        'pipeline': pipeline,
        **({} if is_test else {'weak_labels': 'weak_labels.json'}),
        **changes,
    }


def own_config(root: Path, *, steps=(CROP,), load=None, draw=None, losses=None, train=None, val=None, **changes):
    """The config of a training on it.

    Args:
        root: Its folder.
        steps: Transforms between loading and drawing labels.
        load: Settings of LoadWeakAnnotations.
        draw: Settings of RasterizeWeakAnnotations.
        losses: Of the model.
        train: Settings of the training data.
        val: Settings of the validation data.
        changes: Other keys.
    """
    image = {'type': 'LoadImageFromFile'}
    pipeline = [image, {'type': 'LoadWeakAnnotations', **(load or {})}, *steps]
    pipeline += [{'type': 'RasterizeWeakAnnotations', **(draw or {})}, {'type': 'PackWeakSegInputs'}]
    test = [image, {'type': 'LoadAnnotations'}, {'type': 'PackSegInputs'}]
    loader = {'batch_size': 2, 'num_workers': 0}
    plain = {'loss_ce': {'type': 'PartialCrossEntropyLoss'}}
    cfg = {
        'custom_imports': {'imports': ['mmseg_wsss.plugin'], 'allow_failed_imports': False},
        'default_scope': 'mmseg',
        'model': model_config('fcn', losses or plain),
        'train_dataloader': {
            **loader,
            'sampler': {'type': 'ResumableInfiniteSampler'},
            'dataset': dataset(root, pipeline, **(train or {})),
        },
        'val_dataloader': {
            **loader,
            'batch_size': 1,
            'sampler': {'type': 'DefaultSampler', 'shuffle': False},
            'dataset': dataset(root, test, **{'test_mode': True, **(val or {})}),
        },
        'val_cfg': {'type': 'ValLoop'},
        'val_evaluator': {'type': 'IoUMetric'},
        'optim_wrapper': {'type': 'OptimWrapper', 'optimizer': {'type': 'SGD', 'lr': 0.01}},
        'train_cfg': {'type': 'IterBasedTrainLoop', 'max_iters': 1, 'val_interval': 1},
        'default_hooks': {
            'checkpoint': {'type': 'CheckpointHook', 'by_epoch': False},
            'logger': {'type': 'LoggerHook', 'interval': 1, 'log_metric_by_epoch': False},
        },
        'log_processor': {'by_epoch': False},
        'randomness': {'seed': 0},
    }
    return Config({**cfg, **changes})


def write_own_config(root: Path, **settings) -> Path:
    return write_config(own_config(root, **settings), root / 'config.py')
