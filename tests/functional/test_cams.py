import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmseg_wsss.functional import cam_label_probs, cam_seeds, normalised_cams


def maps(shape=(2, 3, 5, 7), seed=0, dtype=torch.float64):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def loop_normalised(scores, winner_takes_all):
    result = torch.zeros_like(scores)
    for image, out in zip(scores, result, strict=True):
        classes, height, width = image.shape
        pixels = [(y, x) for y in range(height) for x in range(width)]
        for k in range(classes):
            kept = {
                (y, x): float(image[k, y, x])
                for y, x in pixels
                if not winner_takes_all or image[k, y, x] == max(image[:, y, x])
            }
            for (y, x), value in kept.items():
                out[k, y, x] = value / (max(kept.values()) + 1e-5)
    return result


@pytest.mark.parametrize('winner_takes_all', [True, False])
@pytest.mark.parametrize('shape', [(2, 3, 5, 7), (1, 1, 3, 4), (1, 6, 1, 1), (2, 149, 2, 3)])
def test_normalised_equals_the_loop(shape, winner_takes_all):
    scores = maps(shape)
    expected = loop_normalised(scores, winner_takes_all)
    torch.testing.assert_close(normalised_cams(scores, winner_takes_all=winner_takes_all), expected)


def test_a_class_that_wins_nowhere_is_empty_and_nothing_is_nan():
    scores = torch.stack([torch.full((3, 3), 0.4), torch.full((3, 3), 0.2)])[None]
    cams = normalised_cams(scores)
    assert cams[0, 0].unique().item() == pytest.approx(1, abs=1e-4)
    assert (cams[0, 1] == 0).all()
    assert (normalised_cams(torch.zeros(1, 2, 3, 3)) == 0).all()


def test_label_probs_by_hand():
    cams = torch.tensor([[0.8, 0.1, 0.0], [0.2, 0.5, 0.0]]).view(1, 2, 1, 3)
    expected = torch.tensor([[0.2**3, 0.5**3, 1.0], [0.8, 0.1, 0.0], [0.2, 0.5, 0.0]]).view(1, 3, 1, 3)
    torch.testing.assert_close(cam_label_probs(cams, alpha=3), expected)


@pytest.mark.parametrize(('alpha', 'threshold'), [(1, 0.5), (2, 0.381966), (4, 0.275508), (24, 0.093873)])
def test_alpha_is_a_threshold(alpha, threshold):
    cams = torch.tensor([threshold - 1e-3, threshold + 1e-3]).view(1, 1, 1, 2)
    assert cam_label_probs(cams, alpha=alpha).argmax(1).flatten().tolist() == [0, 1]


@given(st.integers(0, 1000), st.sampled_from([(4.0, 24.0), (2.0, 4.0), (1.0, 1.0)]))
@settings(max_examples=15, derandomize=True, deadline=None)
def test_seeds_are_where_both_agree(seed, alphas):
    cams = maps(seed=seed) ** 3
    low, high = (cam_label_probs(cams, alpha=alpha) for alpha in alphas)
    one, other = low.argmax(1), high.argmax(1)
    expected = torch.where(one == other, one, 255)
    assert torch.equal(cam_seeds(low, high), expected)
    assert (expected == 255).any() == (alphas[0] != alphas[1])


def test_seeds_of_refined_masks():
    """A refined mask may also lose what it had: background wins over foreground, the rest is open."""
    onehot = torch.eye(3)
    low = onehot[torch.tensor([[1, 1, 0, 0, 1]])].permute(2, 0, 1)[None]
    high = onehot[torch.tensor([[1, 0, 0, 2, 2]])].permute(2, 0, 1)[None]
    assert cam_seeds(low, high).tolist() == [[[1, 0, 0, 255, 1]]]
    assert cam_seeds(low, high, ignore_index=-1).tolist() == [[[1, 0, 0, -1, 1]]]


def test_half_precision_is_computed_in_float32():
    cams = maps(dtype=torch.bfloat16)
    for result in (normalised_cams(cams), cam_label_probs(cams, alpha=4)):
        assert result.dtype == torch.float32
    torch.testing.assert_close(cam_label_probs(cams, alpha=4), cam_label_probs(cams.float(), alpha=4))


@pytest.mark.parametrize(
    ('call', 'message'),
    [
        (lambda x: normalised_cams(x, eps=0), 'eps must be a finite number above 0, got 0'),
        (lambda x: normalised_cams(x[0]), r'scores must have the shape \(B, K, H, W\)'),
        (lambda x: cam_label_probs(x, alpha=-1), 'alpha must be a finite number above 0, got -1'),
        (lambda x: cam_seeds(x, x[:1]), r'the same shape, got \(2, 3, 5, 7\) and \(1, 3, 5, 7\)'),
        (lambda x: cam_seeds(x, x, ignore_index=2), 'must not be a channel 0 .. 2, got 2'),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call(maps())
    with pytest.raises(TypeError, match='cams must be a floating-point tensor'):
        cam_label_probs(maps() > 0, alpha=1)
