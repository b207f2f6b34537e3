"""Export of the class activation maps of a trained network.

Shape letters: C classes with the background, K foreground classes of an image, H x W its pixels.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from mmcv.transforms import Resize
from mmengine.config import Config
from mmengine.dataset import Compose, pseudo_collate
from mmengine.dist import all_gather_object, barrier, is_main_process
from mmengine.registry import init_default_scope
from torch import Tensor

from ..datasets.cam_files import INDEX, ImageCAMs, grid_size, read_cams, write_cam_index, write_cams
from ..datasets.index_file import IndexedImage
from ..datasets.workers import each
from ..functional import normalised_cams
from ..models.decisions import ArgmaxDecision, ClassProbs, mean_of_views
from ..models.segmentors import WeakEncoderDecoder
from ..structures import ImageDataset, Sample
from .cam_threshold_sweep import CAMSettings, best_threshold, score_decisions, threshold_labels
from .images import check_known, chosen_classes, known_classes, prediction_dataset, reader_of
from .label_folder import drop_index, image_entry, kept_images, make_index, missing_indices, names_of
from .mask_accuracy import MaskScores
from .predictions import load_model


def write_cam_folder(
    cfg: Config,
    checkpoint: str | Path,
    folder: str | Path,
    settings: CAMSettings | None = None,
    *,
    keep: bool = False,
) -> dict[str, Any]:
    r"""Write the class activation maps of the images of a split, and optionally evaluate them.

    .. math:: s_k = \frac{1}{V} \sum_v \frac{m^v_k}{m^v_0 + \sum_{l \in tags} m^v_l}

    with the probabilities :math:`m^v` of each view, at the size of the image. The maps are resized to a quarter and
    normalised by :func:`mmseg_wsss.functional.normalised_cams`; :mod:`mmseg_wsss.datasets.cam_files` describes the
    files.

    Differs from the published code: there, a view is divided by the sum before it is resized, maps keep the size of the
    image, and the photo is resized bicubically instead of bilinearly.

    With ``evaluate``, three kinds of labels are evaluated: ``argmax``, the highest mean probability, including the
    background of the network; ``alpha_...``, from the written maps; ``threshold_...``, where the highest map must
    exceed a number. ``best_threshold`` is the number with the highest mIoU, selected with the true masks. If the model
    has a ``refiner``, such as a dense CRF, the first two kinds are evaluated with and without it.

    Args:
        cfg: Config of the network, a ``WeakEncoderDecoder`` with a ``decision``, and of the data.
        checkpoint: Checkpoint of the network.
        folder: The folder to write to.
        settings: Settings of the maps.
        keep: Write only missing images; see :mod:`mmseg_wsss.labelling.label_folder`.

    Returns:
        ``images``, ``split``, and the scores by names such as ``cam_train_known_tags_8_views/alpha_1/mIoU``, in
        percent. Means are over the ``classes`` of the test metric, or over all if it has none.

    Raises:
        TypeError: If the network is not a ``WeakEncoderDecoder`` with a ``decision``.
        ValueError: If the data cannot be read this way, ``known_tags`` is set and no image has tags, or the weights do
            not fit the network.
    """
    settings = settings or CAMSettings()
    init_default_scope(cfg.get('default_scope', 'mmseg'))
    dataset = prediction_dataset(cfg, settings.split, masks=settings.evaluate)
    if settings.known_tags:
        check_known(dataset, settings.split, 'tags')
    views = view_pipeline(dataset.pipeline.transforms, settings.scales, flip=settings.flip)
    read = Compose(copy.deepcopy(reader_of(cfg).dataset.pipeline))
    model = load_model(cfg, checkpoint, WeakEncoderDecoder)
    refiner = decision_of(model).refiner
    drop_index(folder, INDEX)
    scores = MaskScores(model.num_classes, chosen_classes(cfg, dataset.metainfo))
    rows = _kept_rows(dataset, folder) if keep and not settings.evaluate else {}

    def write(index: int) -> tuple[int, tuple[str, IndexedImage]]:
        info = dataset.get_data_info(index)
        tags = known_classes(info) if settings.known_tags else None
        classes, probs, photo = mean_probs(model, views(copy.deepcopy(info)), tags)
        cams = make_cams(classes, probs, winner_takes_all=settings.winner_takes_all)
        row = image_entry(info, dataset, cams.size)
        write_cams(folder, row[0], cams)
        if settings.evaluate:
            score_decisions(scores, settings, cams, probs, _truth(read, info), refiner=refiner, photo=photo)
        return index, row

    missing = missing_indices(dataset, rows)
    rows.update(each(write, missing, workers=settings.workers, title='CAMs', tally=scores))
    results = _results(scores, settings, dataset, folder, rows, read) if settings.evaluate else {}
    summary = {'images': len(dataset), 'split': settings.split, **results}
    _write_index(dataset, folder, rows, settings, {'checkpoint': str(checkpoint)}, summary)
    return summary


Rows = dict[int, tuple[str, IndexedImage]]
"""Ids and index entries of images by their number in the data set."""


def _kept_rows(dataset: ImageDataset, folder: str | Path) -> Rows:
    """Return the rows of the images whose maps exist."""

    def read_entry(info: Sample) -> tuple[str, IndexedImage]:
        return image_entry(info, dataset, read_cams(folder, names_of(info, dataset)[0]).size)

    return {index: entry for index, _, entry in kept_images(dataset, read_entry)}


def _results(
    scores: MaskScores, settings: CAMSettings, dataset: ImageDataset, folder: str | Path, rows: Rows, read: Compose
) -> dict[str, float]:
    """Return the scores of all decisions, with those of the best threshold, for which maps are read again."""
    best = best_threshold(scores.compute(), settings)
    for index, (key, _) in rows.items():
        labels = threshold_labels(read_cams(folder, key), best)
        scores.add(f'{settings.name()}/best', labels, _truth(read, dataset.get_data_info(index)))
    return {**scores.compute(), f'{settings.name()}/best_threshold': best}


def _write_index(
    dataset: ImageDataset,
    folder: str | Path,
    rows: Rows,
    settings: CAMSettings,
    made_from: Mapping[str, str],
    summary: Mapping[str, Any],
) -> None:
    """Write the index of the maps of all processes."""
    images = dict(row for _, row in sorted(item for part in all_gather_object(rows) for item in part.items()))
    if is_main_process():
        made = {**made_from, 'known_tags': settings.known_tags, 'scales': list(settings.scales)}
        made |= {'flip': settings.flip, 'winner_takes_all': settings.winner_takes_all}
        write_cam_index(folder, make_index(dataset, images, {**made, **summary}))
    barrier()


def view_pipeline(steps: Sequence[Callable[..., Any]], scales: Sequence[float], *, flip: bool) -> Compose:
    """Return a pipeline that gives all views of an image.

    A ``Resize`` by a factor is applied in the views, so that views are not made from smaller images.

    Args:
        steps: The built transforms of a test pipeline, the last of which packs.
        scales: Scales of the views relative to the result of the steps.
        flip: Whether each view is also mirrored.

    Raises:
        ValueError: If the last step does not pack.
    """
    *load, pack = steps
    if not type(pack).__name__.endswith('PackSegInputs'):
        raise ValueError(f'the test pipeline must end with PackSegInputs, got {type(pack).__name__}')
    shrinking = [step for step in load if isinstance(step, Resize) and step.scale_factor]
    load = [step for step in load if step not in shrinking]
    width, height = (math.prod(step.scale_factor[side] for step in shrinking) for side in (0, 1))
    factors = [(scale * width, scale * height) for scale in scales]
    keep = all(step.keep_ratio for step in shrinking)
    resizes = [{'type': 'Resize', 'scale_factor': factor, 'keep_ratio': keep} for factor in factors]
    probabilities = (0.0, 1.0) if flip else (0.0,)
    flips = [{'type': 'RandomFlip', 'prob': prob, 'direction': 'horizontal'} for prob in probabilities]
    return Compose([*load, {'type': 'TestTimeAug', 'transforms': [resizes, flips, [pack]]}])


@torch.no_grad()
def mean_probs(
    model: WeakEncoderDecoder, views: Mapping[str, Any], tags: Sequence[int] | None
) -> tuple[list[int], Tensor, Tensor | None]:
    """Average the probabilities of background and tags over all views of an image.

    Args:
        model: The network in evaluation mode.
        views: Lists of ``inputs`` and ``data_samples`` from :func:`view_pipeline`.
        tags: Foreground classes of the image; None means those that the model finds.

    Returns:
        The foreground classes, ascending; probabilities, (K+1, H, W) on the CPU; the image in the form that the refiner
        of the model expects, (3, H, W), or None without a refiner.
    """
    said: Iterable[ClassProbs] = _each_view(model, views)
    if tags is None:
        said = list(said)
        tags = (decision_of(model).present(mean_of_views(said)).nonzero().flatten() + 1).tolist()
    classes = sorted({int(tag) for tag in tags} - {0})
    mean, nearest = torch.zeros(()), None
    for view in said:  # with known tags, one view after the other
        kept = view.probs[[0, *classes]].float().cpu()
        mean = mean + kept.div_(kept.sum(dim=0, keepdim=True).clamp_(min=1e-8)).div_(len(views['inputs']))
        if view.image is not None and (nearest is None or view.resizing < nearest.resizing):
            nearest = replace(view, probs=mean)
    return classes, mean, None if nearest is None or nearest.image is None else nearest.image.cpu()


def _each_view(model: WeakEncoderDecoder, views: Mapping[str, Any]) -> Iterator[ClassProbs]:
    for inputs, sample in zip(views['inputs'], views['data_samples'], strict=True):
        batch = model.data_preprocessor(pseudo_collate([{'inputs': inputs, 'data_samples': sample}]), False)
        yield from model.class_probs(**batch)


def decision_of(model: WeakEncoderDecoder) -> ArgmaxDecision:
    """Return what makes labels of the probabilities of a network.

    Raises:
        TypeError: If it has no such part.
    """
    if model.decision is None:
        raise TypeError("maps need a network with a decision: set model.decision=dict(type='TagDecision', ...)")
    return model.decision


def make_cams(classes: Sequence[int], probs: Tensor, *, winner_takes_all: bool = True) -> ImageCAMs:
    """Return the maps of an image in the form in which they are written.

    Args:
        classes: Ids of its foreground classes, ascending.
        probs: Probabilities of the background and these, (K+1, H, W).
        winner_takes_all: See :func:`mmseg_wsss.functional.normalised_cams`.
    """
    size = (probs.shape[1], probs.shape[2])
    grid = grid_size(size)
    scores = np.zeros((0, *grid), dtype=np.float16)
    if len(classes):
        small = F.interpolate(probs[None, 1:], grid, mode='bilinear', align_corners=False)
        scores = normalised_cams(small, winner_takes_all=winner_takes_all)[0].numpy().astype(np.float16)
    return ImageCAMs(np.array(classes, dtype=np.int64), scores, size)


def _truth(read: Compose, info: Sample) -> Tensor:
    sample = read(copy.deepcopy(info))['data_samples']
    if 'gt_sem_seg' not in sample:
        raise ValueError(
            'evaluate=True, but the test pipeline loads no true masks: put LoadAnnotations into it and seg_map_path '
            'into the data_prefix of the test data'
        )
    truth: Tensor = sample.gt_sem_seg.data[0].long()
    return truth
