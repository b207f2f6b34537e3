"""Containers that readers fill: the labels of one image, and the images of a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ...structures import ImageEntry, WeakAnnotations, WeakLabelSet, image_id

Place = Sequence[float]
NO_AREA = 'boxes without a width or height, which become one pixel wide or high'


@dataclass
class Drawing:
    """The labels of one image, one by one."""

    points: list[Place] = field(default_factory=list)
    point_labels: list[int] = field(default_factory=list)
    lines: list[Sequence[Place]] = field(default_factory=list)
    line_labels: list[int] = field(default_factory=list)
    boxes: list[Place] = field(default_factory=list)
    box_labels: list[int] = field(default_factory=list)
    tags: list[int] | None = None
    mask: str | None = None

    def click(self, x: float, y: float, label: int) -> None:
        """Add a click."""
        self.points.append((x, y))
        self.point_labels.append(label)

    def scribble(self, vertices: Sequence[Place], label: int) -> None:
        """Add an open line with at least one vertex (x, y)."""
        self.lines.append(vertices)
        self.line_labels.append(label)

    def box(self, corners: Place, label: int) -> None:
        """Add a box (x1, y1, x2, y2); both corners are pixels of the box."""
        self.boxes.append(corners)
        self.box_labels.append(label)

    def edge_box(self, corners: Place, label: int) -> None:
        """Add a box (x1, y1, x2, y2) measured from the edge of the image, where x2 is the end of its last pixel.

        The corners may be in any order.
        """
        x1, x2 = sorted((corners[0], corners[2]))
        y1, y2 = sorted((corners[1], corners[3]))
        self.box((x1, y1, max(x2 - 1, x1), max(y2 - 1, y1)), label)

    def tag(self, label: int) -> None:
        """Add a tag."""
        self.tags = [*(self.tags or ()), label]

    def annotations(self) -> WeakAnnotations:
        """Return everything that was added."""
        return WeakAnnotations(
            points=np.array(self.points, dtype=np.float64).reshape(-1, 2),
            point_labels=np.array(self.point_labels, dtype=np.int64),
            polylines=tuple(np.array(line, dtype=np.float64) for line in self.lines),
            polyline_labels=np.array(self.line_labels, dtype=np.int64),
            boxes=np.array(self.boxes, dtype=np.float64).reshape(-1, 4),
            box_labels=np.array(self.box_labels, dtype=np.int64),
            tags=None if self.tags is None else tuple(sorted({*self.tags} - {0})),
            mask_path=self.mask,
        )


class ImageCollector:
    """The images of a file by id; two images with the same id are an error.

    Args:
        path: The file, for the messages.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.images: dict[str, ImageEntry] = {}

    def add(
        self,
        name: str,
        size: tuple[int | None, int | None],
        labels: WeakAnnotations | Drawing,
        where: str = '',
        *,
        key: str | None = None,
    ) -> None:
        """Add an image.

        Args:
            name: Its file name below the image folder.
            size: Its width and height, None if the file does not contain them.
            labels: Its labels.
            where: Place in the file, for messages.
            key: Its id; None: its name without the suffix. Where the suffix of images is longer than that, such as
                ``_leftImg8bit.png``, the id is the part before it.

        Raises:
            ValueError: If another image has its id.
        """
        key = key or image_id(name)
        if key in self.images:
            raise ValueError(
                f'{where or self.path}: image {key!r} appears twice ({self.images[key].file_name!r}, {name!r}): the id '
                'of an image is its name without the suffix. Join the entries of one file; rename one of two files.'
            )
        annotations = labels.annotations() if isinstance(labels, Drawing) else labels
        self.images[key] = ImageEntry(name, *size, annotations)

    def label_set(self, classes: Sequence[str]) -> WeakLabelSet:
        """Return everything that was added."""
        return WeakLabelSet(tuple(classes), images=self.images)
