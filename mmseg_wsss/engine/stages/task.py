"""Steps between the trainings of a pipeline: exports, random walks, pseudo-labels."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from logging import Logger
from pathlib import Path
from typing import Any

from mmengine.config import Config


@dataclass(frozen=True)
class StageContext:
    """What a task gets to know.

    Args:
        name: Name of its stage.
        work_dir: Its folder, for everything that it writes. A task that was cut starts again in the same folder.
        config_of: The resolved config of an earlier stage by name: to build the network of its checkpoint.
        logger: Says where things are; silent but on the first process.
        resumed: Whether the task was cut before: files that are in the folder were made with the same settings, and
            whole ones may be kept. The last one may be half.
    """

    name: str
    work_dir: Path
    config_of: Callable[[str], Config]
    logger: Logger
    resumed: bool = False


def check_settings(
    function: Callable[..., Any],
    settings: Mapping[str, Any],
    checks: Mapping[str, Callable[[Any, str], object]] | None = None,
) -> dict[str, Any]:
    """Return the settings of a task that hands them to a function, with the defaults of the function.

    Args:
        function: Takes them as arguments that are keyword-only.
        settings: By name.
        checks: By name, what raises ``ValueError`` or ``TypeError`` for a value, given that and the name.

    Raises:
        TypeError: If the function has no such argument.
    """
    parameters = inspect.signature(function).parameters.values()
    known = {parameter.name: parameter.default for parameter in parameters if parameter.kind is parameter.KEYWORD_ONLY}
    unknown = [name for name in settings if name not in known]
    if unknown:
        raise TypeError(f'{function.__name__} has no setting {unknown[0]!r}: choose from {", ".join(known)}')
    complete = {name: value for name, value in known.items() if value is not inspect.Parameter.empty} | {**settings}
    for name, check in (checks or {}).items():
        check(complete[name], name)
    return complete


class StageTask(ABC):
    """A stage that is no training: ``stages=dict(export=dict(task=dict(type='MyTask', ...)))``.

    Register subclasses with ``mmseg.registry.TASK_UTILS``; the other keys are the arguments of ``__init__``, where
    ``'{stages.cam}'`` has become the checkpoint of stage ``cam``. Before the first stage runs, each task is built once
    with these strings as they stand, to check its settings: ``__init__`` keeps them and opens no file.
    """

    @abstractmethod
    def run(self, context: StageContext) -> Mapping[str, Any] | None:
        """Do the work, on every process; share it out by rank and let one write each file.

        Args:
            context: Folder, logger and the stages before.

        Returns:
            Plain numbers and strings worth keeping in the marker of the stage, or None.
        """
