"""Findings of the checks of data and settings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

ERROR, WARNING, NOTE = 'error', 'warning', 'note'
MOST_CLASSES = 255


@dataclass(frozen=True)
class Finding:
    """A problem, its severity, and what to do.

    Args:
        level: ``error`` (the training would fail or learn nothing), ``warning`` or ``note``.
        text: What is wrong.
        cure: What to do.
    """

    level: str
    text: str
    cure: str = ''

    def __str__(self) -> str:
        return f'{self.text.rstrip(".")}: {self.cure}' if self.cure else self.text


class AuditError(ValueError):
    """Labels, pictures or settings with which a training would fail or learn nothing."""


def raise_errors(findings: Iterable[Finding]) -> None:
    """Raise all errors among findings as one.

    Raises:
        AuditError: If there are errors, with one line for each.
    """
    errors = [str(finding) for finding in findings if finding.level == ERROR]
    if errors:
        raise AuditError('\n'.join(errors))


def check_classes(classes: Sequence[str], palette: Sequence[Sequence[int]] | None = None) -> None:
    """Reject a list of classes with only the background, or with more classes than masks can contain.

    Args:
        classes: Names by id.
        palette: Their colours, or None.

    Raises:
        ValueError: If the list is rejected; the message states what to write.
    """
    if isinstance(classes, str) or not all(isinstance(name, str) for name in classes):
        raise ValueError(f"metainfo.classes must be a list of names, such as ('background', 'cat'), got {classes!r}")
    for colour in palette or ():
        if not (isinstance(colour, Sequence) and len(colour) == 3 and all(value in range(256) for value in colour)):
            raise ValueError(f'metainfo.palette must be a list of (red, green, blue) from 0 to 255, got {colour!r}')
    if len(classes) < 2:
        name = classes[0] if classes else 'object'
        object_name = name if name != 'background' else 'object'
        raise ValueError(
            f'there is one class ({", ".join(classes)}), and class 0 is the background, so that there is nothing to '
            f"tell apart: take classes=('background', '{object_name}'), num_classes=2, and class 1 for what is "
            f'{object_name} in the labels and masks'
        )
    if len(classes) > MOST_CLASSES:
        raise ValueError(
            f'there are {len(classes)} classes, and masks of 8 bits hold {MOST_CLASSES} at most, because 255 means '
            'unlabelled: join classes, or leave some out'
        )
