"""Find what a pipeline makes of every kind of labels: pixels, tags, points, boxes, or nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ...structures.weak_annotations import KEYS
from .load_weak_annotations import LoadWeakAnnotations
from .rasterize_weak_annotations import RasterizeWeakAnnotations

CARRIED = {'points': ('labels', 'points'), 'scribbles': ('labels',), 'boxes': ('boxes',), 'mask': ('labels',)}


@dataclass(frozen=True)
class LabelRoutes:
    """What a pipeline makes of labels.

    Args:
        fields: For each kind, the fields of ``LossInputs`` that labels of this kind reach.
        tags_read: Whether tags of the annotator are read; labels of other kinds then only become tags if there
            are none.
        left_out: The kinds that ``LoadWeakAnnotations(kinds=...)`` leaves out.
    """

    fields: Mapping[str, tuple[str, ...]]
    tags_read: bool = True
    left_out: frozenset[str] = frozenset()

    def reach(self, kind: str, *, untagged: bool = True) -> tuple[str, ...]:
        """Return the fields that labels of a kind reach.

        Args:
            kind: One of ``points``, ``scribbles``, ``boxes``, ``tags``, ``mask``.
            untagged: Whether there are images that have such labels but no tags.
        """
        fields = self.fields.get(kind, ())
        makes_tags = kind == 'tags' or untagged or not self.tags_read
        return fields if makes_tags else tuple(field for field in fields if field != 'tags')


def label_routes(steps: Iterable[Any]) -> LabelRoutes | None:
    """Return what a pipeline makes of labels; None if it loads none.

    Args:
        steps: The built transforms, in order.

    Example:
        >>> routes = label_routes([LoadWeakAnnotations(), RasterizeWeakAnnotations()])
        >>> routes.reach('boxes'), routes.reach('boxes', untagged=False)
        (('boxes', 'tags'), ('boxes',))
    """
    steps = list(steps)
    loader = next((step for step in steps if isinstance(step, LoadWeakAnnotations)), None)
    if loader is None:
        return None
    drawn = any(step.draw_boxes for step in steps if isinstance(step, RasterizeWeakAnnotations))
    fields: dict[str, tuple[str, ...]] = {}
    for kind in KEYS:
        reached = CARRIED.get(kind, ()) if kind in loader.kinds else ()
        if kind == 'boxes' and kind in loader.kinds and drawn:
            reached = ('labels', *reached)
        makes_tags = kind in loader.tags_from or (kind == 'tags' and kind in loader.kinds)
        fields[kind] = (*reached, 'tags') if makes_tags else reached
    left_out = frozenset(KEYS) - frozenset(loader.needed_kinds)
    return LabelRoutes(fields, 'tags' in loader.needed_kinds, left_out)
