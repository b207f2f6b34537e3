import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmseg_wsss.functional import balanced_cross_entropy, confident_labels


def loop_labels(masks, fg=0.6, bg=0.7, low=0.2, ignore=255, mask=None):
    batch, channels, height, width = masks.shape
    labels = torch.full((batch, height, width), ignore)
    for b in range(batch):
        inside = [(y, x) for y in range(height) for x in range(width) if mask is None or mask[b, 0, y, x] >= 1]
        confident = {pixel: [] for pixel in inside}
        for c in range(channels):
            largest = max((float(masks[b, c, y, x]) for y, x in inside), default=0)
            threshold = max(largest * (fg if c else bg), low)
            for y, x in inside:
                if float(masks[b, c, y, x]) > threshold:
                    confident[y, x].append(c)
        for (y, x), claimed in confident.items():
            if len(claimed) == 1:
                labels[b, y, x] = claimed[0]
    return labels


def random_masks(shape=(2, 4, 5, 6), seed=0):
    generator = torch.Generator().manual_seed(seed)
    masks = (2 * torch.randn(shape, generator=generator, dtype=torch.float64)).softmax(dim=1)
    mask = (torch.rand(shape[0], 1, *shape[2:], generator=generator) > 0.3).double()
    return masks, mask


@pytest.mark.parametrize('masked', [False, True])
@pytest.mark.parametrize('setting', [{}, {'fg': 0.2, 'bg': 0.9, 'low': 0.0}, {'fg': 0.9, 'bg': 0.1, 'low': 0.5}])
def test_labels_equal_the_loop(masked, setting):
    masks, mask = random_masks()
    mask = mask if masked else None
    expected = loop_labels(masks, **setting, mask=mask)
    names = {'fg': 'foreground_ratio', 'bg': 'background_ratio', 'low': 'min_confidence'}
    labels = confident_labels(masks, **{names[key]: value for key, value in setting.items()}, mask=mask)
    assert labels.dtype == torch.int64
    assert torch.equal(labels, expected)
    assert 0 < (expected == 255).sum() < expected.numel()


def test_labels_by_hand():
    # Background: max 0.75, threshold 0.5625. Cat: max 0.5, threshold 0.25. Dog: max 0.375, threshold 0.25 (the floor).
    background, cat, dog = [0.75, 0.5625, 0.6, 0.2, 0.1], [0.1, 0.25, 0.3, 0.5, 0.3], [0.1, 0.1, 0.1, 0.375, 0.25]
    masks = torch.tensor([[[background], [cat], [dog]]])
    chosen = {'background_ratio': 0.75, 'foreground_ratio': 0.5, 'min_confidence': 0.25}
    # Background alone; none, for none is *above* its threshold; background and cat; cat and dog; cat alone.
    assert confident_labels(masks, **chosen).tolist() == [[[0, 255, 255, 255, 1]]]
    assert confident_labels(masks, **chosen, ignore_index=-1).tolist() == [[[0, -1, -1, -1, 1]]]


def test_thresholds_are_those_of_the_image_and_the_channel():
    masks, _ = random_masks()
    together = confident_labels(masks)
    assert torch.equal(together, torch.cat([confident_labels(image[None]) for image in masks]))
    # An absent class is a channel of zeros: no class is confident of it, even without a floor.
    absent = torch.cat([masks, torch.zeros(2, 1, 5, 6)], dim=1)
    assert torch.equal(confident_labels(absent, min_confidence=0.0), confident_labels(masks, min_confidence=0.0))
    assert (confident_labels(torch.zeros(1, 3, 2, 2)) == 255).all()


@pytest.mark.parametrize('bad', [math.nan, math.inf, -math.inf, 5.0])
def test_masked_pixels_have_no_effect_on_the_labels(bad):
    masks, mask = random_masks()
    expected = confident_labels(masks, mask=mask)
    assert torch.equal(confident_labels(torch.where(mask > 0, masks, bad), mask=mask), expected)
    assert (expected[mask[:, 0] == 0] == 255).all()
    assert (confident_labels(masks, mask=0 * mask) == 255).all()
    padded = torch.nn.functional.pad(masks, (0, 2, 0, 3), value=9)
    inside = torch.nn.functional.pad(torch.ones(2, 1, 5, 6), (0, 2, 0, 3))
    assert torch.equal(confident_labels(padded, mask=inside)[:, :5, :6], confident_labels(masks))


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16, torch.float32])
def test_labels_of_half_precision_masks(dtype):
    masks, mask = random_masks((1, 150, 7, 5))
    masks = masks.to(dtype)
    assert torch.equal(confident_labels(masks, mask=mask), confident_labels(masks.float(), mask=mask))
    assert not confident_labels(masks.requires_grad_()).requires_grad


@pytest.mark.parametrize(
    ('change', 'error', 'message'),
    [
        ({'masks': torch.ones(1, 2, 3, 3).long()}, TypeError, 'masks must be a floating-point tensor'),
        ({'masks': torch.ones(2, 3, 3)}, ValueError, 'masks must have the shape'),
        ({'foreground_ratio': 1.5}, ValueError, r'foreground_ratio must be in \[0, 1\], got 1.5'),
        ({'background_ratio': -0.1}, ValueError, r'background_ratio must be in \[0, 1\], got -0.1'),
        ({'min_confidence': '0'}, TypeError, 'min_confidence must be a number'),
        ({'mask': torch.ones(1, 1, 2, 2)}, ValueError, r'mask must have the size of masks, \(3, 3\)'),
    ],
)
def test_label_errors(change, error, message):
    arguments = {'masks': torch.ones(1, 2, 3, 3), **change}
    with pytest.raises(error, match=message):
        confident_labels(arguments.pop('masks'), **arguments)


def loop_balanced(logits, labels, tags, ignore=255, mask=None, balance='reference'):
    batch, _, height, width = logits.shape
    losses = torch.zeros(batch, dtype=torch.float64)
    for b in range(batch):
        inside = [(y, x) for y in range(height) for x in range(width) if mask is None or mask[b, 0, y, x] >= 1]
        labelled = [pixel for pixel in inside if int(labels[b][pixel]) != ignore]
        ids = [int(labels[b][pixel]) for pixel in labelled]
        if len(set(ids)) != float(tags[b].sum()) + 1:
            continue
        for (y, x), label in zip(labelled, ids, strict=True):
            scores = logits[b, :, y, x].tolist()
            loss = math.log(sum(math.exp(score) for score in scores)) - scores[label]
            published = (len(ids) - ids.count(label)) / (1 + len(ids)) / len(inside)
            losses[b] += loss * (published if balance == 'reference' else 1 / ids.count(label) / len(set(ids)))
    return losses


def balanced_case(seed=0, ignore=255, dtype=torch.float64):
    """Three images of classes {0, 1, 3}, tagged with 1 and 3."""
    generator = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn(3, 4, 5, 6, generator=generator, dtype=torch.float64)
    labels = torch.tensor([0, 0, 0, 1, 3, ignore])[torch.randint(0, 6, (3, 5, 6), generator=generator)]
    tags = torch.tensor([[1.0, 0.0, 1.0]]).repeat(3, 1)
    mask = (torch.rand(3, 1, 5, 6, generator=generator) > 0.2).double()
    return logits.to(dtype).requires_grad_(), labels, tags, mask


@pytest.mark.parametrize('balance', ['reference', 'paper'])
@pytest.mark.parametrize('masked', [False, True])
@pytest.mark.parametrize('ignore', [255, -1])
def test_balanced_equals_the_loop(masked, ignore, balance):
    logits, labels, tags, mask = balanced_case(ignore=ignore)
    mask = mask if masked else None
    tags[1, 1] = 1  # of which there is no pixel
    expected = loop_balanced(logits, labels, tags, ignore, mask, balance)
    result = balanced_cross_entropy(logits, labels, tags, ignore_index=ignore, mask=mask, balance=balance)
    torch.testing.assert_close(result, expected, rtol=1e-12, atol=1e-12)
    assert [bool(value) for value in expected] == [True, False, True]


def test_balanced_by_hand():
    # Pixels 0, 0, 0, 1, unlabelled: T = 4; weights (4 - 3) / 5 and (4 - 1) / 5; each loss log 2; mean of 5 pixels.
    labels = torch.tensor([[[0, 0, 0, 1, 255]]])
    loss = balanced_cross_entropy(torch.zeros(1, 2, 1, 5), labels, torch.ones(1, 1))
    assert loss.tolist() == pytest.approx([math.log(2) * (3 * 0.2 + 0.6) / 5])
    # With the unlabelled pixel outside of the image, the mean is over 4.
    mask = torch.tensor([[[[1, 1, 1, 1, 0]]]])
    loss = balanced_cross_entropy(torch.zeros(1, 2, 1, 5), labels, torch.ones(1, 1), mask=mask)
    assert loss.tolist() == pytest.approx([math.log(2) * (3 * 0.2 + 0.6) / 4])


def test_balance_of_the_paper_by_hand():
    # Logits 0 and log 3: the background costs log 4, the class log 4/3, whatever the number of pixels of each.
    logits = torch.tensor([0.0, math.log(3)]).view(1, 2, 1, 1).expand(1, 2, 1, 6)
    for labels in ([0, 0, 0, 1, 255, 255], [0, 1, 255, 255, 255, 255], [0, 1, 1, 1, 1, 1]):
        loss = balanced_cross_entropy(logits, torch.tensor([[labels]]), torch.ones(1, 1), balance='paper')
        assert loss.tolist() == pytest.approx([(math.log(4) + math.log(4 / 3)) / 2])
    empty = balanced_cross_entropy(logits, torch.full((1, 1, 6), 255), torch.ones(1, 1), balance='paper')
    assert empty.tolist() == [0]
    background = balanced_cross_entropy(logits, torch.zeros(1, 1, 6).long(), torch.zeros(1, 1), balance='paper')
    assert background.tolist() == pytest.approx([math.log(4)])


@pytest.mark.parametrize(
    ('labels', 'tags', 'counts'),
    [
        ([0, 1, 2], [1, 1], True),
        ([0, 1, 255], [1, 1], False),  # a tag without a pixel
        ([1, 2, 255], [1, 1], False),  # no background
        ([0, 1, 2], [1, 0], False),  # more classes than tags
        ([0, 2, 255], [1, 0], True),  # numbers are compared, not classes: absent classes never get here
        ([255, 255, 255], [1, 1], False),
        ([0, 1, 2], [math.nan, math.nan], False),
        ([0, 1, 2], [1, math.nan], False),
        ([0, 0, 0], [0, 0], False),  # background alone: T = n
    ],
)
def test_which_images_count(labels, tags, counts):
    logits = torch.randn(1, 3, 1, 3, requires_grad=True)
    loss = balanced_cross_entropy(logits, torch.tensor([[labels]]), torch.tensor([tags], dtype=torch.float32))
    loss.sum().backward()
    assert bool(loss > 0) == counts
    assert bool(logits.grad.any()) == counts
    assert logits.grad.isfinite().all()


def test_every_class_weighs_about_the_same():
    # 99 pixels of one class and 1 of the other: both add 99 / 101 log 2 to the sum.
    labels = torch.zeros(1, 10, 10, dtype=torch.long)
    labels[0, 3, 3] = 1
    logits = torch.zeros(1, 2, 10, 10, requires_grad=True)
    loss = balanced_cross_entropy(logits, labels, torch.ones(1, 1))
    assert loss.item() == pytest.approx(2 * 99 / 101 * math.log(2) / 100)


@pytest.mark.parametrize('balance', ['reference', 'paper'])
@pytest.mark.parametrize('masked', [False, True])
def test_balanced_gradcheck(masked, balance):
    logits, labels, tags, mask = balanced_case()
    tags[2] = math.nan
    mask = mask if masked else None
    assert torch.autograd.gradcheck(
        lambda x: balanced_cross_entropy(x, labels, tags, mask=mask, balance=balance), logits
    )


@pytest.mark.parametrize('bad', [math.nan, math.inf, -math.inf])
def test_pixels_that_do_not_count_may_hold_anything(bad):
    logits, labels, tags, mask = balanced_case()
    tags[1] = math.nan
    expected = balanced_cross_entropy(logits, labels, tags, mask=mask)
    (expected_grad,) = torch.autograd.grad(expected.sum(), logits)
    out = (labels == 255) | (mask[:, 0] == 0)
    out[1] = True
    broken = torch.where(out[:, None], bad, logits.detach()).requires_grad_()
    strange = torch.where(mask[:, 0] == 0, 77, labels)
    loss = balanced_cross_entropy(broken, strange, tags, mask=mask)
    (grad,) = torch.autograd.grad(loss.sum(), broken)
    assert torch.equal(loss, expected)
    assert loss[1] == 0
    assert torch.equal(grad, expected_grad)
    assert not grad[out[:, None].expand_as(grad)].any()


@settings(max_examples=20, derandomize=True, deadline=None)
@given(st.integers(0, 1000), st.integers(1, 5), st.integers(1, 6), st.integers(1, 6))
def test_classes_may_be_permuted_and_images_flipped(seed, classes, height, width):
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(2, classes + 1, height, width, generator=generator, dtype=torch.float64)
    labels = torch.randint(0, classes + 1, (2, height, width), generator=generator)
    labels[torch.rand(labels.shape, generator=generator) > 0.7] = 255
    tags = torch.stack([torch.tensor([float((image == c).any()) for c in range(1, classes + 1)]) for image in labels])
    expected = balanced_cross_entropy(logits, labels, tags)
    torch.testing.assert_close(expected, loop_balanced(logits, labels, tags))
    order = torch.cat([torch.zeros(1, dtype=torch.long), 1 + torch.randperm(classes, generator=generator)])
    moved = torch.where(labels == 255, 255, order.argsort()[labels.clamp(max=classes)])
    torch.testing.assert_close(balanced_cross_entropy(logits[:, order], moved, tags[:, order[1:] - 1]), expected)
    torch.testing.assert_close(balanced_cross_entropy(logits.flip(3), labels.flip(2), tags), expected)
    assert (expected >= 0).all()


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_balanced_in_half_precision(dtype):
    logits, labels, tags, _ = balanced_case(dtype=dtype)
    loss = balanced_cross_entropy(logits, labels.to(torch.uint8), tags)
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, balanced_cross_entropy(logits.float(), labels, tags.bool()))
    with torch.autocast('cpu', torch.bfloat16):
        assert torch.equal(balanced_cross_entropy(logits.float(), labels, tags), loss)
    loss.sum().backward()
    assert logits.grad.dtype == dtype


def test_extreme_logits_stay_finite():
    logits = torch.tensor([[[[1e30, 0.0]], [[-1e30, 0.0]]]], requires_grad=True)
    loss = balanced_cross_entropy(logits, torch.tensor([[[1, 0]]]), torch.ones(1, 1))
    loss.sum().backward()
    assert loss.isfinite().all()
    assert logits.grad.isfinite().all()


@pytest.mark.parametrize(
    ('change', 'error', 'message'),
    [
        ({'logits': torch.ones(2, 3, 4)}, ValueError, 'logits must have the shape'),
        ({'labels': torch.zeros(2, 4, 4)}, TypeError, 'labels must be an integer tensor'),
        ({'labels': torch.zeros(2, 4, 5).long()}, ValueError, r'labels must have the shape \(2, 4, 4\).*\(2, 4, 5\)'),
        ({'tags': [1, 0]}, TypeError, r'tags must be a tensor of zeros and ones \(B, C\)'),
        ({'tags': torch.ones(2, 3)}, ValueError, r'tags must have the shape \(2, 2\), one number per foreground class'),
        ({'mask': torch.ones(2, 1, 2, 2)}, ValueError, 'mask must have the size of logits'),
        ({'ignore_index': 0}, ValueError, 'ignore_index must not be a class id 0 .. 2, got 0'),
        ({'balance': 'equal'}, ValueError, "unknown balance 'equal': choose from reference, paper"),
    ],
)
def test_balanced_errors(change, error, message):
    arguments = {
        'logits': torch.ones(2, 3, 4, 4),
        'labels': torch.zeros(2, 4, 4).long(),
        'tags': torch.ones(2, 2),
        **change,
    }
    with pytest.raises(error, match=message):
        balanced_cross_entropy(arguments.pop('logits'), arguments.pop('labels'), arguments.pop('tags'), **arguments)


@pytest.mark.parametrize('autocast', [True, False])
def test_ids_of_many_classes_are_exact(autocast):
    generator = torch.Generator().manual_seed(3)
    expected = torch.randint(0, 600, (1, 9, 11), generator=generator)
    masks = torch.rand(1, 600, 9, 11, generator=generator) / 2
    masks.scatter_(1, expected[:, None], 1.0)
    masks[0, 7, 0, 0], masks[0, 8, 0, 0], expected[0, 0, 0] = 1, 1, 255
    with torch.autocast('cpu', torch.bfloat16, enabled=autocast):
        labels = confident_labels(masks, min_confidence=0.8)
    assert torch.equal(labels, expected)
    assert (expected > 256).any()
