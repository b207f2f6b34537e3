"""Columns of objects and of record batches are the same, and so is what is computed from them."""

import numpy as np
import pytest
from hypothesis import given, settings

from mmseg_wsss.datasets.formats import arrow_table, read_labels
from mmseg_wsss.datasets.formats.arrow_table import write_labels
from mmseg_wsss.datasets.formats.columns import columns_of, columns_of_images
from mmseg_wsss.datasets.label_checks import class_shares, shares_of_columns
from mmseg_wsss.datasets.label_counts import contradicting, contradictions, count_columns, count_labels
from mmseg_wsss.structures import WeakAnnotations
from tests.helpers.label_sets import CLASSES, every_kind, label_sets


def test_columns_by_hand():
    labels = list(every_kind('m.png').images.values())
    part = columns_of([entry.annotations for entry in labels])
    points, scribbles, boxes, tags = part.ids
    assert (points.values.tolist(), points.image.tolist(), points.item.tolist()) == ([1, 0, 2], [0, 0, 6], [0, 1, 0])
    assert (scribbles.values.tolist(), scribbles.image.tolist(), scribbles.item.tolist()) == (
        [2, 0, 1], [1, 1, 6], [0, 1, 0],
    )  # fmt: skip
    assert (boxes.values.tolist(), boxes.item.tolist()) == ([1, 2, 0], [0, 1, 0])
    assert (tags.values.tolist(), tags.image.tolist()) == ([2, 1, 1], [3, 3, 6])
    clicks, vertices, corners = part.places
    assert clicks.values.tolist() == [[2, 1], [0.5, 5], [7, 5]]
    assert vertices.values.tolist() == [[0, 0], [3, 4], [1, 1], [0, 0], [0, 5], [7, 5]]
    assert (vertices.image.tolist(), vertices.item.tolist()) == ([1, 1, 1, 6, 6, 6], [0, 0, 1, 0, 0, 0])
    assert corners.values.tolist() == [[0, 0], [3, 3], [1, 2], [1, 2], [0, 0], [7, 5]]
    assert (corners.image.tolist(), corners.item.tolist()) == ([2, 2, 2, 2, 6, 6], [0, 0, 1, 1, 0, 0])
    assert part.tagged.tolist() == [False, False, False, True, True, False, True]
    assert part.masked.tolist() == [False] * 6 + [True]
    assert part.positions.tolist() == list(range(7))


@settings(max_examples=40)
@given(label_sets())
def test_columns_of_files_are_those_of_objects(tmp_path_factory, labels):
    path = tmp_path_factory.mktemp('sets') / 'w.arrow'
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(arrow_table, 'BATCH_ROWS', 2)
        write_labels(labels, path)
    images = read_labels(str(path)).images
    objects = list(dict(images).values())
    start = 0
    for part in columns_of_images(images):
        stop = start + len(part.positions)
        expected = columns_of([entry.annotations for entry in objects[start:stop]])
        for found, wanted in zip((*part.ids, *part.places), (*expected.ids, *expected.places), strict=True):
            assert found.kind == wanted.kind
            for one, other in zip(found[1:], wanted[1:], strict=True):
                np.testing.assert_array_equal(one, other)
        np.testing.assert_array_equal(part.tagged, expected.tagged)
        np.testing.assert_array_equal(part.masked, expected.masked)
        assert part.positions.tolist() == list(range(start, stop))
        start = stop
    assert start == len(objects)


def counted(counts):
    labels = {kind: values.tolist() for kind, values in counts.labels.items()}
    return counts.num_images, labels, counts.images, counts.untagged, counts.unlabelled


def slow_counts(annotations):
    """As the definition says, image by image."""
    kinds = ('points', 'scribbles', 'boxes', 'tags', 'mask')
    labels = {kind: [0] * len(CLASSES) for kind in kinds}
    images, untagged, unlabelled = dict.fromkeys(kinds, 0), dict.fromkeys(kinds, 0), 0
    for one in annotations:
        found = dict(
            zip(kinds, (one.point_labels, one.polyline_labels, one.box_labels, set(one.tags or ())), strict=False)
        )
        present = [kind for kind, ids in found.items() if len(ids)] + ['mask'] * (one.mask_path is not None)
        for kind, ids in found.items():
            for label in ids:
                labels[kind][label] += 1
        for kind in present:
            images[kind] += 1
            untagged[kind] += one.tags is None
        unlabelled += not present
    return len(annotations), labels, images, untagged, unlabelled


@settings(max_examples=40)
@given(label_sets())
def test_counts_and_contradictions_are_those_of_the_images_one_by_one(labels):
    annotations = [entry.annotations for entry in labels.images.values()]
    annotations += [WeakAnnotations(tags=(1, 1, 2)), WeakAnnotations(points=[[0, 0]], point_labels=[2], tags=())]
    expected = slow_counts(annotations)
    assert counted(count_labels(annotations, CLASSES)) == expected
    parts = [columns_of(annotations[:2]), columns_of([]), columns_of(annotations[2:])]
    assert counted(count_columns(parts, CLASSES)) == expected
    wrong = [i for i, one in enumerate(annotations) if list(contradictions('a', one, CLASSES))]
    assert contradicting(columns_of(annotations), len(CLASSES)).tolist() == wrong


def test_shares_by_hand():
    labels = [
        WeakAnnotations(points=[[0, 0]], point_labels=[0]),
        WeakAnnotations(
            polylines=[[[0, 0], [3, 4], [3, 6]], [[1, 1]]], polyline_labels=[1, 2], boxes=[[0, 0, 1, 1]], box_labels=[1]
        ),
        WeakAnnotations(polylines=[[[0, 0], [0, 1]]], polyline_labels=[2]),
    ]
    expected = np.array([1, 7, 2]) / 10
    np.testing.assert_allclose(class_shares(labels, 3), expected)
    np.testing.assert_allclose(shares_of_columns([columns_of(labels[:1]), columns_of(labels[1:])], [], 3), expected)
    boxes = [WeakAnnotations(boxes=[[0, 0, 1, 1]] * 3, box_labels=[1, 1, 2], tags=(2,))]
    np.testing.assert_allclose(class_shares(boxes, 3), [0, 2 / 3, 1 / 3])
    np.testing.assert_allclose(class_shares([WeakAnnotations(tags=(2,))], 3), [0, 0, 1])
    with pytest.raises(ValueError, match='class_frequencies: no image has a label'):
        class_shares([WeakAnnotations()], 3)
