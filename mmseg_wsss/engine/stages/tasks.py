"""The tasks between the trainings of a pipeline, as stages; their functions are in ``mmseg_wsss.labelling``.

The settings of a task are those of the writer that it calls. They are checked when the task is built, before the first
stage runs. An interrupted task keeps the images that it has finished.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.dist import barrier, is_main_process
from mmseg.registry import TASK_UTILS

from ...checkpoints.network import Source
from ...datasets.shapes_dataset import write_shapes
from ...labelling.box_masks import BoxSettings, write_box_labels
from ...labelling.cam_export import write_cam_folder
from ...labelling.cam_seeds import SeedSettings, write_seeds
from ...labelling.cam_threshold_sweep import CAMSettings
from ...labelling.generator_masks import GeneratorSettings, write_generator_labels
from ...labelling.label_folder_accuracy import score_label_folder
from ...labelling.mask_accuracy import check_masks
from ...labelling.predictions import PredictionSettings, write_pseudo_labels
from ...labelling.prompted_masks import PromptSettings, write_prompted_labels
from ...labelling.random_walk_labels import RandomWalkSettings, write_random_walk
from .config import refers
from .task import StageContext, StageTask, make_settings


@TASK_UTILS.register_module()
class WritePseudoLabels(StageTask):
    """:func:`write_pseudo_labels` as a stage; ``'{stages.NAME}/masks'`` are then the masks.

    Args:
        stage: The stage whose config has the network and the data.
        checkpoint: Checkpoint of the network, such as ``'{stages.cam}'``.
        changes: Keys that override those of the stage's config, such as another ``train_dataloader`` for a stage that
            learns from labels of another stage, or another ``model.decision``.
        **settings: Settings of :class:`~mmseg_wsss.labelling.predictions.PredictionSettings`.
    """

    def __init__(self, stage: str, checkpoint: str, changes: Mapping[str, Any] | None = None, **settings: Any) -> None:
        self.stage = stage
        self.checkpoint = checkpoint
        self.changes = changes or {}
        self.settings = make_settings(PredictionSettings, settings)

    def run(self, context: StageContext) -> dict[str, Any]:
        """Write the labels into the folder of the stage."""
        cfg = copy.deepcopy(context.config_of(self.stage))
        cfg.merge_from_dict(dict(self.changes))
        return write_pseudo_labels(cfg, self.checkpoint, context.work_dir, self.settings, keep=context.resumed)


@TASK_UTILS.register_module()
class WriteCAMs(StageTask):
    """:func:`write_cam_folder` as a stage; ``'{stages.NAME}'`` is then the folder of the maps.

    Args:
        stage: The stage whose config has the network and the data.
        checkpoint: Checkpoint of the network, such as ``'{stages.cam}'``.
        **settings: Settings of :class:`~mmseg_wsss.labelling.cam_threshold_sweep.CAMSettings`.
    """

    def __init__(self, stage: str, checkpoint: str, **settings: Any) -> None:
        self.stage = stage
        self.checkpoint = checkpoint
        self.settings = make_settings(CAMSettings, settings)

    def run(self, context: StageContext) -> dict[str, Any]:
        """Write the maps into the folder of the stage."""
        cfg = context.config_of(self.stage)
        return write_cam_folder(cfg, self.checkpoint, context.work_dir, self.settings, keep=context.resumed)


@TASK_UTILS.register_module()
class WriteSeeds(StageTask):
    """:func:`write_seeds` as a stage; its folder is the ``label_root`` of the affinity network's training.

    Args:
        stage: The stage whose config has the data, such as that of the CAM network.
        cams: The maps, such as ``'{stages.cams}'``.
        **settings: Settings of :class:`~mmseg_wsss.labelling.cam_seeds.SeedSettings`.
    """

    def __init__(self, stage: str, cams: str, **settings: Any) -> None:
        self.stage = stage
        self.cams = cams
        self.settings = make_settings(SeedSettings, settings)

    def run(self, context: StageContext) -> dict[str, Any]:
        """Write the seeds into the folder of the stage."""
        cfg = context.config_of(self.stage)
        return write_seeds(cfg, self.cams, context.work_dir, self.settings, keep=context.resumed)


@TASK_UTILS.register_module()
class WriteRandomWalk(StageTask):
    """:func:`write_random_walk` as a stage; its folder is the ``label_root`` of the last network's training.

    Args:
        stage: The stage whose config has the affinity network and the data.
        checkpoint: Checkpoint of the network, such as ``'{stages.affinity}'``.
        cams: The maps, such as ``'{stages.cams}'``.
        **settings: Settings of :class:`~mmseg_wsss.labelling.random_walk_labels.RandomWalkSettings`.

    Raises:
        FileNotFoundError: If ``masks`` or ``mask_ids`` are missing and no stage makes them.
    """

    def __init__(self, stage: str, checkpoint: str, cams: str, **settings: Any) -> None:
        self.stage = stage
        self.checkpoint = checkpoint
        self.cams = cams
        self.settings = make_settings(RandomWalkSettings, settings)
        if not refers(f'{self.settings.masks} {self.settings.mask_ids}'):
            check_masks(self.settings.masks, self.settings.mask_ids)

    def run(self, context: StageContext) -> dict[str, Any]:
        """Write the labels into the folder of the stage."""
        cfg, folder = context.config_of(self.stage), context.work_dir
        return write_random_walk(cfg, self.checkpoint, self.cams, folder, self.settings, keep=context.resumed)


@TASK_UTILS.register_module()
class WriteBoxLabels(StageTask):
    """:func:`write_box_labels` as a stage; ``'{stages.NAME}/masks'`` are then the masks.

    Args:
        dataset: Config of the data set with boxes.
        **settings: Settings of :class:`~mmseg_wsss.labelling.box_masks.BoxSettings`.
    """

    def __init__(self, dataset: Mapping[str, Any], **settings: Any) -> None:
        self.dataset = dataset
        self.settings = make_settings(BoxSettings, settings)

    def run(self, context: StageContext) -> dict[str, Any]:
        """Write the labels into the folder of the stage."""
        summary = write_box_labels(self.dataset, context.work_dir, self.settings, keep=context.resumed)
        context.logger.info(f'{context.name}: {summary}')
        return summary


@TASK_UTILS.register_module()
class WritePromptedLabels(StageTask):
    """:func:`write_prompted_labels` as a stage; ``'{stages.NAME}/masks'`` are then the masks.

    Args:
        dataset: Config of the data set with clicks, scribbles or boxes.
        model: A folder of a promptable network, or its name on the Hugging Face Hub.
        **settings: Other settings of :class:`~mmseg_wsss.labelling.prompted_masks.PromptSettings`.
    """

    def __init__(self, dataset: Mapping[str, Any], model: str, **settings: Any) -> None:
        self.dataset = dataset
        self.settings = make_settings(PromptSettings, {'model': model, **settings})

    def run(self, context: StageContext) -> dict[str, Any]:
        """Write the labels into the folder of the stage."""
        summary = write_prompted_labels(self.dataset, context.work_dir, self.settings, keep=context.resumed)
        context.logger.info(f'{context.name}: {summary}')
        return summary


@TASK_UTILS.register_module()
class WriteGeneratorLabels(StageTask):
    """:func:`write_generator_labels` as a stage; ``'{stages.NAME}/masks'`` are then the masks.

    Args:
        generator: Checkpoint of the generator, such as ``'{stages.generator_1}'``.
        dataset: Config of the data set with boxes.
        partner: The segmentor whose probabilities the generator reads, or None.
        stage: The former name of ``round``, accepted with a warning.
        **settings: Settings of :class:`~mmseg_wsss.labelling.generator_masks.GeneratorSettings`.
    """

    def __init__(
        self,
        generator: Source,
        dataset: Mapping[str, Any],
        partner: Source | None = None,
        stage: int | None = None,
        **settings: Any,
    ) -> None:
        if stage is not None:
            warnings.warn(
                'WriteGeneratorLabels(stage=) is now WriteGeneratorLabels(round=); the old name goes with the next '
                'release',
                FutureWarning,
                stacklevel=2,
            )
            settings['round'] = stage
        self.generator = generator
        self.dataset = dataset
        self.partner = partner
        self.settings = make_settings(GeneratorSettings, settings)

    def run(self, context: StageContext) -> dict[str, Any]:
        """Write the labels into the folder of the stage."""
        summary = write_generator_labels(
            self.generator,
            self.dataset,
            context.work_dir,
            self.settings,
            partner=self.partner,
            keep=context.resumed,
        )
        context.logger.info(f'{context.name}: {summary}')
        return summary


@TASK_UTILS.register_module()
class ScoreLabels(StageTask):
    """:func:`score_label_folder` of several folders as a stage, to compare their labels.

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
        num_images: Same as in ``ShapesDataset``.
        size: Same as in ``ShapesDataset``.
        seed: Same as in ``ShapesDataset``.
    """

    def __init__(self, num_images: int = 200, size: tuple[int, int] = (128, 128), seed: int = 0) -> None:
        self.settings = {'num_images': num_images, 'size': size, 'seed': seed}

    def run(self, context: StageContext) -> dict[str, Any]:
        """Write the files, on the first process."""
        if is_main_process():
            write_shapes(context.work_dir, **self.settings)
        barrier()
        return {'images': self.settings['num_images']}
