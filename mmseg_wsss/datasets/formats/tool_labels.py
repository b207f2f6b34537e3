"""Shared by the readers of annotation tools: shapes become clicks, scribbles, boxes, tags and masks."""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...structures import WeakLabelSet
from .class_names import NAMES, ONLY_CLASSES, ClassNames, Names
from .collecting import NO_AREA, Drawing, ImageCollector, Place
from .label_format import BOXES, TAGS, Option, ReadReport
from .masks import MASKS, REST, UNLABELLED, Area, MaskPainter, area_of_polygon, known_size

Size = tuple[int | None, int | None]
SHAPE_OPTIONS: tuple[Option, ...] = (BOXES, TAGS, ONLY_CLASSES, NAMES, MASKS, REST)
IMAGES = Option('images', 'the folder of the images, whose sizes the files do not hold', is_path=True)
IGNORED = '__ignore__'
"""Name of areas that are excluded from training (255 in masks), unless it is the name of a class."""
NOT_AREAS = f'shapes named {IGNORED} that are not areas'
HALF = 0.5
"""Distance of the centre of a pixel from its edge."""
EXACT = 1e-6
"""Integers that were shares of an image are not exact."""
TOO_FEW = 'outlines of fewer than three points'


def shape_reader(parse: Callable[..., None], **fixed: Any) -> Callable[..., WeakLabelSet]:
    """Turn ``parse(path, labels, *, ..)`` into a reader ``(path, classes, *, ..)`` with the settings of both.

    Args:
        parse: Function that reads a file into the given :class:`ToolLabels`; its keywords are additional settings.
        **fixed: Settings of :class:`ToolLabels` that the reader does not offer.
    """
    _, _, *own = inspect.signature(parse).parameters.values()
    _, path, classes, *every = inspect.signature(ToolLabels.__init__).parameters.values()
    shared = [item for item in every if item.name not in fixed]

    @functools.wraps(parse)
    def read(path: str, classes: tuple[str, ...] | None, **settings: Any) -> WeakLabelSet:
        given = {item.name: settings.pop(item.name) for item in own if item.name in settings}
        labels = ToolLabels(path, classes, **settings, **fixed)
        parse(path, labels, **given)
        return labels.label_set()

    read.__signature__ = inspect.Signature([path, classes, *own, *shared])  # type: ignore[attr-defined]
    return read


def from_edge(place: float) -> float:
    """Return the coordinate of a click or vertex that a tool measured, with centres of pixels at integers."""
    whole = float(np.rint(place))
    return whole if math.isclose(place, whole, abs_tol=EXACT) else place - HALF


class ToolLabels:
    """Collects the shapes of one image after the other.

    Tools measure coordinates from the edge of the image: pixel i covers [i, i + 1). Clicks and vertices of lines become
    coordinates whose integers are the centres of pixels, and boxes and outlines exactly the pixels that they cover.
    Integers do not change, because tools and scripts that write them count pixels; either way, a click labels the pixel
    that it lies in.

    Args:
        path: The file or folder, for the messages.
        classes: Class names by id; None collects the names of the files.
        boxes: Whether to keep boxes.
        tags: Whether to keep the classes of all shapes as image tags; tags of the tool itself are always kept.
        only_classes: Whether to leave out other names; otherwise they are an error.
        names: Mapping from names in the files to class names, if they differ.
        masks: Folder to write outlines and painted areas to; without it, they are left out.
        rest: Meaning of the other pixels of masks: ``'background'``, ``'unlabelled'``, or ``'auto'``: unlabelled in
            images that also have clicks, scribbles or boxes.
        report: Report that counts what is left out.
    """

    def __init__(
        self,
        path: str,
        classes: tuple[str, ...] | None,
        *,
        boxes: bool = True,
        tags: bool = False,
        only_classes: bool = False,
        names: Names | None = None,
        masks: str | None = None,
        rest: str = 'background',
        report: ReadReport | None = None,
    ) -> None:
        self.report = report or ReadReport()
        self.names = ClassNames(classes, names=names, only_classes=only_classes, report=self.report)
        self._boxes, self._tags = boxes, tags
        self._painter = MaskPainter(masks, self.report, rest)
        self._images = ImageCollector(path)
        self.begin()

    def begin(self) -> None:
        """Begin an image."""
        self._drawing = Drawing(tags=[] if self._tags else None)

    def finish(self, file_name: str, size: Size, where: str) -> None:
        """End an image.

        Args:
            file_name: Its name below the image folder.
            size: Its width and height, None where the file does not know them.
            where: The place in the file, for the messages.

        Raises:
            ValueError: If another image has its id.
        """
        drawn = self._drawing
        partly = bool(drawn.points or drawn.lines or drawn.boxes)
        drawn.mask = self._painter.write(file_name, partly=partly)
        self._images.add(file_name, size, self._drawing, where)
        self.begin()

    def label_set(self) -> WeakLabelSet:
        """Return all images."""
        return self._images.label_set(self.names.classes)

    def _is_ignored(self, name: object) -> bool:
        return name == IGNORED and IGNORED not in self.names

    def _label(self, name: object, where: str) -> int | None:
        if self._is_ignored(name):
            self.report.leave_out(NOT_AREAS, where)
            return None
        label = self.names.find(name, where)
        if label is not None and self._tags:
            self._drawing.tag(label)
        return label

    def click(self, name: object, x: float, y: float, where: str) -> None:
        """Add a click (x, y), measured from the edge of the image."""
        self.pixel(name, from_edge(x), from_edge(y), where)

    def pixel(self, name: object, x: float, y: float, where: str) -> None:
        """Add a click (x, y) from a file that counts pixels: integers are their centres."""
        label = self._label(name, where)
        if label is not None:
            self._drawing.click(x, y, label)

    def scribble(self, name: object, vertices: Sequence[Place], where: str) -> None:
        """Add an open line, measured from the edge of the image; one without vertices is left out."""
        if not vertices:
            self.leave_out('lines without a point', name, where)
            return
        label = self._label(name, where)
        if label is not None:
            self._drawing.scribble([(from_edge(x), from_edge(y)) for x, y in vertices], label)

    def box(self, name: object, corners: Place, where: str) -> None:
        """Add a box (x1, y1, x2, y2), measured from the edge of the image."""
        label = self._label(name, where)
        if label is not None and self._boxes:
            self._drawing.edge_box(corners, label)
            if corners[0] == corners[2] or corners[1] == corners[3]:
                self.report.change(NO_AREA, where)

    def tag(self, name: object, where: str) -> None:
        """Add a tag of the image."""
        label = self.names.find(name, where)
        if label is not None:
            self._drawing.tag(label)

    def leave_out(self, what: str, name: object, where: str) -> None:
        """Count a shape that is left out. Its class is in the image, and is a tag if the classes of shapes are tags."""
        self.report.leave_out(what, where)
        if self._tags and not self._is_ignored(name):
            self._label(name, where)

    def looked(self) -> None:
        """Mark the image as tagged: without tags, it contains none of the classes."""
        self._drawing.tags = self._drawing.tags or []

    def outline(self, name: object, rings: Sequence[Sequence[Place]], size: Size, where: str) -> None:
        """Add the pixels inside any of the rings [(x, y), ..] of an object.

        Raises:
            ValueError: If a ring lies far outside the image, or masks are written and the size is not known.
        """
        whole = [ring for ring in rings if len(ring) >= 3]
        if len(whole) < len(rings) or not whole:
            self.leave_out(TOO_FEW, name, where)
        if whole and self.paints(name, where):
            flat = [[value for place in ring for value in place] for ring in whole]
            self.area(name, area_of_polygon(flat, known_size(size, where), where, self.report), where)

    def outline_with_holes(self, name: object, rings: Sequence[Sequence[Place]], size: Size, where: str) -> None:
        """Add the pixels inside the first ring and outside the others."""
        if not rings or len(rings[0]) < 3:
            self.leave_out(TOO_FEW, name, where)
        elif self.paints(name, where):
            self.area(name, self.ring(rings, size, where), where)

    def ring(self, rings: Sequence[Sequence[Place]], size: Size, where: str) -> Area:
        """Return the pixels inside the first ring and outside of the others, which are holes."""
        flat = [[value for place in ring for value in place] for ring in rings if len(ring) >= 3]
        area = area_of_polygon(flat[:1], known_size(size, where), where, self.report)
        return area & ~area_of_polygon(flat[1:], known_size(size, where), where) if len(flat) > 1 else area

    def ellipse(self, name: object, numbers: Sequence[float], size: Size, where: str) -> None:
        """Add an ellipse: its centre (x, y), its two radii, and its rotation in degrees."""
        if not self.paints(name, where):
            return
        height, width = known_size(size, where)
        x, y, across, down, degrees = numbers
        if min(across, down) < 0:
            raise ValueError(f'{where}: the radii of an ellipse must not be negative, got {across:g} and {down:g}')
        turn = math.radians(degrees)
        reach = max(across, down) + 1
        left, top = (int(np.clip(value - reach, 0, limit)) for value, limit in ((x, width), (y, height)))
        right, bottom = (int(np.clip(value + reach, 0, limit)) for value, limit in ((x, width), (y, height)))
        rows, columns = np.mgrid[top:bottom, left:right] + 0.5
        along = (columns - x) * math.cos(turn) + (rows - y) * math.sin(turn)
        beside = (rows - y) * math.cos(turn) - (columns - x) * math.sin(turn)
        area = np.zeros((height, width), dtype=np.bool_)
        area[top:bottom, left:right] = np.hypot(along / max(across, 1e-9), beside / max(down, 1e-9)) <= 1
        self.area(name, area, where)

    @property
    def writes_masks(self) -> bool:
        """Whether areas are written."""
        return self._painter.writes

    def paints(self, name: object, where: str) -> bool:
        """Whether areas are written; if not, this one is counted as left out, and only its class is kept."""
        if not self._painter.writes:
            self._painter.skip(where)
            if not self._is_ignored(name):
                self._label(name, where)
        return self._painter.writes

    def area(self, name: object, area: Area, where: str) -> None:
        """Paint the pixels of an object, if :meth:`paints` is true; those of ``__ignore__`` become 255."""
        label = UNLABELLED if self._is_ignored(name) else self._label(name, where)
        if label is not None:
            self._painter.paint(area, label, where)
