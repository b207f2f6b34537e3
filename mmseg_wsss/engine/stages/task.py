"""Steps between trainings, and parts that list the stages of a config."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, fields
from logging import Logger
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeVar

from mmengine.config import Config

from ...datasets.formats.files import nearest


class Dataclass(Protocol):
    """Any dataclass."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]


Settings = TypeVar('Settings', bound=Dataclass)


@dataclass(frozen=True)
class StageContext:
    """The context of a task.

    Args:
        name: Name of its stage.
        work_dir: Folder for all its files. An interrupted task starts again in the same folder.
        config_of: The resolved config of an earlier stage by name, to build the network of its checkpoint.
        logger: The logger, which is only active on the first process.
        resumed: Whether the task was interrupted before: files in the folder were made with the same settings and may
            be kept if they are complete. The last one may be incomplete.
    """

    name: str
    work_dir: Path
    config_of: Callable[[str], Config]
    logger: Logger
    resumed: bool = False


class StageTask(ABC):
    """A stage that is not a training: ``stages=dict(export=dict(task=dict(type='MyTask', ...)))``.

    Register subclasses with ``mmseg.registry.TASK_UTILS``; the other keys are the arguments of ``__init__``, where
    ``'{stages.cam}'`` is replaced by the checkpoint of stage ``cam``. Before the first stage runs, each task is built
    once with the unresolved strings to check its settings: ``__init__`` stores them and must not open files.
    """

    @abstractmethod
    def run(self, context: StageContext) -> Mapping[str, Any] | None:
        """Do the work, on every process; divide it by rank, so that each file is written by one process.

        Args:
            context: Folder, logger and the previous stages.

        Returns:
            Plain numbers and strings for the marker of the stage, or None.
        """


class StageBuilder(ABC):
    """A part that lists the stages of a config: ``stages=dict(type='MyStages', ...)``.

    Register subclasses, which are dataclasses that check themselves, with ``mmseg.registry.TASK_UTILS``; the other keys
    are their fields.
    """

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    @abstractmethod
    def stages(self) -> dict[str, Any]:
        """Return the stages in order, each in the form of a config."""


def make_settings(kind: type[Settings], given: Mapping[str, Any]) -> Settings:
    """Build a dataclass that checks itself from a config.

    Args:
        kind: The dataclass.
        given: Its fields by name.

    Raises:
        TypeError: If a setting is unknown; the message names the nearest one.
    """
    known = [field.name for field in fields(kind)]
    for name in given:
        if name not in known:
            raise TypeError(f'{kind.__name__} has no setting {name!r}; {nearest(name, known)}')
    return kind(**given)
