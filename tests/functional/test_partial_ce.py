import math

import pytest
import torch
import torch.nn.functional as F

from mmseg_wsss.functional import inverse_log_class_weights, partial_cross_entropy
from tests.helpers.pixel_losses import case, check_unlabelled_pixels


def loop_partial_ce(logits, labels, weight=None, ignore_index=255):
    total, weights = 0.0, 0.0
    for b in range(logits.shape[0]):
        for y in range(logits.shape[2]):
            for x in range(logits.shape[3]):
                label = int(labels[b, y, x])
                if label == ignore_index:
                    continue
                scores = logits[b, :, y, x].tolist()
                w = 1.0 if weight is None else float(weight[label])
                total += w * (math.log(sum(math.exp(s) for s in scores)) - scores[label])
                weights += w
    return total / weights if weights else 0.0


@pytest.mark.parametrize('weight', [None, [0.5, 2.0, 1.0, 0.0, 3.0]])
@pytest.mark.parametrize('ignore_index', [255, -1, 2])
def test_equals_the_loop(weight, ignore_index):
    logits, labels = case(ignore_index=ignore_index)
    loss = partial_cross_entropy(logits, labels, class_weight=weight, ignore_index=ignore_index)
    assert loss.item() == pytest.approx(loop_partial_ce(logits, labels, weight, ignore_index), rel=1e-12)


def test_by_hand():
    logits = torch.tensor([[[[0.0, 9.0, 0.0]], [[math.log(3.0), 0.0, 0.0]]]])
    labels = torch.tensor([[[0, 255, 1]]])
    # Pixel 0: -log(1/4), pixel 2: -log(1/2).
    torch.testing.assert_close(partial_cross_entropy(logits, labels), torch.tensor((math.log(4) + math.log(2)) / 2))
    weighted = partial_cross_entropy(logits, labels, class_weight=[1.0, 3.0])
    torch.testing.assert_close(weighted, torch.tensor((math.log(4) + 3 * math.log(2)) / 4))


def test_does_not_average_over_unlabelled_pixels():
    logits, labels = case(share=0.05)
    labels[0, 0, 0] = 1
    expected = F.cross_entropy(logits, labels, ignore_index=255)
    torch.testing.assert_close(partial_cross_entropy(logits, labels), expected)


@pytest.mark.parametrize('weight', [None, [0.5, 2.0, 1.0, 0.1, 3.0]])
def test_gradcheck(weight):
    logits, labels = case()
    assert torch.autograd.gradcheck(lambda x: partial_cross_entropy(x, labels, class_weight=weight), logits)


@pytest.mark.parametrize('bad', [math.nan, math.inf, -math.inf])
def test_unlabelled_pixels_have_no_effect_whatever_they_hold(bad):
    check_unlabelled_pixels(partial_cross_entropy, bad)


@pytest.mark.parametrize('scale', [1.0, 1e30, math.inf])
@pytest.mark.parametrize('weight', [None, [1.0] * 5])
def test_nothing_labelled_is_zero_with_a_graph(scale, weight):
    logits = torch.full((2, 5, 4, 7), scale, requires_grad=True)
    loss = partial_cross_entropy(logits, torch.full((2, 4, 7), 255), class_weight=weight)
    assert loss.item() == 0
    assert loss.requires_grad
    loss.backward()
    assert torch.equal(logits.grad, torch.zeros_like(logits))


def test_only_classes_without_weight_is_zero():
    logits = torch.randn(1, 2, 1, 1, requires_grad=True)
    loss = partial_cross_entropy(logits, torch.zeros(1, 1, 1, dtype=torch.long), class_weight=[0.0, 1.0])
    loss.backward()
    assert loss.item() == 0
    assert not logits.grad.any()


def test_weights_below_one_still_average():
    logits = torch.tensor([[[[2.0]], [[0.0]]]])
    labels = torch.zeros(1, 1, 1, dtype=torch.long)
    expected = partial_cross_entropy(logits, labels)
    torch.testing.assert_close(partial_cross_entropy(logits, labels, class_weight=[0.01, 1.0]), expected)


def test_extreme_logits_stay_finite():
    logits = torch.tensor([[[[1e30]], [[-1e30]]]], requires_grad=True)
    loss = partial_cross_entropy(logits, torch.ones(1, 1, 1, dtype=torch.long))
    loss.backward()
    assert loss.item() == pytest.approx(2e30)
    assert logits.grad.flatten().tolist() == [1, -1]


def test_classes_may_be_permuted_and_images_flipped():
    logits, labels = case()
    order = torch.tensor([3, 0, 4, 1, 2])
    moved = torch.where(labels == 255, 255, torch.argsort(order)[labels.clamp(max=4)])
    expected = partial_cross_entropy(logits, labels)
    torch.testing.assert_close(partial_cross_entropy(logits[:, order], moved), expected)
    torch.testing.assert_close(partial_cross_entropy(logits.flip(3), labels.flip(2)), expected)


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(dtype):
    logits, labels = case(dtype=dtype)
    loss = partial_cross_entropy(logits, labels)
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, partial_cross_entropy(logits.float(), labels))
    loss.backward()
    assert logits.grad.dtype == dtype


@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
def test_autocast_changes_nothing(dtype):
    logits, labels = case(dtype=dtype)
    expected = partial_cross_entropy(logits, labels)
    with torch.autocast('cpu', torch.bfloat16):
        assert torch.equal(partial_cross_entropy(logits, labels), expected)


@pytest.mark.parametrize('dtype', [torch.uint8, torch.int32])
def test_labels_of_any_integer_type(dtype):
    logits, labels = case()
    assert torch.equal(partial_cross_entropy(logits, labels.to(dtype)), partial_cross_entropy(logits, labels))


def test_inputs_are_not_changed():
    logits, labels = case()
    before = logits.detach().clone(), labels.clone()
    partial_cross_entropy(logits, labels)
    assert torch.equal(logits, before[0])
    assert torch.equal(labels, before[1])


def test_errors():
    logits, labels = torch.zeros(2, 3, 4, 5), torch.zeros(2, 4, 5, dtype=torch.long)
    with pytest.raises(TypeError, match='logits must be a floating-point tensor'):
        partial_cross_entropy(logits.long(), labels)
    with pytest.raises(ValueError, match=r'logits must have the shape \(B, C, H, W\)'):
        partial_cross_entropy(logits[0], labels)
    with pytest.raises(TypeError, match='labels must be an integer tensor'):
        partial_cross_entropy(logits, labels.float())
    with pytest.raises(ValueError, match=r'labels must have the shape \(2, 4, 5\)'):
        partial_cross_entropy(logits, labels[:, None])
    with pytest.raises(ValueError, match='class_weight must have one value for each of the 3 classes'):
        partial_cross_entropy(logits, labels, class_weight=[1.0, 2.0])


def test_inverse_log_class_weights_by_hand():
    weights = inverse_log_class_weights([30, 10, 0])
    raw = [1 / math.log(1.1 + p) for p in (0.75, 0.25, 0.0)]
    torch.testing.assert_close(weights, torch.tensor([w / sum(raw) for w in raw]))
    assert inverse_log_class_weights(torch.tensor([1.0, 2.0], dtype=torch.float64)).dtype == torch.float64


@pytest.mark.parametrize('counts', [[], [0, 0], [1, -1], [1.0, math.nan], [[1.0]]])
def test_inverse_log_class_weights_errors(counts):
    with pytest.raises(ValueError, match='counts must be a vector'):
        inverse_log_class_weights(counts)
