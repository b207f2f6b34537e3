"""Predict masks of photos and videos that are not part of a data set, and write them under their names.

Shape letters: C classes, H x W pixels of a photo.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import torch
from mmcv.transforms import Compose
from mmengine.config import Config, ConfigDict
from mmengine.dataset import pseudo_collate
from mmengine.dist import all_gather_object, get_rank, get_world_size
from mmengine.model import BaseModel
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS, TRANSFORMS
from torch import Tensor

from ..checkpoints.loading import load_checkpoint
from ..datasets.image_checks import image_size
from ..datasets.picture_loading import require_kept
from ..datasets.pseudo_label_files import write_pseudo_label
from ..datasets.workers import WorkerSettings, each, progress
from ..files import path_inside, whole_file
from ..functional.checks import check_integer, check_share
from ..models.decisions import ArgmaxDecision, TagDecision
from .images import reader_of
from .predictions import load_model
from .video_frames import count_frames, frame_files, is_video
from .voc_submission import without_labels

Picture = npt.NDArray[np.uint8]
Colours = Sequence[Sequence[int]]
ROWS = 512
"""Number of rows of an image whose probabilities are computed at once."""


@dataclass(frozen=True, kw_only=True)
class PhotoSettings(WorkerSettings):
    """Settings of the prediction of photos, in addition to those of the config.

    Args:
        tta: Average the views of ``tta_pipeline``.
        crf: Refine the masks by a dense CRF (needs the extra ``crf``).
        prune: Leave out classes whose score for the whole photo, in [0, 1], is not above this; for networks that learn
            from tags. None: the setting of the config.
        window: Side of the windows in which large photos are predicted, in pixels of the network's input. None: the
            setting of the config; 0: the whole photo at once.
        overlays: Whether to also write ``overlays/<name>.jpg``, the photo under its mask.
        every: Predict every n-th frame of a video only.
        workers: Same as in :class:`~mmseg_wsss.datasets.workers.WorkerSettings`; the frames of a video are predicted in
            order by one process.

    Raises:
        TypeError: If a share is not a number.
        ValueError: If a setting is out of range.
    """

    tta: bool = False
    crf: bool = False
    prune: float | None = None
    window: int | None = None
    overlays: bool = True
    every: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.prune is not None:
            check_share(self.prune, 'prune')
        if self.window is not None and self.window < 0:
            raise ValueError(f'window must be a number of pixels, 0 for a photo at once, got {self.window}')
        check_integer(self.every, 'every')


@torch.no_grad()
def write_photo_masks(
    cfg: Config,
    checkpoint: str | Path,
    photos: Mapping[str, Path],
    folder: str | Path,
    settings: PhotoSettings | None = None,
) -> dict[str, Any]:
    """Predict photos and write ``masks/<name>.png``, ``confidence/<name>.png`` and ``overlays/<name>.jpg``.

    Masks are palette PNGs of class ids, confidences grey PNGs, 255 for a probability of 1. The name of a frame of a
    video is that of the video and the number of the frame, from 0, such as ``film/000012``. Photos and videos are
    divided among the processes of a launcher.

    Args:
        cfg: Config of the network; the pipeline of its test data reads the photos.
        checkpoint: The weights of the network.
        photos: Files of photos and videos by name, see :func:`~mmseg_wsss.labelling.photo_files.find_photos`.
        folder: The folder to write to.
        settings: Settings of the prediction.

    Returns:
        ``images``, the number of photos and frames, and ``share``, the share of each class in all pixels.

    Raises:
        ValueError: If a photo or video cannot be read, the config has no views to average, or the weights do not fit.
    """
    settings = settings or PhotoSettings()
    init_default_scope(cfg.get('default_scope', 'mmseg'))
    cfg = switched(cfg, settings)
    classes, palette = classes_of(cfg, checkpoint)
    steps = without_labels(cfg.tta_pipeline if settings.tta else _pipeline(cfg))
    model = load_model(cfg, checkpoint, BaseModel)
    predictor = MODELS.build({**cfg.tta_model, 'module': model}).eval() if settings.tta else model
    read, load = Compose(steps), TRANSFORMS.build(steps[0])

    def write(item: tuple[str, Path]) -> npt.NDArray[np.int64]:
        name, path = item
        (sample,) = predictor.test_step(pseudo_collate([_prepared(read, path)]))
        labels = sample.pred_sem_seg.data[0].cpu().long()
        confidence = confidence_of(sample.seg_logits.data, labels)
        write_pseudo_label(folder, name, labels.numpy(), confidence, palette)
        if settings.overlays:
            photo = load({'img_path': str(path)})['img']
            _write_overlay(Path(folder) / 'overlays', name, overlay(photo, labels.numpy(), palette))
        return np.bincount(labels.numpy().ravel(), minlength=len(classes))

    own = dict(list(photos.items())[get_rank() :: get_world_size()])
    videos = {name: path for name, path in own.items() if is_video(path)}
    stills = [item for item in own.items() if item[0] not in videos]
    require_kept({name: str(path) for name, path in stills}, load)  # before anything is written
    frames = frame_files(videos, settings.every)
    counts = [
        *each(write, stills, workers=settings.workers, title='photos'),
        *map(write, progress(frames, 'videos', count_frames(videos, settings.every))),
    ]
    counts = [count for part in all_gather_object(counts) for count in part]
    pixels = sum(counts, start=np.zeros(len(classes), np.int64))
    shares = {key: round(float(share), 4) for key, share in zip(classes, pixels / max(1, pixels.sum()), strict=True)}
    return {'images': len(counts), 'share': shares}


def _prepared(read: Compose, path: Path) -> Any:
    """Return a photo as the network gets it."""
    try:
        return read({'img_path': str(path), 'seg_fields': []})
    except Exception as error:  # decoders share no error
        width, height = image_size(path)
        text = ' '.join(str(error).split()) or type(error).__name__
        raise ValueError(
            f'{path} ({width} x {height} pixels) cannot be loaded and resized for the network: {text}'
        ) from error


def confidence_of(logits: Tensor, labels: Tensor) -> npt.NDArray[np.floating]:
    """Return the softmax probability of the label of each pixel, (H, W).

    Args:
        logits: Scores before softmax, (C, H, W).
        labels: Class ids, (H, W), on the CPU.
    """
    # no map of all classes is copied
    parts = zip(torch.split(logits, ROWS, dim=1), torch.split(labels, ROWS), strict=True)
    found = [rows.float().softmax(dim=0).cpu().gather(0, ids[None])[0] for rows, ids in parts]
    confidence: npt.NDArray[np.floating] = torch.cat(found).clamp(0, 1).numpy()
    return confidence


def switched(cfg: Config, settings: PhotoSettings) -> Config:
    """Return a config with the settings of the prediction.

    Raises:
        ValueError: If the config does not have views to average.
    """
    cfg = copy.deepcopy(cfg)
    if settings.tta and not (cfg.get('tta_pipeline') and cfg.get('tta_model')):
        raise ValueError('the config has no tta_pipeline and tta_model, so there are no views to average')
    decision = dict(cfg.model.get('decision') or {})
    if settings.prune is not None:
        if not decision or not issubclass(MODELS.get(decision['type']) or ArgmaxDecision, TagDecision):
            refined = {'refiner': decision['refiner']} if decision.get('refiner') else {}
            decision = {'type': 'TagDecision', 'background_power': 1.0, **refined}
        decision = {**decision, 'score_threshold': settings.prune, 'known_tags': False}
    if settings.crf:
        decision = {'type': 'ArgmaxDecision', **decision, 'refiner': {'type': 'DenseCRF'}}
    if decision:
        cfg.model.decision = ConfigDict(decision)
    if settings.window == 0:
        cfg.model.test_cfg = ConfigDict(mode='whole')
    elif settings.window is not None:
        stride = max(1, settings.window * 3 // 4)
        size = {'crop_size': (settings.window,) * 2, 'stride': (stride, stride)}
        cfg.model.test_cfg = ConfigDict(mode='slide', **size)
    return cfg


def classes_of(cfg: Config, checkpoint: str | Path) -> tuple[Sequence[str], Colours]:
    """Return the names and colours of the classes that a checkpoint was trained on.

    Raises:
        ValueError: If neither the checkpoint nor the test data of the config names them.
    """
    meta = load_checkpoint(checkpoint).get('meta', {}).get('dataset_meta') or {}
    if not (meta.get('classes') and meta.get('palette')):
        meta = reader_of(cfg).dataset.get('metainfo', {})
    if not (meta.get('classes') and meta.get('palette')):
        raise ValueError(
            f'{checkpoint} does not say what its classes are: set metainfo=dict(classes=(...), palette=[...]) of '
            'test_dataloader.dataset'
        )
    return meta['classes'], meta['palette']


def overlay(photo: Picture, labels: npt.NDArray[Any], palette: Colours, opacity: float = 0.5) -> Picture:
    """Return a photo under its mask, in the order of its own channels; the outlines of the regions stay opaque.

    Args:
        photo: BGR or grey, (H, W, 3) or (H, W).
        labels: Class ids, (H, W).
        palette: One RGB colour per class.
        opacity: Opacity of the mask, in [0, 1].

    Example:
        >>> overlay(np.zeros((1, 2, 3), np.uint8), np.array([[1, 1]]), [[0, 0, 0], [200, 0, 0]]).tolist()
        [[[0, 0, 100], [0, 0, 100]]]
    """
    bgr = cv2.cvtColor(photo, cv2.COLOR_GRAY2BGR) if photo.ndim == 2 else photo[..., :3]
    colours = np.asarray(palette, np.float32)[labels][..., ::-1]
    blended = (1 - opacity) * bgr + opacity * colours
    edges = cv2.morphologyEx(labels.astype(np.uint8), cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > 0
    blended[edges] = colours[edges]
    picture: Picture = np.rint(blended).clip(0, 255).astype(np.uint8)
    return picture


def _pipeline(cfg: Config) -> list[Any]:
    settings = reader_of(cfg).dataset
    while 'dataset' in settings and 'pipeline' not in settings:
        settings = settings.dataset
    steps: list[Any] = settings.pipeline
    return steps


def _write_overlay(folder: Path, name: str, picture: Picture) -> None:
    good, content = cv2.imencode('.jpg', picture)
    if not good:
        raise ValueError(f'the overlay of {name} could not be encoded')
    with whole_file(path_inside(folder, f'{name}.jpg')) as file:
        file.write(content.tobytes())
