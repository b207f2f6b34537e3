"""The contract of ``gated_crf_loss``, kept by the reference and by its fast twin alike."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmseg_wsss import functional, ops
from tests.helpers.gated_crf import MIXTURE, PAPER, loop_gated_crf, random_case, value_and_grad

both = pytest.mark.parametrize('loss_fn', [functional.gated_crf_loss, ops.gated_crf_loss], ids=['reference', 'op'])
ASYMMETRIC = torch.tensor([[0.0, 1.0, 0.3], [2.0, 0.0, 0.7], [0.1, 0.5, 0.0]], dtype=torch.float64)


@both
@pytest.mark.parametrize('masks', ['', 's', 'd', 'sd'])
@pytest.mark.parametrize('compatibility', [None, ASYMMETRIC], ids=['potts', 'custom'])
@pytest.mark.parametrize(
    ('size', 'image_size', 'mask_size', 'radius', 'kernels'),
    [
        ((4, 5), (9, 13), (8, 11), 1, MIXTURE),
        ((3, 6), (2, 3), (2, 3), 2, MIXTURE[:1]),  # image and masks smaller than the grid
        ((5, 3), (5, 3), (10, 3), 9, MIXTURE[1:2]),  # the window is larger than the image; position only
        ((1, 4), (4, 16), (1, 4), 1, MIXTURE[2:]),  # colour only
    ],
)
def test_equals_the_loop(loss_fn, masks, compatibility, size, image_size, mask_size, radius, kernels):
    probs, image, chosen = random_case((2, 3, *size), image_size=image_size, masks=masks, mask_size=mask_size)
    chosen.update(kernels=kernels, radius=radius, compatibility=compatibility)
    expected, expected_grad = value_and_grad(loop_gated_crf, probs, image, **chosen)
    loss, grad = value_and_grad(loss_fn, probs, image, **chosen)
    assert expected > 0
    torch.testing.assert_close(loss, expected, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(grad, expected_grad, rtol=1e-10, atol=1e-12)


SENSORS = [{'weight': 1.1, 'xy': 2.0, 'rgb': 0.5, 'depth': 0.4}, {'weight': 0.6, 'infrared': 0.7}, *MIXTURE[1:]]


def sensors(batch, seed=7):
    """Depth in one channel and infrared in two, of sizes of their own."""
    generator = torch.Generator().manual_seed(seed)
    depth = torch.rand(batch, 1, 8, 9, generator=generator, dtype=torch.float64)
    return {'depth': depth, 'infrared': torch.rand(batch, 2, 3, 11, generator=generator)}


@both
@pytest.mark.parametrize('masks', ['', 's', 'sd'])
@pytest.mark.parametrize('compatibility', [None, ASYMMETRIC], ids=['potts', 'custom'])
def test_kernels_over_other_modalities_equal_the_loop(loss_fn, masks, compatibility):
    probs, image, chosen = random_case((2, 3, 4, 5), image_size=(9, 13), masks=masks, mask_size=(8, 11))
    chosen.update(kernels=SENSORS, radius=2, compatibility=compatibility, modalities=sensors(2))
    expected, expected_grad = value_and_grad(loop_gated_crf, probs, image, **chosen)
    loss, grad = value_and_grad(loss_fn, probs, image, **chosen)
    torch.testing.assert_close(loss, expected, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(grad, expected_grad, rtol=1e-10, atol=1e-12)
    flat = {name: torch.zeros_like(field) for name, field in chosen['modalities'].items()}
    assert (loss_fn(probs, image, **{**chosen, 'modalities': flat}) - loss).abs() > 0.01 * loss


@both
def test_a_modality_with_the_colours_is_the_colours(loss_fn):
    probs, image, _ = random_case((1, 3, 5, 6), image_size=(10, 12))
    renamed = [{{'rgb': 'thermal'}.get(key, key): value for key, value in kernel.items()} for kernel in MIXTURE]
    expected = loss_fn(probs, image, kernels=MIXTURE, radius=2)
    loss = loss_fn(probs, torch.zeros_like(image), kernels=renamed, radius=2, modalities={'thermal': image})
    torch.testing.assert_close(loss, expected, rtol=1e-12, atol=0)


@both
@pytest.mark.parametrize('bad', [math.nan, math.inf])
def test_what_both_masks_exclude_may_hold_anything_in_a_modality(loss_fn, bad):
    probs, image, masks = random_case((2, 3, 6, 7), image_size=(6, 7), masks='sd', seed=4)
    outside = (masks['source_mask'] + masks['destination_mask']) == 0
    masks['source_mask'][0, :, :2] = masks['destination_mask'][0, :, :2] = 0
    outside[0, :, :2] = True
    depth = torch.rand(2, 1, 6, 7, dtype=torch.float64)
    chosen = dict(kernels=SENSORS[:1], radius=2, **masks)
    loss, grad = value_and_grad(loss_fn, probs, image, modalities={'depth': depth}, **chosen)
    broken = {'depth': torch.where(outside, bad, depth)}
    broken_loss, broken_grad = value_and_grad(loss_fn, probs, image, modalities=broken, **chosen)
    assert loss.isfinite()
    assert torch.equal(broken_loss, loss)
    assert torch.equal(broken_grad, grad)
    assert not grad[outside.expand_as(grad)].any()
    broken['depth'][0, 0, 4, 4] = math.nan
    masks['source_mask'][0, 0, 4, 4] = 1
    assert loss_fn(probs, image, modalities=broken, **chosen).isnan()


@both
def test_by_hand(loss_fn):
    # Two cells side by side, colours 0 and 0.2: K = exp(-0.5 (1/4 + 0.04/0.01)), each pair counted twice, two cells.
    probs = torch.tensor([[[[0.9, 0.4]], [[0.1, 0.6]]]], dtype=torch.float64)
    image = torch.tensor([[[[0.0, 0.2]]]], dtype=torch.float64)
    kernels = [{'weight': 3.0, 'xy': 2.0, 'rgb': 0.1}]
    similarity = 3 * math.exp(-0.5 * (0.25 + 4))
    disagreement = 1 - (0.9 * 0.4 + 0.1 * 0.6)
    loss = loss_fn(probs, image, kernels=kernels)
    assert loss.item() == pytest.approx(similarity * disagreement, rel=1e-12)
    # Only the right cell is a source: one of the two ordered pairs, one counted source.
    mask = torch.tensor([[[[0, 1]]]])
    assert loss_fn(probs, image, kernels=kernels, source_mask=mask).item() == pytest.approx(similarity * disagreement)
    # Cost of class i at the destination (left) beside class j at the source (right).
    costs = torch.tensor([[0.0, 5.0], [7.0, 0.0]], dtype=torch.float64)
    loss = loss_fn(probs, image, kernels=kernels, source_mask=mask, compatibility=costs)
    assert loss.item() == pytest.approx(similarity * (5 * 0.9 * 0.6 + 7 * 0.1 * 0.4))


@both
def test_flat_image_without_agreement_counts_the_kernel(loss_fn):
    # Neighbours outside the image do not count: 4 corners see 3 cells, 8 border cells 5, 4 inner cells 8.
    probs = torch.zeros(1, 2, 4, 4)
    loss = loss_fn(probs, torch.zeros(1, 3, 4, 4), kernels=[{'weight': 2.0, 'rgb': 1.0}], radius=1)
    assert loss.item() == pytest.approx(2 * (4 * 3 + 8 * 5 + 4 * 8) / 16)


@both
def test_denominator(loss_fn):
    probs, image, masks = random_case((2, 3, 4, 4), image_size=(4, 4), masks='sd')
    source, destination = masks['source_mask'], masks['destination_mask']
    ones = torch.ones_like(source)
    call = lambda **masks: loss_fn(probs, image, kernels=MIXTURE, radius=2, **masks).item()  # noqa: E731
    assert call(source_mask=ones) == pytest.approx(call(), rel=1e-12)
    assert call(source_mask=source, destination_mask=ones) == pytest.approx(
        call(source_mask=source) * source.sum().item() / 32, rel=1e-6
    )
    assert call(source_mask=ones, destination_mask=destination) == pytest.approx(call(destination_mask=destination))
    assert call(source_mask=0 * ones) == 0
    assert call(source_mask=ones, destination_mask=0 * ones) == 0


@both
@pytest.mark.parametrize('mask_size', [(6, 10), (7, 11), (3, 5), (2, 3), (49, 83)])
def test_a_cell_counts_only_if_all_its_pixels_do(loss_fn, mask_size):
    probs, image, _ = random_case((1, 2, 3, 5), image_size=(3, 5))
    generator = torch.Generator().manual_seed(3)
    for _ in range(5):
        mask = torch.ones(1, 1, *mask_size)
        mask.view(-1)[torch.randint(mask[0].numel(), (1,), generator=generator)] = 0
        chosen = {'kernels': MIXTURE, 'radius': 1, 'source_mask': mask, 'destination_mask': mask}
        torch.testing.assert_close(loss_fn(probs, image, **chosen), loop_gated_crf(probs, image, **chosen))


@both
@pytest.mark.parametrize('dtype', [torch.bool, torch.uint8, torch.int64, torch.float64])
def test_masks_of_any_type(loss_fn, dtype):
    probs, image, masks = random_case((1, 2, 5, 5), image_size=(10, 10), masks='sd', mask_size=(10, 10))
    converted = {name: mask.to(dtype) for name, mask in masks.items()}
    expected = loss_fn(probs, image, kernels=PAPER, **masks)
    assert torch.equal(loss_fn(probs, image, kernels=PAPER, **converted), expected)


@both
@pytest.mark.parametrize('bad', [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize('compatibility', [None, ASYMMETRIC], ids=['potts', 'custom'])
def test_what_both_masks_exclude_has_no_effect_whatever_it_holds(loss_fn, bad, compatibility):
    probs, image, masks = random_case((2, 3, 6, 7), image_size=(18, 21), masks='sd', mask_size=(18, 21), seed=4)
    masks['source_mask'][:, :, 5:] *= masks['destination_mask'][:, :, 5:]
    masks['source_mask'][1, :, :, :5] = masks['destination_mask'][1, :, :, :5] = 0
    chosen = dict(kernels=MIXTURE, radius=2, compatibility=compatibility, **masks)
    loss, grad = value_and_grad(loss_fn, probs, image, **chosen)
    out_of_both = (masks['source_mask'] + masks['destination_mask']) == 0
    cells = torch.nn.functional.adaptive_max_pool2d(out_of_both.double(), (6, 7)) > 0
    assert 5 < cells.sum() < 80
    broken_image = torch.where(out_of_both, bad, image)
    broken_probs = torch.where(cells, bad, probs)
    broken_loss, broken_grad = value_and_grad(loss_fn, broken_probs, broken_image, **chosen)
    assert loss.isfinite()
    assert grad.abs().sum() > 0
    assert torch.equal(broken_loss, loss)
    assert torch.equal(broken_grad, grad)
    assert not grad[cells.expand_as(grad)].any()


@both
def test_a_cell_that_only_the_source_mask_excludes_stays_a_destination(loss_fn):
    probs, image, _ = random_case((1, 2, 4, 4), image_size=(4, 4))
    mask = torch.ones(1, 1, 4, 4)
    mask[..., :2] = 0
    _, grad = value_and_grad(loss_fn, probs, image, kernels=MIXTURE, radius=1, source_mask=mask)
    assert not grad[..., 0].any()  # only cells outside the source mask around
    assert grad[..., 1].all()
    probs[..., 1, 1] = math.nan
    assert loss_fn(probs, image, kernels=MIXTURE, radius=1, source_mask=mask).isnan()


@both
def test_nan_in_a_counted_cell_is_not_hidden(loss_fn):
    probs, image, _ = random_case((1, 2, 4, 4), image_size=(4, 4))
    image[0, 1, 2, 2] = math.nan
    assert loss_fn(probs, image, kernels=PAPER).isnan()


@both
@pytest.mark.parametrize('compatibility', [None, ASYMMETRIC], ids=['potts', 'custom'])
@pytest.mark.parametrize('masks', ['', 'sd'])
def test_gradcheck(loss_fn, compatibility, masks):
    probs, image, chosen = random_case((2, 3, 4, 3), image_size=(8, 6), masks=masks)
    chosen.update(kernels=MIXTURE, radius=2, compatibility=compatibility)
    assert torch.autograd.gradcheck(lambda x: loss_fn(x, image, **chosen), probs.requires_grad_())


@both
def test_equal_predictions_cost_nothing_and_no_prediction_costs_less(loss_fn):
    generator = torch.Generator().manual_seed(0)
    image = 0.1 * torch.rand(1, 3, 12, 12, generator=generator)
    one_hot = torch.zeros(1, 5, 12, 12)
    one_hot[:, 2] = 1
    loss, grad = value_and_grad(loss_fn, one_hot, image, kernels=PAPER)
    without_agreement = loss_fn(0 * one_hot, image, kernels=PAPER)
    assert 0 <= loss <= 1e-6 * without_agreement  # a difference of two equal sums
    assert (grad <= 0).all()
    for scale in (5.0, 15.0, 17.0, 20.0, 40.0):
        logits = torch.randn(1, 5, 12, 12, generator=generator)
        logits[:, 1] += scale
        assert loss_fn(logits.softmax(dim=1), image, kernels=PAPER) >= 0


@both
@pytest.mark.parametrize('radius', [1, 5])
def test_rounded_probabilities_cost_nothing_less_than_nothing(loss_fn, radius):
    # 0.9981 and 0.0019 in bfloat16: the inner product of equal predictions is above 1.
    probs = torch.tensor([0.9981, 0.0019]).bfloat16().view(1, 2, 1, 1).expand(1, 2, 8, 8)
    assert probs.double().sum(dim=1).max() > 1
    loss, grad = value_and_grad(loss_fn, probs, torch.zeros(1, 3, 8, 8), kernels=PAPER, radius=radius)
    assert loss == 0
    assert (grad[:, 0] < -0.05).all()
    # What is not a probability keeps its value, also below 0.
    assert loss_fn(1.1 * probs.float(), torch.zeros(1, 3, 8, 8), kernels=PAPER, radius=radius) < -0.1


@both
def test_a_mask_value_below_one_does_not_count(loss_fn):
    probs, image, _ = random_case((1, 2, 3, 3), image_size=(3, 3))
    mask = torch.tensor([[1, 1, 0.99], [1, 0.5, 1], [math.nan, 1, 1]]).view(1, 1, 3, 3)
    expected = loss_fn(probs, image, kernels=PAPER, source_mask=mask == 1)
    assert torch.equal(loss_fn(probs, image, kernels=PAPER, source_mask=mask), expected)


@both
@settings(max_examples=15, deadline=None, derandomize=True)
@given(seed=st.integers(0, 1000), masks=st.sampled_from(['', 's', 'd', 'sd']))
def test_classes_may_be_permuted_and_images_flipped(loss_fn, seed, masks):
    probs, image, chosen = random_case((2, 4, 5, 6), image_size=(10, 12), masks=masks, mask_size=(10, 12), seed=seed)
    expected = loss_fn(probs, image, kernels=MIXTURE, radius=2, **chosen)
    permuted = loss_fn(probs[:, [2, 0, 3, 1]], image, kernels=MIXTURE, radius=2, **chosen)
    torch.testing.assert_close(permuted, expected)
    for axes in ((2,), (3,), (2, 3)):
        flipped = {name: mask.flip(axes) for name, mask in chosen.items()}
        loss = loss_fn(probs.flip(axes), image.flip(axes), kernels=MIXTURE, radius=2, **flipped)
        torch.testing.assert_close(loss, expected)


@both
def test_inputs_are_not_changed(loss_fn):
    probs, image, masks = random_case((1, 3, 4, 4), image_size=(4, 4), masks='sd')
    image[0, :, 0, 0] = math.nan
    masks['source_mask'][0, 0, 0, 0] = masks['destination_mask'][0, 0, 0, 0] = 0
    costs = ASYMMETRIC.clone()
    given_tensors = [probs, image, costs, *masks.values()]
    before = [tensor.clone() for tensor in given_tensors]
    value_and_grad(loss_fn, probs, image, kernels=MIXTURE, compatibility=costs, **masks)
    value_and_grad(loss_fn, probs, image, kernels=MIXTURE, **masks)
    for tensor, copy in zip(given_tensors, before, strict=True):
        torch.testing.assert_close(tensor, copy, rtol=0, atol=0, equal_nan=True)


@both
@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_types_and_autocast(loss_fn, dtype):
    probs, image, _ = random_case((1, 3, 6, 6), image_size=(12, 12), dtype=dtype)
    loss, grad = value_and_grad(loss_fn, probs, image, kernels=PAPER)
    assert loss.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    assert grad.dtype == dtype
    costs = 1 - torch.eye(3, dtype=dtype)
    custom, _ = value_and_grad(loss_fn, probs, image, kernels=PAPER, compatibility=costs)
    with torch.autocast('cpu', torch.bfloat16):
        cast_loss, cast_grad = value_and_grad(loss_fn, probs, image, kernels=PAPER)
        cast_custom, _ = value_and_grad(loss_fn, probs, image, kernels=PAPER, compatibility=costs)
    assert torch.equal(cast_loss, loss)
    assert torch.equal(cast_grad, grad)
    assert torch.equal(cast_custom, custom)


@both
def test_no_gradient_to_image_and_costs(loss_fn):
    probs, image, _ = random_case((1, 3, 4, 4), image_size=(4, 4))
    image.requires_grad_()
    costs = ASYMMETRIC.clone().requires_grad_()
    loss = loss_fn(probs.requires_grad_(), image, kernels=PAPER, compatibility=costs)
    loss.backward()
    assert image.grad is None
    assert costs.grad is None


@both
@pytest.mark.parametrize(
    ('change', 'error', 'message'),
    [
        ({'probs': torch.ones(1, 3, 4, 4, dtype=torch.long)}, TypeError, 'probs must be a floating-point tensor'),
        ({'probs': torch.ones(3, 4, 4)}, ValueError, 'probs must have the shape'),
        ({'image': None}, TypeError, 'image must be a tensor'),
        ({'image': torch.ones(3, 4, 4)}, ValueError, 'image must have the shape'),
        ({'image': torch.ones(2, 3, 4, 4)}, ValueError, 'same batch size, got 2 and 1'),
        ({'source_mask': torch.ones(1, 4, 4)}, ValueError, r'source_mask must have the shape \(1, 1, h, w\)'),
        ({'destination_mask': torch.ones(1, 3, 4, 4)}, ValueError, 'destination_mask must have the shape'),
        ({'destination_mask': 1.0}, TypeError, 'destination_mask must be a tensor'),
        ({'radius': 0}, ValueError, 'radius must be a positive integer, got 0'),
        ({'radius': 2.0}, ValueError, 'radius must be a positive integer'),
        ({'radius': True}, ValueError, 'radius must be a positive integer'),
        ({'compatibility': torch.ones(2, 2)}, ValueError, r'compatibility must have the shape \(3, 3\)'),
        ({'compatibility': [[0.0]]}, TypeError, 'compatibility must be a tensor'),
        ({'kernels': []}, ValueError, 'at least one'),
        ({'kernels': {'weight': 1, 'xy': 6}}, TypeError, 'put a single kernel into a list'),
        ({'kernels': [6.0]}, TypeError, r'kernels\[0\] must be a dict'),
        ({'kernels': [{'weight': 1}]}, ValueError, 'kernel without xy and rgb'),
        ({'kernels': [{'xy': 6}]}, ValueError, r'kernels\[0\] has no weight'),
        ({'kernels': [*PAPER, {'weight': 1, 'rbg': 6}]}, ValueError, r"kernels\[1\] has unknown keys \['rbg'\]"),
        (
            {'kernels': [{'weight': 1, 'xy': 0}]},
            ValueError,
            r"kernels\[0\]\['xy'\] must be a finite number above 0, got 0",
        ),
        ({'kernels': [{'weight': 1, 'rgb': -0.1}]}, ValueError, 'must be a finite number above 0'),
        ({'kernels': [{'weight': 1, 'rgb': math.nan}]}, ValueError, 'must be a finite number above 0'),
        (
            {'kernels': [{'weight': 1, 'rgb': 1e-25}]},
            ValueError,
            r"kernels\[0\]\['rgb'\] must be a sigma from 1e-15 to 1e\+15, got 1e-25",
        ),
        ({'kernels': [{'weight': 1, 'xy': 1e200}]}, ValueError, r'must be a sigma from 1e-15 to 1e\+15, got 1e\+200'),
        ({'kernels': [{'weight': 1, 'rgb': '0.1'}]}, TypeError, 'must be a number above 0'),
        (
            {'kernels': [{'weight': 1, 'depth': 0.1}]},
            ValueError,
            r"unknown keys \['depth'\]: choose from weight, xy, rgb, or pass such a tensor in modalities",
        ),
        (
            {'kernels': [{'weight': 1, 'depht': 0.1}], 'modalities': {'depth': torch.ones(1, 1, 4, 4)}},
            ValueError,
            r"unknown keys \['depht'\]: choose from weight, xy, rgb, depth",
        ),
        (
            {'modalities': {'depth': torch.ones(1, 1, 4, 4)}},
            ValueError,
            r"no kernel uses the modalities \['depth'\]: add a sigma",
        ),
        ({'modalities': [torch.ones(1, 1, 4, 4)]}, TypeError, "modalities must be a dict such as {'depth': depth}"),
        (
            {'modalities': {'rgb': torch.ones(1, 1, 4, 4)}},
            ValueError,
            r"must have names other than weight, xy, rgb, got \['rgb'\]",
        ),
        (
            {'kernels': [{'weight': 1, 'depth': 0.1}], 'modalities': {'depth': torch.ones(1, 4, 4)}},
            ValueError,
            r"modalities\['depth'\] must have the shape \(1, K, h, w\)",
        ),
        (
            {'kernels': [{'weight': 1, 'depth': 0.1}], 'modalities': {'depth': torch.ones(2, 1, 4, 4)}},
            ValueError,
            r"modalities\['depth'\] and the other tensors must have the same batch size, got 2 and 1",
        ),
        (
            {'kernels': [{'weight': 1, 'depth': 0.1}], 'modalities': {'depth': None}},
            TypeError,
            r"modalities\['depth'\] must be a tensor \(B, K, h, w\), got NoneType",
        ),
        (
            {'kernels': [{'weight': 1, 'depth': 0}], 'modalities': {'depth': torch.ones(1, 1, 4, 4)}},
            ValueError,
            r"kernels\[0\]\['depth'\] must be a finite number above 0, got 0",
        ),
    ],
)
def test_errors(loss_fn, change, error, message):
    arguments = {'probs': torch.ones(1, 3, 4, 4), 'image': torch.ones(1, 3, 8, 8), 'kernels': PAPER}
    arguments.update(change)
    with pytest.raises(error, match=message):
        loss_fn(arguments.pop('probs'), arguments.pop('image'), **arguments)


@both
@pytest.mark.parametrize('sigma', [1e-15, 1e15])
def test_the_smallest_and_largest_sigma(loss_fn, sigma):
    probs, image, _ = random_case((1, 3, 4, 4), image_size=(4, 4), dtype=torch.float32)
    loss = loss_fn(probs, image, kernels=[{'weight': 1, 'xy': sigma, 'rgb': sigma}], radius=3)
    everything = 240 - (probs.sum((2, 3)).square().sum() - probs.square().sum())  # K is 1 for all 240 pairs
    torch.testing.assert_close(loss, everything / 16 if sigma > 1 else torch.tensor(0.0), rtol=1e-4, atol=0)


@both
def test_unknown_settings_are_refused(loss_fn):
    with pytest.raises(TypeError, match='sigma'):
        loss_fn(torch.ones(1, 3, 4, 4), torch.ones(1, 3, 4, 4), kernels=PAPER, sigma=1)
