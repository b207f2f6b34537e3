"""The folder that a training leaves behind, without the training."""

import json
from pathlib import Path

from mmengine.config import Config

TABLE = """- INFO - per class results:
- INFO -
+-------+-------+
| Class |  IoU  |
+-------+-------+
|  sky  | 74.23 |
| <road> |  nan  |
+-------+-------+"""
ROWS = (
    {'loss': 2.0, 'lr': 0.1, 'step': 10},
    {'mIoU': 30.0, 'aAcc': 70.0, 'time': 0.1, 'step': 10},
    {'loss': 1.0, 'lr': 0.1, 'step': 20},
    {'mIoU': 41.5, 'aAcc': 80.0, 'time': 0.1, 'step': 20},
)


def write_run(folder: Path, data: Path, *, full: bool = False, rows=ROWS) -> Path:
    """Write config, scalars and log of a run on the data of ``write_own_data``."""
    logs = folder / '20260101_000000'
    (logs / 'vis_data').mkdir(parents=True)
    (logs / 'vis_data/scalars.json').write_text(''.join(json.dumps(row) + '\n' for row in rows))
    (logs / '20260101_000000.log').write_text(TABLE)
    dataset = {
        'type': 'WeakSegDataset',
        'data_root': str(data),
        'data_prefix': {'img_path': 'images'},
        'weak_labels': 'weak_labels.json',
        'pipeline': [{'type': 'LoadWeakAnnotations'}],
        'use_dense_masks': full,
    }
    losses = {
        'loss_ce': {'type': 'PartialCrossEntropyLoss', 'class_weight': 'batch'},
        'loss_crf': {'type': 'GatedCRFLoss', 'loss_weight': 0.02, 'start': 0.3},
        'loss_none': None,
    }
    cfg = {
        'model': {
            'backbone': {'type': 'ResNet', 'init_cfg': {'type': 'Pretrained', 'checkpoint': 'a/weights.pth'}},
            'decode_head': {'type': 'FCNHead'},
            'losses': losses,
        },
        'train_dataloader': {'batch_size': 2, 'dataset': dataset},
        'train_cfg': {'max_iters': 20},
        'randomness': {'seed': 3},
    }
    Config(cfg).dump(folder / 'config.py')
    return folder
