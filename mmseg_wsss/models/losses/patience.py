"""End a training early if its images do not have the labels that a loss learns from."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

PATIENCE = 1000


class _Label(NamedTuple):
    """One field of the inputs of a loss that contains labels.

    Args:
        noun: Name of the labels, for messages.
        found: Whether a batch has any of these labels.
        advice: Hint about the cause.
    """

    noun: str
    found: Callable[[Any], bool]
    advice: str


LABELS = {
    'labels': _Label(
        'labelled pixels',
        lambda inputs: bool((inputs.labels != inputs.ignore_index).any()),
        'Do the labels reach the pixels (wsss check CONFIG)? Boxes do with '
        'RasterizeWeakAnnotations(draw_boxes=True), tags never do: they need a loss such as ImageTagLoss. Is a crop '
        'likely to hold a label (WeakRandomCrop(min_labels=1))?',
    ),
    'tags': _Label(
        'image tags',
        lambda inputs: inputs.tags is not None,
        'Are there tags, or labels that name the classes of an image (wsss check CONFIG)? Does the pipeline load them '
        '(kinds and tags_from of LoadWeakAnnotations) and pack them (PackWeakSegInputs)?',
    ),
    'points': _Label(
        'points',
        lambda inputs: any(len(points) for points in inputs.points),
        'Are there points (wsss check CONFIG)? Does the pipeline load them (kinds of LoadWeakAnnotations)? wsss '
        'convert --box-centres makes points from boxes.',
    ),
    'boxes': _Label(
        'boxes',
        lambda inputs: any(len(boxes) for boxes in inputs.boxes),
        'Are there boxes (wsss check CONFIG)? Does the pipeline load them (kinds of LoadWeakAnnotations)?',
    ),
}
"""The labels that a loss may learn from, by the name of the field of ``LossInputs``."""


def check_fields(fields: Iterable[str], learner: str) -> tuple[str, ...]:
    """Return the names of the fields that contain labels.

    Raises:
        ValueError: If one is unknown.
    """
    unknown = sorted(set(fields) - set(LABELS))
    if unknown:
        raise ValueError(f'{learner}.learns_from names {unknown}: choose from {", ".join(LABELS)}')
    return tuple(fields)


class Patience:
    """Counts the images without labels that a loss learns from.

    Images without such labels are normal; a thousand of them at the start of a training are not.

    Args:
        learner: Name of the loss.
        fields: Fields that it learns from; labels in any of them are enough.
    """

    def __init__(self, learner: str, fields: Iterable[str]) -> None:
        self._learner = learner
        self._fields = check_fields(fields, learner)
        self._images: int | None = 0 if self._fields else None  # images without labels so far; None: there were labels

    def check(self, inputs: Any, num_images: int) -> None:
        """Count the images of a batch.

        Args:
            inputs: The inputs of the loss.
            num_images: Number of images in the batch.

        Raises:
            ValueError: If none of the first thousand images had such labels.
        """
        if self._images is None:
            return
        if any(LABELS[field].found(inputs) for field in self._fields):
            self._images = None
            return
        self._images += num_images
        if self._images >= PATIENCE:
            nouns = ' or '.join(LABELS[field].noun for field in self._fields)
            advice = ' '.join(LABELS[field].advice for field in self._fields)
            raise ValueError(
                f'{self._learner} learns from {nouns}, but none of the first {self._images} images had any. {advice}'
            )
