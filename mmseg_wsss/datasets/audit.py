"""Audit of labels from file to loss: contents of the files, output of the pipeline, and use by the losses.

It is pure: it compares counts of labels (:mod:`.label_counts`), the routes of the pipeline (``LabelRoutes``), what the
losses learn from (``label_use`` of the model) and some draws of crops (``CropDraws``), and returns findings.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..structures.weak_annotations import KEYS
from .crop_draws import CropDraws
from .findings import ERROR, NOTE, WARNING, Finding
from .formats.class_names import BACKGROUND
from .label_counts import NOUNS, LabelCounts
from .transforms.label_routes import LabelRoutes

LabelUse = Mapping[str, tuple[str, ...] | None]
FIELDS = {'labels': 'pixels', 'tags': 'tags', 'points': 'points', 'boxes': 'boxes'}
EMPTY_SHARE = 0.1
SMALL_SHARE = 0.9
SHOWN = 5
NAMED = 20
CURES = {
    'boxes': 'fill them with their class (RasterizeWeakAnnotations(draw_boxes=True)), or make masks of them '
    '(configs/lpg), or take a loss that learns from boxes',
    'tags': "take a recipe for tags (configs/single_stage), or add dict(type='ImageTagLoss') to model.losses",
    'points': "add dict(type='PartialCrossEntropyLoss') to model.losses, or take a recipe for clicks",
    'scribbles': "add dict(type='PartialCrossEntropyLoss') to model.losses, or take a recipe for scribbles",
    'mask': "add dict(type='PartialCrossEntropyLoss') to model.losses",
}
UNDRAWN = (
    'make masks of them (configs/lpg), or take a loss that learns from boxes or, where they are drawn '
    '(RasterizeWeakAnnotations(draw_boxes=True)), from pixels'
)
UNUSED = ('stop', 'warn')


@dataclass(frozen=True)
class LabelAudit:
    """The labels of a data set and how they are used.

    Args:
        source: The label files, for messages.
        counts: Contents of the label files.
        routes: What the pipeline makes of the labels; None: it does not load any, and none are expected.
        use: The labels that the losses of the model learn from; None: not known.
        draws: Result of some draws of crops.
        contradictions: Contradictions between the labels of an image.
        files: What happens to the images, and what readers of label files left out.
        unused: ``'stop'``: labels that no loss uses are an error. ``'warn'``: they are a warning if others are used.
        evaluation: Whether the masks are those that predictions are compared with.
    """

    source: str
    counts: LabelCounts
    routes: LabelRoutes | None
    use: LabelUse | None = None
    draws: CropDraws | None = None
    contradictions: tuple[str, ...] = ()
    unused: str = 'stop'
    files: tuple[Finding, ...] = ()
    evaluation: bool = False

    def of_model(self, use: LabelUse) -> LabelAudit:
        """Return the audit with the losses of a model."""
        return replace(self, use=use)

    def of_draws(self, draws: CropDraws | None) -> LabelAudit:
        """Return the audit with some draws of crops."""
        return replace(self, draws=draws)

    def reach(self, kind: str) -> tuple[str, ...]:
        """Return the fields of ``LossInputs`` that labels of a kind reach."""
        return () if self.routes is None else self.routes.reach(kind, untagged=self.counts.untagged[kind] > 0)

    def users(self, kind: str) -> tuple[str, ...]:
        """Return the losses that learn from labels of a kind."""
        reached = set(self.reach(kind))
        losses = (self.use or {}).items()
        return tuple(name for name, fields in losses if reached and (fields is None or reached & set(fields)))

    @property
    def _learns_pixels(self) -> bool:
        """Whether a loss learns from labelled pixels, as far as is known."""
        return self.use is None or any(fields is None or 'labels' in fields for fields in self.use.values())

    @property
    def pixel_kinds(self) -> tuple[str, ...]:
        """The kinds of labels that reach pixels that a loss learns from, as far as is known."""
        return tuple(kind for kind in self.counts.kinds if self._learns_pixels and 'labels' in self.reach(kind))

    def findings(self) -> list[Finding]:
        """Return all findings, errors first."""
        found = [*self.files, *self._masks(), *self._unused(), *self._classes(), *self._images(), *self._crops()]
        order = (ERROR, WARNING, NOTE)
        return sorted(found, key=lambda finding: order.index(finding.level))

    def _masks(self) -> Iterator[Finding]:
        masks = self.counts.masks
        if masks is None or not masks.num_read:
            return
        classes = self.counts.classes
        if masks.background_or_nothing:
            others = self.counts.named([kind for kind in KEYS if kind != 'mask']) - {0}
            others = set() if self.evaluation else others
            void = masks.ignore_index
            yield Finding(
                WARNING if others else ERROR,
                f'{self.source}: {masks.read} hold the values 0 and {void} alone, and {void} means unlabelled: none of '
                f'the classes {_names(classes, range(1, len(classes)))} is in them. Is {void} the object?',
                f'write class ids into the masks, 0 for {classes[0]}, 1 for {classes[1]} and so on, and {void} only '
                'where a pixel is unlabelled',
            )
        elif self.evaluation:
            if not masks.labelled:
                yield Finding(
                    ERROR,
                    f'{self.source}: every pixel of {masks.read} is {masks.ignore_index}, which means unlabelled: '
                    'nothing can be measured',
                    'write class ids into the masks',
                )
                return
            lacking = [index for index in range(len(classes)) if not masks.images[index]]
            if lacking:
                yield Finding(
                    WARNING if masks.num_read == masks.num_masks else NOTE,
                    f'{self.source}: {masks.read} hold no pixel of {_names(classes, lacking)}: their IoU will be nan, '
                    'or 0 where they are predicted',
                )

    def _unused(self) -> Iterator[Finding]:
        if self.use is None or self.routes is None:
            return
        kinds = self.counts.kinds
        used = [kind for kind in kinds if self.users(kind)]
        level = WARNING if self.unused == 'warn' and used else ERROR
        for kind in kinds:
            if kind in used:
                continue
            if kind in self.routes.left_out and used:
                yield Finding(
                    NOTE, f'{self.source}: {self.counts.describe(kind)} are left out by kinds of the pipeline'
                )
                continue
            cure = CURES[kind] if kind != 'boxes' or self._learns_pixels else UNDRAWN
            if used:
                left = [other for other in KEYS if other != kind]
                cure += f"; to do without them, say LoadWeakAnnotations(kinds={left}) or unused_labels='warn'"
            yield Finding(level, f'{self.source}: {self.counts.describe(kind)}, and {self._why(kind)}', cure)

    def _why(self, kind: str) -> str:
        """Return the reason why labels of a kind are not used, and whether nothing is learned."""
        reached = ' and '.join(FIELDS[field] for field in self.reach(kind))
        passed = f'the pipeline makes {reached} of them' if reached else 'the pipeline leaves them out'
        if kind == 'boxes' and 'labels' not in self.reach(kind):
            passed += ' and draws none (draw_boxes=False)'
        learned = sorted({FIELDS[field] for fields in (self.use or {}).values() for field in fields or ()})
        losses = f'the losses ({", ".join(self.use or ())}) learn from {" and ".join(learned) or "no labels"}'
        nothing = '' if any(map(self.users, self.counts.kinds)) else ': nothing would be learned'
        return f'no loss uses them: {passed}, {losses}{nothing}'

    def _classes(self) -> Iterator[Finding]:
        if self.evaluation:
            return
        classes, pixels = self.counts.classes, self.pixel_kinds
        names = [name.strip().casefold() for name in classes]
        if BACKGROUND in names[1:] and not names[0].startswith(BACKGROUND):
            index = names.index(BACKGROUND)
            yield Finding(
                WARNING,
                f'{self.source}: class {index} is {classes[index]!r}, and losses, tags and metrics take class 0, '
                f'{classes[0]!r}, as the background',
                'put the background first, in the classes and in the ids of labels and masks',
            )
        kinds = self.counts.kinds if self.use is None else [kind for kind in self.counts.kinds if self.users(kind)]
        masks = self.counts.masks if 'mask' in kinds else None
        complete = masks is not None and masks.num_read == masks.num_masks
        named = self.counts.named(kinds)
        unused = [index for index in range(1, len(classes)) if index not in named]
        if 'mask' in kinds and not complete:  # the other masks may hold any class
            if masks is not None and unused:
                yield Finding(NOTE, f'{self.source}: {masks.read} hold no pixel of {_names(classes, unused)}')
            return
        if unused and kinds:
            yield Finding(
                WARNING,
                f'{self.source}: no image is labelled with {_names(classes, unused)}: a model cannot learn these '
                f'{len(unused)} of {len(classes)} classes',
            )
        if pixels and 0 not in self.counts.named(pixels):
            yield Finding(
                WARNING,
                f'{self.source}: nothing is labelled {classes[0]} (class 0): a model that never learns it predicts '
                'an object for every pixel',
                f'label some {classes[0]} in every image, such as a click or a scribble beside the objects',
            )

    def _images(self) -> Iterator[Finding]:
        if self.contradictions:
            number = len(self.contradictions)
            more = f'; and {number - SHOWN} more' if number > SHOWN else ''
            yield Finding(
                WARNING,
                f'{self.source}: labels contradict each other ({number}): '
                f'{"; ".join(self.contradictions[:SHOWN])}{more}',
                'correct the labels',
            )

    def _crops(self) -> Iterator[Finding]:
        draws = self.draws
        if draws is None or not self.pixel_kinds:
            return
        share = draws.empty / draws.num
        if share >= EMPTY_SHARE:
            cure = (
                'give WeakRandomCrop min_labels=1, which draws again'
                if draws.crop_size and not draws.min_labels
                else ''
            )
            if draws.min_labels and 'boxes' in self.pixel_kinds:
                cure = 'min_labels counts clicks, scribbles and masks, not boxes: label those, or take larger crops'
            without = self.counts.unlabelled
            images = f' ({without} of {self.counts.num_images} images have no label at all)' if without else ''
            yield Finding(WARNING, f'{share:.0%} of the training crops hold no labelled pixel{images}', cure)
        if draws.crop_size is not None and draws.small / draws.num > SMALL_SHARE:
            height, width = draws.crop_size
            yield Finding(
                WARNING,
                f'{draws.small / draws.num:.0%} of the training crops are smaller than crop_size={draws.crop_size}: '
                f'the images are smaller than {width} x {height} pixels (width x height) when they are cropped, and '
                'the batch is filled up with padding',
                'take a smaller crop_size, with size of the data_preprocessor, or enlarge the images',
            )

    def table(self) -> list[str]:
        """Return the lines of a table with one row per class and one column per kind, and the use of each kind."""
        counts = self.counts
        if not counts.kinds:
            return [f'{counts.num_images} images without any label']
        rows = [['class', *(NOUNS[kind] for kind in counts.kinds)]]
        rows += [
            [name, *(str(counts.labels[kind][index]) for kind in counts.kinds)]
            for index, name in enumerate(counts.classes)
        ]
        rows.append(['(images)', *(str(counts.images[kind]) for kind in counts.kinds)])
        if self.routes is not None:
            rows.append(['pipeline', *(self._passed(kind) for kind in counts.kinds)])
        if self.use is not None and self.routes is not None:
            rows.append(['losses', *(', '.join(self.users(kind)) or 'none' for kind in counts.kinds)])
        widths = np.array([[len(cell) for cell in row] for row in rows]).max(axis=0)
        lines = []
        for row in rows:
            cells = [
                row[0].ljust(widths[0]),
                *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)),
            ]
            lines.append('  '.join(cells).rstrip())
        if counts.masks is not None and 'mask' in counts.kinds:
            lines.append(f'masks per class: of {counts.masks.read.rstrip(",")}')
        if counts.unlabelled:
            lines.append(f'{counts.unlabelled} of {counts.num_images} images have no label')
        if self.draws is not None and self.pixel_kinds:
            lines.append(f'{self.draws.empty} of {self.draws.num} training crops drawn hold no labelled pixel')
        return lines

    def _passed(self, kind: str) -> str:
        return ', '.join(FIELDS[field] for field in self.reach(kind)) or 'left out'


def _names(classes: Sequence[str], indices: Iterable[int]) -> str:
    names = [classes[index] for index in indices]
    more = f' and {len(names) - NAMED} more' if len(names) > NAMED else ''
    return ', '.join(names[:NAMED]) + more
