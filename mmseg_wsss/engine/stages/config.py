"""The config of a training in stages, read before anything is run."""

from __future__ import annotations

import copy
import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmseg.registry import TASK_UTILS

from ...datasets.formats.files import nearest
from ..optimizers import with_mixed_precision
from .task import StageBuilder, make_settings

REFERENCE = re.compile(r'\{stages\.([^{}]*)\}')
RUN_REFERENCE = re.compile(r'\{runs\.([^{}]+)\.(\w+)\}')
OF_THE_WHOLE = ('runner_type', 'stages', 'only', 'amp', 'work_dir', 'experiment_name', 'load_from', 'resume')
"""Keys of the config that no stage inherits."""
RENAMED = {
    'WriteGeneratorLabels': {'stage': 'round'},
    'LPGStageHook': {'stage': 'round', 'num_stages': 'num_rounds'},
}
"""Former names of settings, by type; they are accepted until the next release."""


@dataclass(frozen=True)
class OtherStage:
    """A stage of another run, ``'{runs.WORK_DIR.NAME}'``.

    Args:
        run: The work dir of the run.
        name: The name of the stage.
    """

    run: str
    name: str

    @property
    def work_dir(self) -> Path:
        """The folder of the stage, even if it does not exist yet."""
        return stage_folder(Path(self.run), self.name) or Path(self.run) / f'NN_{self.name}'

    @property
    def key(self) -> str:
        """The name in references and markers."""
        return f'{self.run}.{self.name}'

    @property
    def title(self) -> str:
        """The name in messages."""
        return f'stage {self.name!r} of {self.run}'


@dataclass(frozen=True)
class Stage:
    """A stage of the config.

    Args:
        name: Name of the stage.
        number: Position of the stage, starting at 1.
        total: The number of stages.
        config: Config of a Runner, or ``dict(task=...)``; references are not resolved.
        work_dir: Folder of the stage.
        inputs: Files and folders that must exist when the stage starts; may contain references.
    """

    name: str
    number: int
    total: int
    config: dict[str, Any]
    work_dir: Path
    inputs: tuple[str, ...] = ()

    @property
    def is_task(self) -> bool:
        """Whether the stage is a task instead of a Runner."""
        return 'task' in self.config

    @property
    def reader(self) -> str | None:
        """The name of the stage whose config determines how a task reads its images, or None."""
        name = self.config.get('task', {}).get('stage')
        return None if name is None else str(name)

    @property
    def title(self) -> str:
        """The name in messages."""
        return f'stage {self.number}/{self.total} {self.name!r}'

    @property
    def texts(self) -> list[str]:
        """All strings that may refer to a result."""
        return [*strings(self.config), *self.inputs]

    @property
    def references(self) -> tuple[str, ...]:
        """Names of the stages whose results it uses."""
        found = [match.partition('.')[0] for text in self.texts for match in REFERENCE.findall(text)]
        return tuple(dict.fromkeys(found))

    @property
    def others(self) -> tuple[OtherStage, ...]:
        """Stages of other runs whose results it uses."""
        found = [match for text in self.texts for match in RUN_REFERENCE.findall(text)]
        return tuple(OtherStage(*match) for match in dict.fromkeys(found))


def parse_stages(cfg: Config) -> list[Stage]:
    """Read ``cfg.stages``.

    Raises:
        FileNotFoundError: If the config file of a stage is missing.
        ValueError: If the config of a stage is wrong; the message names the stage.
    """
    given = listed_stages(cfg)
    if cfg.get('load_from') is not None:
        raise ValueError(
            f'load_from={cfg.load_from!r} is outside of the stages: move it into the stage that starts from it, '
            'stages=dict(name=dict(load_from=...)); stages resume by themselves'
        )
    base = {key: value for key, value in cfg.items() if key not in OF_THE_WHOLE}
    stages: list[Stage] = []
    for number, (name, settings) in enumerate(given.items(), start=1):
        if not re.fullmatch(r'\w+', name):
            raise ValueError(f'stage {name!r}: names of stages consist of letters, digits and underscores')
        settings = {'config': settings} if isinstance(settings, str) else copy.deepcopy(dict(settings))
        inputs = settings.pop('inputs', ())
        config = _stage_config(name, settings, base, cfg)
        renamed = with_new_names(config)
        if renamed != config:
            warnings.warn(f'stage {name!r} has settings by their former names ({RENAMED})', FutureWarning, stacklevel=2)
        stage = Stage(
            name,
            number,
            len(given),
            renamed,
            stage_folder(Path(cfg.work_dir), name) or Path(cfg.work_dir) / f'{number:02d}_{name}',
            (inputs,) if isinstance(inputs, str) else tuple(inputs),
        )
        _check_references(stage, stages)
        stages.append(stage)
    return stages


def listed_stages(cfg: Config) -> Mapping[str, Any]:
    """Return ``cfg.stages`` by name, listed by its part if it is ``dict(type='...', ...)``.

    Raises:
        ValueError: If there are no stages, or the part is not a :class:`StageBuilder`.
    """
    given = cfg.get('stages')
    if not isinstance(given, Mapping) or not given:
        raise ValueError(f'StagedRunner needs stages=dict(name=dict(...), ...) in the config, got {given!r}')
    if not isinstance(given.get('type'), str):
        return given
    settings = Config(dict(given)).to_dict()
    name = settings.pop('type')
    kind = TASK_UTILS.get(name)
    if not (isinstance(kind, type) and issubclass(kind, StageBuilder)):
        known = [
            key
            for key, part in TASK_UTILS.module_dict.items()
            if isinstance(part, type) and issubclass(part, StageBuilder)
        ]
        raise ValueError(f'stages.type={name!r} does not list stages; {nearest(name, known)}')
    return make_settings(kind, settings).stages()


def refers(text: object) -> bool:
    """Whether a string refers to the result of a stage."""
    return bool(REFERENCE.search(str(text)) or RUN_REFERENCE.search(str(text)))


def resolve(value: Any, results: Mapping[str, tuple[Path, Path]]) -> Any:
    """Replace ``{stages.NAME}`` by the result of a stage and ``{stages.NAME.dir}`` by its folder, in all strings.

    ``{runs.WORK_DIR.NAME}`` becomes the result of a stage of another run.

    Args:
        value: Nested dicts, lists and tuples.
        results: (result, folder) of each stage; of another run's under ``WORK_DIR.NAME``.
    """
    if isinstance(value, str):
        value = RUN_REFERENCE.sub(lambda match: str(results[f'{match[1]}.{match[2]}'][0]), value)
        return REFERENCE.sub(lambda match: str(_result(match[1], results)), value)
    if isinstance(value, Mapping):
        return {key: resolve(item, results) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(resolve(item, results) for item in value)
    return value


def _result(reference: str, results: Mapping[str, tuple[Path, Path]]) -> Path:
    name, _, part = reference.partition('.')
    result, folder = results[name]
    return folder if part == 'dir' else result


def with_new_names(settings: Any) -> Any:
    """Return settings with the former names of ``RENAMED`` replaced, in all nested dicts and lists."""
    if isinstance(settings, Mapping):
        names = RENAMED.get(str(settings.get('type')), {})
        return {names.get(key, key): with_new_names(value) for key, value in settings.items()}
    if isinstance(settings, list | tuple):
        return type(settings)(with_new_names(item) for item in settings)
    return settings


def strings(value: Any) -> Iterator[str]:
    """Yield all strings of nested dicts, lists and tuples."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping | list | tuple):
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from strings(item)


def _stage_config(name: str, settings: dict[str, Any], base: dict[str, Any], cfg: Config) -> dict[str, Any]:
    if 'task' in settings:
        if len(settings) > 1 or 'type' not in settings['task']:
            raise ValueError(
                f"stage {name!r}: a task is task=dict(type='...', ...), and optionally inputs=[...], got "
                f'{sorted(settings)}'
            )
        task: dict[str, Any] = Config(settings).to_dict()
        return task
    path = settings.pop('config', None)
    own = Config(copy.deepcopy(base)) if path is None else Config.fromfile(_find_config(name, path, cfg.filename))
    own.merge_from_dict(settings)
    merged: dict[str, Any] = own.to_dict()
    merged['launcher'] = cfg.get('launcher', 'none')
    if 'stages' in merged:
        raise ValueError(f'stage {name!r} has stages itself: list all stages in one config')
    missing = [key for key in ('model', 'train_dataloader', 'train_cfg', 'optim_wrapper') if merged.get(key) is None]
    if missing:
        raise ValueError(
            f'stage {name!r} has no {", ".join(missing)}: a stage is a config that trains (its own keys over those '
            "next to stages, or over config='file.py'), or task=dict(type='...')"
        )
    if cfg.get('amp', False):
        merged['optim_wrapper'] = with_mixed_precision(merged['optim_wrapper'])
    return merged


def _find_config(name: str, path: str, filename: str | None) -> Path:
    candidates = [Path(path), *([Path(filename).parent / path] if filename else [])]
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    raise FileNotFoundError(f'stage {name!r}: no config file at {" or ".join(map(str, candidates))}')


def stage_folder(work_dir: Path, name: str) -> Path | None:
    """Return the folder of a stage with any number, or None.

    Raises:
        ValueError: If there are several folders.
    """
    there = sorted(path for path in work_dir.glob('*') if re.fullmatch(rf'\d\d_{re.escape(name)}', path.name))
    if len(there) > 1:
        raise ValueError(f'stage {name!r} has several folders: {", ".join(map(str, there))}; delete all but one')
    return there[0] if there else None


def _check_references(stage: Stage, before: list[Stage]) -> None:
    earlier = [other.name for other in before]
    trainings = [other.name for other in before if not other.is_task]
    if stage.reader is not None and stage.reader not in trainings:
        raise ValueError(
            f'{stage.title}: stage={stage.reader!r} is not an earlier training: '
            + (f'choose from {", ".join(trainings)}' if trainings else 'there are none')
        )
    for text in stage.texts:
        for reference in REFERENCE.findall(text):
            name, _, part = reference.partition('.')
            if name not in earlier or part not in ('', 'dir'):
                raise ValueError(
                    f'{stage.title}: {{stages.{reference}}} is neither the result nor the folder of an earlier stage: '
                    + (f'choose from {", ".join(earlier)}, with .dir for the folder' if earlier else 'there are none')
                )
