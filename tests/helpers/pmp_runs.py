"""A tiny training from points, and a hook that watches it."""

from mmengine.config import Config
from mmengine.hooks import Hook
from mmseg.registry import HOOKS

from mmseg_wsss.models.pseudo_masks import confidence_scores
from tests.helpers.models import head_config, model_config


@HOOKS.register_module()
class RecordScoresHook(Hook):
    """Keeps loss and scores of every iteration."""

    priority = 'VERY_LOW'

    def before_train(self, runner):
        self.losses, self.scores = [], []

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        self.losses.append(outputs['loss'].item())
        self.scores.append(confidence_scores())


def run_config(work_dir, by_epoch=False, **hook):
    pipeline = [
        {'type': 'LoadShapesImage'},
        {'type': 'LoadWeakAnnotations'},
        # small blots: with larger ones nothing of these flat pictures is left unlabelled
        {'type': 'LoadPointBlots', 'cache_dir': None, 'settings': {'num_iters': 0, 'max_side': 24, 'beta': 130.0}},
        {'type': 'WeakRandomCrop', 'crop_size': (32, 32)},
        {'type': 'WeakRandomFlip', 'prob': 0.5},
        {'type': 'RasterizeWeakAnnotations'},
        {'type': 'PackWeakSegInputs', 'maps': ['point_blots']},
    ]
    # of a network that has learned nothing, no probability is near to 1
    masks = {'type': 'ExpandingPseudoMasks', 'threshold': 0.75}
    losses = {'loss_pmp': {'type': 'PMPLoss', 'pseudo_masks': masks}}
    loop = {'type': 'IterBasedTrainLoop', 'max_iters': 8}
    if by_epoch:
        loop = {'type': 'EpochBasedTrainLoop', 'max_epochs': 4}
    return Config(
        {
            'default_scope': 'mmseg',
            'experiment_name': work_dir.name,
            'work_dir': str(work_dir),
            'model': model_config(head_config('fcn', 7, dropout_ratio=0.5), losses=losses, num_classes=7),
            'train_dataloader': {
                'batch_size': 2,
                'num_workers': 0,
                'sampler': {'type': 'DefaultSampler' if by_epoch else 'ResumableInfiniteSampler', 'shuffle': True},
                'dataset': {
                    'type': 'ShapesDataset',
                    'num_images': 5 + by_epoch,
                    'size': (40, 40),
                    'pipeline': pipeline,
                },
            },
            'optim_wrapper': {'type': 'OptimWrapper', 'optimizer': {'type': 'SGD', 'lr': 0.05, 'momentum': 0.9}},
            'train_cfg': loop,
            'default_hooks': {
                'checkpoint': {'type': 'CheckpointHook', 'by_epoch': False, 'interval': 4},
                'logger': {'type': 'LoggerHook', 'interval': 100, 'log_metric_by_epoch': False},
            },
            'log_processor': {'by_epoch': False},
            'custom_hooks': [
                {'type': 'ExactResumeHook'},
                {'type': 'ExpandingConfidenceHook', **hook},
                {'type': 'RecordScoresHook'},
            ],
            'randomness': {'seed': 3},
            'log_level': 'ERROR',
        }
    )
