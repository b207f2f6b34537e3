import pytest
import torch

from mmseg_wsss.functional import present_classes, prune_classes


def test_by_hand_and_by_loops():
    generator = torch.Generator().manual_seed(0)
    probs = torch.rand(2, 4, 3, 5, generator=generator, dtype=torch.float64).softmax(1)
    present = torch.tensor([[True, False, True], [False, False, False]])
    result = prune_classes(probs, present, background_power=3)
    for b in range(2):
        for c in range(4):
            kept = c == 0 or bool(present[b, c - 1])
            expected = probs[b, c] ** 3 if c == 0 else probs[b, c] * kept
            torch.testing.assert_close(result[b, c], expected, rtol=1e-12, atol=0)
    assert (result[1].argmax(0) == 0).all()


def test_power_of_one_and_all_present_change_nothing():
    probs = torch.rand(1, 3, 2, 2)
    assert torch.equal(prune_classes(probs, torch.ones(1, 2, dtype=torch.bool)), probs)


def test_nan_of_an_absent_class_does_not_leak_and_half_is_widened():
    probs = torch.rand(1, 3, 2, 2).bfloat16()
    probs[:, 2] = torch.nan
    result = prune_classes(probs, torch.tensor([[True, False]]), background_power=2)
    assert result.dtype == torch.float32
    assert result.isfinite().all()
    assert probs[:, 2].isnan().all()


def test_one_class_and_150():
    assert prune_classes(torch.rand(1, 1, 2, 2), torch.ones(1, 0, dtype=torch.bool)).shape == (1, 1, 2, 2)
    assert prune_classes(torch.rand(1, 150, 2, 3), torch.ones(1, 149, dtype=torch.bool)).shape == (1, 150, 2, 3)


@pytest.mark.parametrize(
    ('arguments', 'error', 'message'),
    [
        ((torch.rand(3, 2, 2), torch.ones(1, 2, dtype=torch.bool)), ValueError, r'probs must have the shape'),
        ((torch.rand(1, 3, 2, 2), torch.ones(1, 2)), TypeError, r'present must be a bool tensor.*float32'),
        ((torch.rand(1, 3, 2, 2), torch.ones(1, 3, dtype=torch.bool)), ValueError, r'shape \(1, 2\).*got \(1, 3\)'),
    ],
)
def test_errors(arguments, error, message):
    with pytest.raises(error, match=message):
        prune_classes(*arguments)
    with pytest.raises(ValueError, match='background_power must be a finite number above 0, got 0'):
        prune_classes(torch.rand(1, 2, 1, 1), torch.ones(1, 1, dtype=torch.bool), background_power=0)


def test_present_classes():
    assert present_classes([3, 1], 5).tolist() == [True, False, True, False]
    assert present_classes(torch.tensor([], dtype=torch.uint8), 3).tolist() == [False, False]
    for tags in ([0], [5], [2, 7]):
        with pytest.raises(ValueError, match=r'tags are foreground classes, 1 to 4, got \['):
            present_classes(tags, 5)
