"""Several consecutive trainings and exports from one config."""

from __future__ import annotations

import gc
import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.dist import barrier, is_main_process
from mmengine.logging import MMLogger
from mmengine.registry import RUNNERS, init_default_scope
from mmseg.registry import TASK_UTILS

from ...checkpoints.run import newest_checkpoint_of_one_run
from ...checkpoints.work_dir import StageResult, newest_loadable_checkpoint, read_marker
from ..processes import agree, connect
from ..training import run_training, sole_training
from .config import Stage, parse_stages, resolve
from .marker import describe_folder, read_begun_marker, sha256, write_marker
from .plan import is_done, made_from, plan, result_of
from .task import StageContext, StageTask

FAULTS_OF_SETTINGS = (ImportError, FileNotFoundError, KeyError, TypeError, ValueError)
_run_number = itertools.count(1)


@RUNNERS.register_module()
class StagedRunner:
    """Runs the stages of a config in order, keeps finished ones and resumes an interrupted one.

    The config has ``runner_type='StagedRunner'`` and ``stages=dict(name=dict(...), ...)``. A stage is a training (its
    keys override those next to ``stages``, or those of ``config='file.py'``; a string means such a file) or a task,
    ``task=dict(type='...')`` of a registered :class:`StageTask`. Both may have ``inputs``, files or folders that must
    exist. ``'{stages.cam}'`` in any string is the last checkpoint of stage ``cam``, or its folder if it is a task;
    ``'{stages.cam.dir}'`` is always the folder; ``'{runs.WORK_DIR.cam}'`` is the result of a stage of another run.
    ``stages=dict(type='...', ...)`` names a part that lists the stages, such as ``LPGStages``. ``only``, a name or a
    list of names, runs only these stages.

    Every stage has a folder ``<work_dir>/NN_<name>`` with a ``stage.json`` of what it was made from: settings, files
    that the settings name, and results of the stages it refers to. An existing stage is compared with the current
    config; a difference is an error that names it, and nothing is overwritten. A second runner in the same ``work_dir``
    is an error while the first one trains.

    Args:
        cfg: The config; ``work_dir`` is required and must be on a disk that all processes share.

    Raises:
        FileNotFoundError: If the config file of a stage is missing.
        ValueError: If the config is wrong.
    """

    def __init__(self, cfg: Config) -> None:
        if cfg.get('work_dir') is None:
            raise ValueError('StagedRunner needs a work_dir')
        self.cfg = cfg
        self.stages = {stage.name: stage for stage in parse_stages(cfg)}
        self.only = self._chosen(cfg.get('only'))

    @classmethod
    def from_cfg(cls, cfg: Config | dict[str, Any]) -> StagedRunner:
        """Build the runner in the same way as mmengine."""
        return cls(cfg if isinstance(cfg, Config) else Config(cfg))

    def train(self) -> dict[str, Path]:
        """Run the unfinished stages.

        Returns:
            The result (checkpoint, or folder of a task) of every finished stage.

        Raises:
            FileNotFoundError: If an input of a stage is missing.
            ValueError: If an existing stage was made from something else, an earlier stage is missing, or another
                runner trains in the same ``work_dir``.
        """
        self._connect()
        with sole_training(self.cfg.work_dir):
            return self._train()

    def _train(self) -> dict[str, Path]:
        unfinished = agree(lambda: plan(self.stages, self.only))
        for stage in self.stages.values():  # find wrong settings of a task before any training
            if stage.is_task and stage.name in unfinished:
                self._build_task(stage, stage.config['task'])
        for stage in self.stages.values():
            if stage.name in unfinished:
                self._run(stage)
            elif stage.name in self.only:
                self._log(stage, f'is finished, {result_of(stage)} is kept')
        return {name: result_of(stage) for name, stage in self.stages.items() if is_done(stage)}

    def stage_config(self, name: str) -> Config:
        """Return the config of a stage with resolved references; the stages it refers to must be finished."""
        stage = self.stages[name]
        config = resolve(stage.config, self._results(stage))
        return Config(config, cfg_text=stage.title, filename=str(stage.work_dir / f'{name}.py'))

    def _chosen(self, only: str | Sequence[str] | None) -> tuple[str, ...]:
        chosen = (only,) if isinstance(only, str) else tuple(self.stages if only is None else only)
        unknown = [name for name in chosen if name not in self.stages]
        if unknown or not chosen:
            raise ValueError(f'only={only!r}: the stages are {", ".join(self.stages)}')
        return chosen

    def _connect(self) -> None:
        connect(self.cfg)
        init_default_scope(self.cfg.get('default_scope', 'mmseg'))
        work_dir = Path(self.cfg.work_dir)
        if is_main_process():
            work_dir.mkdir(parents=True, exist_ok=True)
        name = f'stages_{next(_run_number)}'
        log_file = str(work_dir / 'stages.log') if is_main_process() else None
        self._logger = MMLogger.get_instance(name, logger_name='mmseg_wsss', log_file=log_file, file_mode='a')

    def _log(self, stage: Stage, message: str) -> None:
        self._logger.info(f'{stage.title} {message}')

    def _run(self, stage: Stage) -> None:
        begun, checkpoint = agree(lambda: self._begin(stage))
        going_on = 'resumes' if begun and stage.is_task else 'begins'
        going_on = going_on if checkpoint is None else f'resumes from {checkpoint}'
        self._log(stage, f'{going_on}, in {stage.work_dir}')
        if stage.is_task:
            result = self._run_task(stage, begun)
        else:
            self._train_stage(stage, checkpoint)
            result = {}
        barrier()
        agree(lambda: self._end(stage, result))
        self._log(stage, f'is finished: {result_of(stage)}')

    def _begin(self, stage: Stage) -> tuple[bool, Path | None]:
        """Write a marker; return whether there was one with the same settings, and the checkpoint to resume from."""
        begun = read_begun_marker(stage.work_dir) is not None
        if not begun:
            missing = [path for path in resolve(stage.inputs, self._results(stage)) if not Path(path).exists()]
            if missing:
                raise FileNotFoundError(
                    f'{stage.title}: its input {missing[0]} is missing, and no stage made it: correct its inputs, or '
                    'the output of the previous stage'
                )
            write_marker(stage.work_dir, {'done': False, 'made_from': made_from(stage, self.stages)})
        return begun, None if stage.is_task else newest_checkpoint_of_one_run(stage.work_dir)

    def _results(self, stage: Stage) -> dict[str, tuple[Path, Path]]:
        """Return results and folders of the stages that this one refers to."""
        own = {name: (result_of(self.stages[name]), self.stages[name].work_dir) for name in stage.references}
        return {**own, **{other.key: (result_of(other), other.work_dir) for other in stage.others}}

    def _end(self, stage: Stage, result: dict[str, Any]) -> None:
        marker = read_marker(stage.work_dir)
        if marker is None:
            raise ValueError(f'{stage.title} has lost its folder {stage.work_dir} while it ran: run it again')
        made: StageResult
        if stage.is_task:
            made = {'returned': result, 'files': describe_folder(stage.work_dir)}
        else:
            checkpoint = newest_loadable_checkpoint(stage.work_dir)
            if checkpoint is None:
                raise ValueError(
                    f'{stage.title} ended without a checkpoint in {stage.work_dir}: it needs a CheckpointHook '
                    "(default_hooks=dict(checkpoint=dict(type='CheckpointHook', ...))) that saves the last weights"
                )
            made = {'checkpoint': checkpoint.name, 'sha256': sha256(checkpoint)}
        write_marker(stage.work_dir, {**marker, 'done': True, 'result': made})

    def _run_task(self, stage: Stage, resumed: bool) -> dict[str, Any]:
        task = self._build_task(stage, self.stage_config(stage.name).task)
        context = StageContext(stage.name, stage.work_dir, self.stage_config, self._logger, resumed)
        return dict(task.run(context) or {})

    def _build_task(self, stage: Stage, config: Mapping[str, Any]) -> StageTask:
        try:
            task = TASK_UTILS.build(dict(config))
        except FAULTS_OF_SETTINGS as error:
            kind = next(kind for kind in FAULTS_OF_SETTINGS if isinstance(error, kind))
            text = error.args[0] if isinstance(error, KeyError) else error  # its str() is a repr
            raise kind(f'{stage.title}: {text}') from error
        if not isinstance(task, StageTask):
            raise TypeError(f'{stage.title}: {type(task).__name__} is not a StageTask: it has no run(context)')
        return task

    def _train_stage(self, stage: Stage, checkpoint: Path | None) -> None:
        config = self.stage_config(stage.name)
        config.work_dir = str(stage.work_dir)
        config.experiment_name = f'{stage.number:02d}_{stage.name}'
        config.resume = checkpoint is not None
        config.load_from = str(checkpoint) if checkpoint else config.get('load_from')
        processor = dict(config.get('log_processor') or {})
        if processor.get('type', 'LogProcessor') == 'LogProcessor':
            config.log_processor = {**processor, 'type': 'StageLogProcessor', 'stage': stage.title}
        run_training(config)
        gc.collect()
        torch.cuda.empty_cache()
