"""A network that knows colours alone: what it says can be worked out by hand."""

import copy

import torch
import torch.nn.functional as F
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import nn

from mmseg_wsss.functional import focal_mask_penalty, ngwp
from tests.helpers.models import model_config, raw_batch

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
    cfg = model_config(head | {'dropout_ratio': 0}, backbone={'type': Pixels, 'stride': stride})
    del cfg['data_preprocessor']['size']
    return {**cfg, **changes}


def build(stride=1, model=None, **decision):
    """A network with a ``TagDecision``."""
    changes = {'decision': {'type': 'TagDecision', **decision}, **(model or {})}
    return MODELS.build(config(stride, **changes)).eval()


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
