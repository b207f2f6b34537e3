"""Shared parts of the drawing hooks: raw batches as pictures, and predictions without an effect on training."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from mmseg.models import BaseSegmentor
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from ...visualization.panels import ClassColours, Panels


@contextmanager
def undisturbed(model: nn.Module) -> Iterator[BaseSegmentor]:
    """Yield the model in eval mode, without gradients, and restore all modes and random states afterwards."""
    network: BaseSegmentor = model.module if is_model_wrapper(model) else model
    modes = {module: module.training for module in network.modules()}
    python_state, numpy_state = random.getstate(), np.random.get_state()
    devices = [torch.cuda.current_device()] if torch.cuda.is_available() else []
    try:
        with torch.random.fork_rng(devices), torch.no_grad():
            yield network.eval()
    finally:
        random.setstate(python_state)
        np.random.set_state(numpy_state)
        for module, training in modes.items():
            module.training = training


def predict_batch(model: BaseSegmentor, data_batch: dict[str, Any]) -> list[npt.NDArray[np.int64]]:
    """Predict class ids for the inputs as they are, one (h, w) map per image.

    The model does not get the samples, with which it would undo the flip and the crop of training.
    """
    inputs = model.data_preprocessor(data_batch, True)['inputs']
    outputs = model(inputs, None, mode='predict')
    sizes = [image.shape[-2:] for image in data_batch['inputs']]
    maps = [output.pred_sem_seg.data[0].cpu().numpy() for output in outputs]
    return [labels[:height, :width] for labels, (height, width) in zip(maps, sizes, strict=True)]


def rgb_picture(inputs: Tensor) -> npt.NDArray[np.uint8]:
    """Convert an input of the data loader, BGR or grey (3 or 1, h, w) in 0-255, to RGB (h, w, 3)."""
    picture = inputs.detach().cpu().float().clamp(0, 255).round().byte().permute(1, 2, 0).numpy()
    return np.ascontiguousarray(np.broadcast_to(picture[..., ::-1], (*picture.shape[:2], 3)))


def label_maps(sample: SegDataSample) -> Panels:
    """Return ``weak_labels`` and, if there is one, ``valid`` of a training sample, as arguments of panels."""
    maps: Panels = {'weak_labels': sample.gt_sem_seg.data[0].cpu().numpy()}
    if 'gt_valid_map' in sample:
        maps['valid'] = sample.gt_valid_map.data[0].cpu().numpy()
    return maps


def class_colours(metainfo: Mapping[str, Any]) -> ClassColours:
    """Return the names and colours of the classes of a data set.

    Raises:
        ValueError: If it has none.
    """
    if not metainfo.get('classes') or not metainfo.get('palette'):
        raise ValueError('pictures need names and colours: set metainfo=dict(classes=..., palette=...) in the data set')
    return {'classes': metainfo['classes'], 'palette': metainfo['palette']}


def training_dataset(runner: Runner) -> Any:
    """Return the current training data set, or None outside of training."""
    loop = runner._train_loop
    return loop.dataloader.dataset if hasattr(loop, 'dataloader') else None
