import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmseg_wsss.functional import box_maps, merge_class_masks

FEW = settings(max_examples=60, derandomize=True, deadline=None)


def box_maps_by_loops(boxes, labels, height, width):
    """A pixel belongs to a box if its square [x, x + 1) has its middle in the box's [x1, x2 + 1]."""
    ids = []
    for label in labels:
        if label not in ids:
            ids.append(label)
    maps = np.zeros((len(ids), height, width), dtype=int)
    for (x1, y1, x2, y2), label in zip(boxes, labels, strict=True):
        for y in range(height):
            for x in range(width):
                if x1 <= x + 0.5 <= x2 + 1 and y1 <= y + 0.5 <= y2 + 1:
                    maps[ids.index(label), y, x] = 1
    return maps, tuple(ids)


def merge_by_loops(masks, ids, boxes, rule, unsure=0.0):
    """Region by region, as the rule is written: overlap area / predicted area."""
    count, height, width = masks.shape
    probs = [[[masks[k, y, x] * boxes[k, y, x] for x in range(width)] for y in range(height)] for k in range(count)]
    claims = {
        (y, x): tuple(k for k in range(count) if probs[k][y][x] > 0.5) for y in range(height) for x in range(width)
    }
    predicted = [sum(k in claim for claim in claims.values()) for k in range(count)]
    labels = np.zeros((height, width), dtype=int)
    for (y, x), claim in claims.items():
        if claim:
            region = sum(other == claim for other in claims.values())
            rates = [region / predicted[k] for k in claim]
            labels[y, x] = ids[claim[rates.index(max(rates)) if rule == 'overlap' else 0]]
        highest = max(probs[k][y][x] for k in range(count))
        if unsure and 0.5 - unsure <= highest <= 0.5 + unsure:
            labels[y, x] = 255
    return labels


sides = st.integers(1, 7)


@st.composite
def box_sets(draw):
    height, width = draw(sides), draw(sides)
    boxes, labels = [], []
    for _ in range(draw(st.integers(1, 4))):
        x = sorted(draw(st.lists(st.integers(-2, 4 * width - 2), min_size=2, max_size=2)))
        y = sorted(draw(st.lists(st.integers(-2, 4 * height - 2), min_size=2, max_size=2)))
        boxes.append([x[0] / 4, y[0] / 4, x[1] / 4, y[1] / 4])
        labels.append(draw(st.integers(1, 3)))
    return boxes, labels, height, width


@FEW
@given(box_sets())
def test_box_maps_equal_a_loop(boxes):
    maps, ids = box_maps(boxes[0], boxes[1], boxes[2:])
    expected, expected_ids = box_maps_by_loops(*boxes)
    assert ids == expected_ids
    assert maps.dtype == torch.uint8
    assert maps.tolist() == expected.tolist()


def test_box_maps_take_arrays_and_many_classes():
    boxes = np.array([[k, 0, k, 1] for k in range(150)], dtype=np.float64)
    maps, ids = box_maps(boxes, np.arange(1, 151), (2, 150))
    assert ids == tuple(range(1, 151))
    assert torch.equal(maps[:, 0], torch.eye(150, dtype=torch.uint8))


@pytest.mark.parametrize(
    ('boxes', 'labels', 'message'),
    [
        ([], [], 'the image has no boxes'),
        (np.zeros((0, 4)), [], 'the image has no boxes'),
        ([[0, 0, 1]], [1], r'boxes must be \(M, 4\)'),
        ([[0, 0, 1, 1]], [1, 2], r'got \(1, 4\) and 2 class ids'),
        ([[0, 0, 1, 1]], [0], r'foreground classes, from 1, got \[0\]'),
        ([[0, 0, 1, 1], [3, 0, 2, 1]], [1, 1], r'box 1, \[3.0, 0.0, 2.0, 1.0\], is empty or has swapped corners'),
        ([[0, 2, 1, 1]], [1], 'is empty or has swapped corners'),
        ([[0, 0, 6, 1]], [1], r'box 0, .* reaches out of the image, which is 6 x 4 pixels'),
        ([[0, -1, 1, 1]], [1], 'reaches out of the image'),
        ([[20, 20, 30, 30]], [1], 'reaches out of the image'),
        ([[0, 0, float('nan'), 1]], [1], 'a coordinate that is not a finite number'),
    ],
)
def test_wrong_boxes_are_named(boxes, labels, message):
    with pytest.raises(ValueError, match=message):
        box_maps(boxes, labels, (4, 6))


@st.composite
def class_masks(draw):
    count, height, width = draw(st.integers(1, 4)), draw(sides), draw(sides)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return rng.choice([0.0, 0.25, 0.5, 0.625, 0.75, 1.0], (count, height, width)), rng.integers(
        0, 2, (count, height, width)
    )


@FEW
@given(class_masks(), st.sampled_from(['overlap', 'first']), st.sampled_from([0.0, 0.125, 0.25]))
def test_merging_equals_a_loop_over_regions(pair, rule, unsure):
    masks, boxes = pair
    ids = [7, 3, 12, 1][: len(masks)]
    labels = merge_class_masks(torch.tensor(masks), ids, box_maps=torch.tensor(boxes), rule=rule, unsure=unsure)
    assert labels.tolist() == merge_by_loops(masks, ids, boxes, rule, unsure).tolist()


def test_the_small_object_in_front_wins_the_overlap_and_the_first_one_wins_by_the_published_rule():
    large = torch.tensor([[1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 1, 1]])
    small = torch.tensor([[0, 0, 1, 1, 0, 0], [0, 0, 1, 0, 0, 0]])
    boxes = torch.ones(2, 2, 6)
    masks = torch.stack([large, small])
    assert merge_class_masks(masks, [8, 15], box_maps=boxes).tolist() == [[8, 8, 15, 15, 8, 8], [8, 8, 15, 8, 8, 8]]
    assert merge_class_masks(masks, [8, 15], box_maps=boxes, rule='first').tolist() == [[8] * 6] * 2
    swapped = merge_class_masks(masks.flip(0), [15, 8], box_maps=boxes, rule='first')
    assert swapped.tolist() == [[8, 8, 15, 15, 8, 8], [8, 8, 15, 8, 8, 8]]


def test_the_area_counts_inside_the_boxes_alone():
    masks = torch.tensor([[[1, 1, 1, 1, 0]], [[0, 0, 0, 1, 1]]])
    boxes = torch.tensor([[[0, 0, 0, 1, 0]], [[1, 1, 1, 1, 1]]])
    assert merge_class_masks(masks, [1, 2], box_maps=boxes).tolist() == [[0, 0, 0, 1, 2]]


def test_equal_areas_go_to_the_first():
    masks = torch.tensor([[[1, 1, 0]], [[0, 1, 1]]])
    assert merge_class_masks(masks, [9, 2], box_maps=torch.ones(2, 1, 3)).tolist() == [[9, 9, 2]]


def test_logits_are_the_probability_of_the_second_channel():
    logits = torch.tensor([[[[2.0, 0.0, 0.0]], [[0.0, 2.0, 0.3]]]], dtype=torch.bfloat16)
    boxes = torch.ones(1, 1, 3)
    assert merge_class_masks(logits, [4], box_maps=boxes).tolist() == [[0, 4, 4]]
    assert merge_class_masks(logits, [4], box_maps=boxes, unsure=0.1).tolist() == [[0, 4, 255]]  # 0.574


def test_outside_of_the_boxes_nothing_is_unsure_and_nan_does_not_leak():
    masks = torch.tensor([[[0.5, float('nan'), 0.5]]])
    boxes = torch.tensor([[[1, 0, 0]]])
    assert merge_class_masks(masks, [1], box_maps=boxes, unsure=0.2).tolist() == [[255, 0, 0]]


ONES = torch.ones(2, 3, 3)


@pytest.mark.parametrize(
    ('kind', 'changes', 'message'),
    [
        (TypeError, {'masks': [[1]]}, 'masks must be a tensor'),
        (TypeError, {'box_maps': None}, 'box_maps must be a tensor'),
        (TypeError, {'masks': torch.ones(2, 2, 3, 3, dtype=torch.long)}, 'logits must be floating-point'),
        (ValueError, {'masks': torch.ones(2, 3, 3, 3)}, r'masks must be .* got \(2, 3, 3, 3\)'),
        (ValueError, {'masks': torch.ones(0, 3, 3)}, 'no empty axis'),
        (ValueError, {'box_maps': torch.ones(2, 3, 4)}, r'box_maps must have the shape of the masks, \(2, 3, 3\)'),
        (ValueError, {'class_ids': [1]}, 'class_ids must be 2 different ids'),
        (ValueError, {'class_ids': [1, 1]}, 'class_ids must be 2 different ids'),
        (ValueError, {'class_ids': [0, 1]}, 'foreground classes, from 1 and not 255'),
        (ValueError, {'class_ids': [255, 1]}, 'foreground classes, from 1 and not 255'),
        (ValueError, {'rule': 'last'}, "rule must be one of overlap, first, got 'last'"),
        (ValueError, {'unsure': 0.5}, 'unsure must be at least 0 and below 0.5'),
        (ValueError, {'masks': ONES.long(), 'unsure': 0.1}, 'unsure needs probabilities'),
    ],
)
def test_wrong_masks_are_named(kind, changes, message):
    arguments = {'masks': ONES, 'class_ids': [1, 2], 'box_maps': ONES, **changes}
    with pytest.raises(kind, match=message):
        merge_class_masks(arguments.pop('masks'), arguments.pop('class_ids'), **arguments)
