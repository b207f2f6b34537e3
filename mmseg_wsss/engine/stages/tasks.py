"""The tasks between the trainings of a pipeline, as stages; what they do is in ``mmseg_wsss.labelling``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.dist import barrier, is_main_process
from mmseg.registry import TASK_UTILS

from ...checkpoints.network import Source
from ...datasets.shapes_dataset import write_shapes
from ...functional.checks import check_positive, check_share
from ...functional.random_walk import check_log2_steps
from ...labelling.box_masks import METHODS, build_crf, write_box_labels
from ...labelling.cam_export import write_cam_folder
from ...labelling.cam_seeds import check_alphas, write_seeds
from ...labelling.cam_threshold_sweep import CAMSettings
from ...labelling.generator_masks import write_generator_labels
from ...labelling.images import (
    check_split,
)
from ...labelling.label_folder_accuracy import score_label_folder
from ...labelling.mask_accuracy import check_masks
from ...labelling.predictions import write_pseudo_labels
from ...labelling.random_walk_labels import write_random_walk
from ...labelling.refined_cams import build_refiner
from .config import REFERENCE
from .task import StageContext, StageTask, check_settings


@TASK_UTILS.register_module()
class WritePseudoLabels(StageTask):
    """:func:`write_pseudo_labels` as a stage; ``'{stages.NAME}/masks'`` are then the masks.

    Args:
        stage: The stage whose config says network and data.
        checkpoint: Its weights, such as ``'{stages.cam}'``.
        **settings: ``split``, ``known_tags``, ``unsure_below`` and ``coco_rle`` of :func:`write_pseudo_labels`.
    """

    def __init__(self, stage: str, checkpoint: str, **settings: Any) -> None:
        self.stage = stage
        self.checkpoint = checkpoint
        self.settings = check_settings(
            write_pseudo_labels, settings, {'split': check_split, 'unsure_below': check_share}
        )

    def run(self, context: StageContext) -> dict[str, Any]:
        """Write the labels into the folder of the stage; after a cut those that are missing."""
        cfg = context.config_of(self.stage)
        return write_pseudo_labels(cfg, self.checkpoint, context.work_dir, context.resumed, **self.settings)


WALK_CHECKS = {
    'split': check_split,
    'alpha': check_positive,
    'beta': check_positive,
    'log2_steps': check_log2_steps,
    'unsure_below': check_share,
}


@TASK_UTILS.register_module()
class WriteSeeds(StageTask):
    """:func:`write_seeds` as a stage; its folder is the ``label_root`` of the affinity network's training.

    Args:
        stage: The stage whose config says the data, such as that of the CAM network.
        cams: The maps, such as ``'{stages.cams}'``.
        **settings: ``split``, ``alpha_low``, ``alpha_high``, ``refiner`` and ``coco_rle`` of :func:`write_seeds`.

    Raises:
        ImportError: If the refiner needs a package that is not installed: before the first stage, not after it.
        TypeError: If a setting is unknown or of the wrong type.
        ValueError: If one is out of range.
    """

    def __init__(self, stage: str, cams: str, **settings: Any) -> None:
        self.stage = stage
        self.cams = cams
        self.settings = check_settings(write_seeds, settings, {'split': check_split})
        check_alphas(self.settings['alpha_low'], self.settings['alpha_high'])
        build_refiner(self.settings['refiner'])

    def run(self, context: StageContext) -> dict[str, Any]:
        """Write the seeds into the folder of the stage; after a cut those that are missing."""
        cfg = context.config_of(self.stage)
        return write_seeds(cfg, self.cams, context.work_dir, context.resumed, **self.settings)


@TASK_UTILS.register_module()
class WriteRandomWalk(StageTask):
    """:func:`write_random_walk` as a stage; its folder is the ``label_root`` of the last network's training.

    Args:
        stage: The stage whose config says the affinity network and the data.
        checkpoint: Its weights, such as ``'{stages.affinity}'``.
        cams: The maps, such as ``'{stages.cams}'``.
        **settings: ``split``, ``alpha``, ``beta``, ``log2_steps``, ``refiner``, ``unsure_below``, ``masks``,
            ``mask_ids`` and ``coco_rle`` of :func:`write_random_walk`.

    Raises:
        ImportError: If the refiner needs a package that is not installed: before the first stage, not after it.
        FileNotFoundError: If ``masks`` or ``mask_ids`` are not there.
        TypeError: If a setting is unknown or of the wrong type.
        ValueError: If one is out of range.
    """

    def __init__(self, stage: str, checkpoint: str, cams: str, **settings: Any) -> None:
        self.stage = stage
        self.checkpoint = checkpoint
        self.cams = cams
        self.settings = check_settings(write_random_walk, settings, WALK_CHECKS)
        if not REFERENCE.search(f'{self.settings["masks"]} {self.settings["mask_ids"]}'):  # else made by another stage
            check_masks(self.settings['masks'], self.settings['mask_ids'])
        build_refiner(self.settings['refiner'])

    def run(self, context: StageContext) -> dict[str, Any]:
        """Write the labels into the folder of the stage; after a cut those that are missing."""
        cfg = context.config_of(self.stage)
        return write_random_walk(cfg, self.checkpoint, self.cams, context.work_dir, context.resumed, **self.settings)


@TASK_UTILS.register_module()
class WriteCAMs(StageTask):
    """:func:`write_cam_folder` as a stage; the next ones find the maps in ``'{stages.NAME}'``.

    Args:
        stage: The stage whose config says network and data.
        checkpoint: Its weights, such as ``'{stages.cam}'``.
        **settings: Those of :class:`~mmseg_wsss.labelling.cam_threshold_sweep.CAMSettings`.
    """

    def __init__(self, stage: str, checkpoint: str, **settings: Any) -> None:
        self.stage = stage
        self.checkpoint = checkpoint
        self.settings = CAMSettings(**check_settings(CAMSettings, settings))

    def run(self, context: StageContext) -> dict[str, Any]:
        """Write the maps into the folder of the stage; after a cut those that are missing, with ``evaluate`` all."""
        cfg = context.config_of(self.stage)
        return write_cam_folder(cfg, self.checkpoint, context.work_dir, self.settings, keep=context.resumed)


@TASK_UTILS.register_module()
class WriteBoxLabels(StageTask):
    """:func:`write_box_labels` as a stage; ``'{stages.NAME}/masks'`` are then the masks.

    Args:
        dataset: Config of the data set with boxes.
        **settings: ``method`` and the other settings of :func:`write_box_labels`.

    Raises:
        ImportError: If the CRF's package is missing: before the first stage, not after it.
        ValueError: If there is no such method.
    """

    def __init__(self, dataset: Mapping[str, Any], **settings: Any) -> None:
        self.dataset = dataset
        self.settings = check_settings(write_box_labels, settings)
        build_crf(self.settings.get('method', METHODS[0]), self.settings.get('refiner'))

    def run(self, context: StageContext) -> dict[str, Any]:
        """Write the labels into the folder of the stage; after a cut those that are missing, with GrabCut all."""
        summary = write_box_labels(self.dataset, context.work_dir, context.resumed, **self.settings)
        context.logger.info(f'{context.name}: {summary}')
        return summary


@TASK_UTILS.register_module()
class WriteGeneratorLabels(StageTask):
    """:func:`write_generator_labels` as a stage; ``'{stages.NAME}/masks'`` are then the masks.

    Args:
        generator: Checkpoint of the generator, such as ``'{stages.generator_1}'``.
        dataset: Config of the data set with boxes.
        **settings: ``partner`` and the other settings of :func:`write_generator_labels`.
    """

    def __init__(self, generator: Source, dataset: Mapping[str, Any], **settings: Any) -> None:
        self.generator = generator
        self.dataset = dataset
        self.settings = check_settings(write_generator_labels, settings)

    def run(self, context: StageContext) -> dict[str, Any]:
        """Write the labels into the folder of the stage; after a cut those that are missing."""
        folder, keep = context.work_dir, context.resumed
        summary = write_generator_labels(self.generator, self.dataset, folder, keep, **self.settings)
        context.logger.info(f'{context.name}: {summary}')
        return summary


@TASK_UTILS.register_module()
class ScoreLabels(StageTask):
    """:func:`score_label_folder` of several folders as a stage: which labels are the better ones.

    Args:
        labels: Folders of pseudo-labels by name, such as ``dict(filled='{stages.boxes}')``.
        dataset: Config of the data set with masks.
        classes: Names of the classes to average over.
    """

    def __init__(self, labels: Mapping[str, str], dataset: Mapping[str, Any], classes: Sequence[str] = ()) -> None:
        self.labels = dict(labels)
        self.dataset = dataset
        self.classes = tuple(classes)

    def run(self, context: StageContext) -> dict[str, float]:
        """Return ``<name>/<score>`` of every folder."""
        scores = {}
        for name, folder in self.labels.items():
            of_folder = score_label_folder(folder, self.dataset, self.classes)
            context.logger.info(f'{context.name}: labels {name!r} against the masks: {of_folder}')
            scores.update({f'{name}/{key}': value for key, value in of_folder.items()})
        return scores


@TASK_UTILS.register_module()
class WriteShapes(StageTask):
    """Draw the pictures of a ``ShapesDataset`` into ``images``, ``masks`` and ``weak_labels.json`` (boxes and tags).

    Args:
        **settings: ``num_images``, ``size`` and ``seed`` of ``ShapesDataset``.
    """

    def __init__(self, **settings: Any) -> None:
        self.settings = settings

    def run(self, context: StageContext) -> dict[str, Any]:
        """Write the files, on the first process."""
        if is_main_process():
            write_shapes(context.work_dir, **self.settings)
        barrier()
        return {'images': self.settings.get('num_images', 200)}
