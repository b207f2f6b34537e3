import math

import pytest
import torch

from mmseg_wsss.functional import partial_dice_loss
from tests.helpers.pixel_losses import case, check_unlabelled_pixels


def loop_dice(logits, labels, background, smooth=1e-5, ignore_index=255):
    classes = logits.shape[1]
    overlap, sizes = [0.0] * classes, [0.0] * classes
    for b in range(logits.shape[0]):
        for y in range(logits.shape[2]):
            for x in range(logits.shape[3]):
                label = int(labels[b, y, x])
                if label == ignore_index:
                    continue
                scores = [math.exp(score) for score in logits[b, :, y, x].tolist()]
                for c in range(classes):
                    p = scores[c] / sum(scores)
                    overlap[c] += p * (c == label)
                    sizes[c] += p + (c == label)
    kept = range(0 if background else 1, classes)
    return 1 - sum((2 * overlap[c] + smooth) / (sizes[c] + smooth) for c in kept) / len(kept)


@pytest.mark.parametrize('background', [False, True])
@pytest.mark.parametrize('ignore_index', [255, -1, 2])
@pytest.mark.parametrize('smooth', [1e-5, 1.0])
def test_equals_the_loop(background, ignore_index, smooth):
    logits, labels = case(ignore_index=ignore_index)
    loss = partial_dice_loss(logits, labels, background=background, smooth=smooth, ignore_index=ignore_index)
    assert loss.item() == pytest.approx(loop_dice(logits, labels, background, smooth, ignore_index), rel=1e-12)


def test_by_hand():
    # Class 1 has the probabilities 3/4 where it is labelled and 1/2 where class 0 is; the third pixel is not labelled.
    logits = torch.tensor([[[[0.0, 0.0, 9.0]], [[math.log(3.0), 0.0, 0.0]]]])
    labels = torch.tensor([[[1, 0, 255]]])
    torch.testing.assert_close(partial_dice_loss(logits, labels), torch.tensor(1 - 1.5 / 2.25), rtol=1e-5, atol=0)
    both = 1 - (1.5 / 2.25 + 1.0 / 1.75) / 2
    torch.testing.assert_close(partial_dice_loss(logits, labels, background=True), torch.tensor(both))


def test_the_batch_is_one_picture():
    logits, labels = case()
    beside = torch.cat([logits[:1], logits[1:]], dim=3), torch.cat([labels[:1], labels[1:]], dim=2)
    torch.testing.assert_close(partial_dice_loss(logits, labels), partial_dice_loss(*beside))


def test_gradcheck():
    logits, labels = case()
    assert torch.autograd.gradcheck(lambda x: partial_dice_loss(x, labels), logits)


@pytest.mark.parametrize('bad', [math.nan, math.inf, -math.inf])
def test_unlabelled_pixels_have_no_effect_whatever_they_hold(bad):
    check_unlabelled_pixels(partial_dice_loss, bad)


def test_nothing_labelled_is_zero_with_a_graph():
    logits = torch.randn(2, 5, 4, 7, requires_grad=True)
    loss = partial_dice_loss(logits, torch.full((2, 4, 7), 255))
    assert loss.item() == 0
    loss.backward()
    assert torch.equal(logits.grad, torch.zeros_like(logits))


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(dtype):
    logits, labels = case(dtype=dtype)
    loss = partial_dice_loss(logits, labels)
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, partial_dice_loss(logits.float(), labels))
    with torch.autocast('cpu', torch.bfloat16):
        assert torch.equal(partial_dice_loss(logits, labels), loss)
    loss.backward()
    assert logits.grad.dtype == dtype


@pytest.mark.parametrize('dtype', [torch.uint8, torch.int32])
def test_labels_of_any_integer_type(dtype):
    logits, labels = case()
    assert torch.equal(partial_dice_loss(logits, labels.to(dtype)), partial_dice_loss(logits, labels))


def test_bad_arguments():
    logits, labels = case()
    with pytest.raises(ValueError, match='smooth must be a finite number above 0, got 0'):
        partial_dice_loss(logits, labels, smooth=0)
    with pytest.raises(ValueError, match='labels must have the shape'):
        partial_dice_loss(logits, labels[:, 1:])
    with pytest.raises(ValueError, match='the only class is the background: set background=True'):
        partial_dice_loss(logits[:, :1], labels)
