"""Steps between the trainings of a pipeline: exports, random walks, pseudo-labels."""

from __future__ import annotations

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
    """

    name: str
    work_dir: Path
    config_of: Callable[[str], Config]
    logger: Logger


class StageTask(ABC):
    """A stage that is no training: ``stages=dict(export=dict(task=dict(type='MyTask', ...)))``.

    Register subclasses with ``mmseg.registry.TASK_UTILS``; the other keys are the arguments of ``__init__``, where
    ``'{stages.cam}'`` has become the checkpoint of stage ``cam``.
    """

    @abstractmethod
    def run(self, context: StageContext) -> Mapping[str, Any] | None:
        """Do the work, on every process; share it out by rank and let one write each file.

        Args:
            context: Folder, logger and the stages before.

        Returns:
            Plain numbers and strings worth keeping in the marker of the stage, or None.
        """
