"""What only the fast twin must do; that both keep one contract is tested with the reference."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from mmseg_wsss import functional, ops
from tests.helpers.gated_crf import MIXTURE, PAPER, random_case, value_and_grad

sizes = st.integers(1, 13)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    shape=st.tuples(st.integers(1, 3), st.sampled_from([1, 2, 7]), sizes, sizes),
    image_size=st.tuples(sizes, sizes),
    mask_size=st.tuples(sizes, sizes),
    masks=st.sampled_from(['', 's', 'd', 'sd']),
    radius=st.integers(1, 6),
    kernels=st.sampled_from([PAPER, MIXTURE, MIXTURE[1:2], MIXTURE[:2]]),
    custom=st.booleans(),
    seed=st.integers(0, 99),
)
def test_equals_the_reference(shape, image_size, mask_size, masks, radius, kernels, custom, seed):
    probs, image, chosen = random_case(shape, image_size=image_size, masks=masks, mask_size=mask_size, seed=seed)
    chosen.update(kernels=kernels, radius=radius)
    if custom:
        chosen['compatibility'] = torch.rand(shape[1], shape[1], generator=torch.Generator().manual_seed(seed))
    expected, expected_grad = value_and_grad(functional.gated_crf_loss, probs, image, **chosen)
    loss, grad = value_and_grad(ops.gated_crf_loss, probs, image, **chosen)
    torch.testing.assert_close(loss, expected, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(grad, expected_grad, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize('custom', [False, True])
def test_modalities_equal_the_reference_across_tiles_and_images(custom):
    probs, image, chosen = random_case((3, 21, 33, 34), image_size=(33, 34), masks='s')
    generator = torch.Generator().manual_seed(1)
    chosen['modalities'] = {'depth': torch.rand(3, 1, 66, 70, generator=generator, dtype=torch.float64)}
    chosen['kernels'] = [{'weight': 1.0, 'xy': 4.0, 'depth': 0.3}, PAPER[0]]
    if custom:
        chosen['compatibility'] = torch.rand(21, 21, generator=generator, dtype=torch.float64)
    expected, expected_grad = value_and_grad(functional.gated_crf_loss, probs, image, radius=3, **chosen)
    loss, grad = value_and_grad(ops.gated_crf_loss, probs, image, radius=3, **chosen)
    torch.testing.assert_close(loss, expected, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(grad, expected_grad, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(
    'shape',
    [
        (1, 150, 24, 31),
        (5, 21, 33, 33),  # several images at a time, and a rest
        (1, 40, 65, 70),  # several tiles per image
    ],
)
def test_equals_the_reference_in_float32_across_tiles(shape):
    size = (4 * shape[2], 4 * shape[3])
    probs, image, chosen = random_case(shape, image_size=size, masks='s', mask_size=size, dtype=torch.float32)
    image = F.avg_pool2d(image, 9, stride=1, padding=4)
    chosen.update(kernels=PAPER, radius=3)
    expected, expected_grad = value_and_grad(functional.gated_crf_loss, probs, image, **chosen)
    loss, grad = value_and_grad(ops.gated_crf_loss, probs, image, **chosen)
    assert expected > 0.1
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(grad, expected_grad)


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16, torch.float32])
@pytest.mark.parametrize('kernels', [PAPER, MIXTURE])
def test_error_is_at_most_twice_that_of_plain_pytorch(dtype, kernels):
    probs, image, chosen = random_case((2, 7, 16, 16), image_size=(16, 16), masks='s', dtype=dtype)
    image = image * 0.2
    chosen['kernels'] = kernels
    exact, exact_grad = value_and_grad(functional.gated_crf_loss, probs.double(), image.double(), **chosen)
    plain, plain_grad = value_and_grad(plain_pytorch, probs, image, **chosen)
    loss, grad = value_and_grad(ops.gated_crf_loss, probs, image, **chosen)
    # In float32, plain PyTorch may be exact by chance: a few roundings of the last bit are allowed.
    room = 4 * torch.finfo(torch.float32).eps
    assert (loss - exact).abs() <= 2 * (plain - exact).abs() + room * exact
    worst = (plain_grad - exact_grad).abs().max()
    assert (grad - exact_grad).abs().max() <= 2 * worst + room * exact_grad.abs().max()


def plain_pytorch(probs, image, *, kernels, source_mask):
    """The loss in the type of its inputs, no float32 anywhere."""
    _, _, height, width = probs.shape
    source, radius = source_mask.to(probs.dtype), 5
    y, x = (axis.to(probs.dtype) for axis in torch.meshgrid(torch.arange(height), torch.arange(width), indexing='ij'))
    features = {'xy': torch.stack([x, y]).expand(len(probs), 2, height, width), 'rgb': image}
    around = lambda field: F.unfold(field, 2 * radius + 1, padding=radius).view(*field.shape[:2], -1, height, width)  # noqa: E731
    similarity = 0
    for kernel in kernels:
        exponent = 0
        for name in kernel.keys() - {'weight'}:
            scaled = features[name] / kernel[name]
            exponent = exponent + (around(scaled) - scaled[:, :, None]).square().sum(1)
        similarity = similarity + kernel['weight'] * torch.exp(-0.5 * exponent)
    similarity[:, similarity.shape[1] // 2] = 0
    gated = similarity * around(source)[:, 0]
    return (gated * (1 - (probs[:, :, None] * around(probs)).sum(1))).sum() / source.sum()


@pytest.mark.parametrize('custom', [False, True])
def test_layout_of_the_inputs_does_not_matter(custom):
    probs, image, masks = random_case((3, 4, 9, 7), image_size=(18, 14), masks='sd', mask_size=(18, 14))
    chosen = {'kernels': MIXTURE, 'radius': 2, 'compatibility': torch.rand(4, 4) if custom else None}
    expected, expected_grad = value_and_grad(ops.gated_crf_loss, probs, image, **masks, **chosen)
    strided = lambda x: x.permute(3, 1, 0, 2).contiguous().permute(2, 1, 3, 0)  # noqa: E731
    leaf = strided(probs).requires_grad_()
    assert not leaf.is_contiguous()
    loss = ops.gated_crf_loss(leaf, strided(image), **{k: strided(v) for k, v in masks.items()}, **chosen)
    loss.backward()
    assert torch.equal(loss, expected)
    assert torch.equal(leaf.grad, expected_grad)
    expanded = probs[:1].expand(3, -1, -1, -1)
    torch.testing.assert_close(
        ops.gated_crf_loss(expanded, image, **chosen), functional.gated_crf_loss(expanded, image, **chosen)
    )


def test_upstream_gradient_and_second_use():
    probs, image, _ = random_case((2, 3, 6, 6), image_size=(6, 6))
    results = []
    for function in (functional.gated_crf_loss, ops.gated_crf_loss):
        logits = probs.log().requires_grad_()
        loss = function(logits.softmax(1), image, kernels=PAPER)
        (3 * loss + loss.square()).backward(retain_graph=True)
        once = logits.grad.clone()
        (0.5 * loss).backward()
        results.append((once, logits.grad))
    torch.testing.assert_close(results[0], results[1])


def test_only_one_tensor_of_the_size_of_the_probabilities_is_kept():
    probs, image, _ = random_case((2, 8, 16, 16), image_size=(32, 32), dtype=torch.float32)
    probs.requires_grad_()
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda x: kept.append(x) or x, lambda x: x):
        ops.gated_crf_loss(probs, image, kernels=PAPER, source_mask=torch.ones(2, 1, 32, 32))
    others = [x for x in kept if x.data_ptr() != probs.data_ptr()]
    assert sum(x.untyped_storage().nbytes() for x in others) == probs.nbytes


def test_second_derivative_is_refused():
    probs, image, _ = random_case((1, 2, 4, 4), image_size=(4, 4))
    loss = ops.gated_crf_loss(probs.requires_grad_(), image, kernels=PAPER)
    (grad,) = torch.autograd.grad(loss, probs, create_graph=True)
    with pytest.raises(RuntimeError, match='ops.gated_crf_loss does not support second derivatives'):
        grad.sum().backward()


@pytest.mark.parametrize('weight', [1e-20, 1e-30])
def test_a_tiny_weight_counts(weight):
    probs, image, _ = random_case((1, 3, 6, 6), image_size=(6, 6), dtype=torch.float32)
    kernels = [{'weight': weight, 'xy': 2.0}]
    expected, expected_grad = value_and_grad(functional.gated_crf_loss, probs, image, kernels=kernels)
    loss, grad = value_and_grad(ops.gated_crf_loss, probs, image, kernels=kernels)
    assert expected > weight
    torch.testing.assert_close(loss, expected, rtol=1e-5, atol=0)
    torch.testing.assert_close(grad, expected_grad, rtol=1e-5, atol=0)


def test_same_numbers_every_time():
    probs, image, _ = random_case((3, 5, 20, 20), image_size=(40, 40), dtype=torch.float32)
    first = value_and_grad(ops.gated_crf_loss, probs, image, kernels=MIXTURE)
    for _ in range(3):
        again = value_and_grad(ops.gated_crf_loss, probs, image, kernels=MIXTURE)
        assert torch.equal(again[0], first[0])
        assert torch.equal(again[1], first[1])


def test_without_gradient():
    probs, image, _ = random_case((1, 3, 6, 6), image_size=(6, 6))
    loss = ops.gated_crf_loss(probs, image, kernels=PAPER)
    assert not loss.requires_grad
    torch.testing.assert_close(loss, functional.gated_crf_loss(probs, image, kernels=PAPER))


def test_backends():
    probs, image, _ = random_case((1, 3, 4, 4), image_size=(4, 4))
    auto = ops.gated_crf_loss(probs, image, kernels=PAPER)
    assert torch.equal(ops.gated_crf_loss(probs, image, kernels=PAPER, backend='torch'), auto)
    with pytest.raises(ValueError, match="unknown backend 'cuda': choose from auto, torch, triton"):
        ops.gated_crf_loss(probs, image, kernels=PAPER, backend='cuda')
    kernels, depth = [{'weight': 1.0, 'depth': 0.3}], {'depth': torch.rand(1, 1, 4, 4)}
    with pytest.raises(ValueError, match='only compares positions and colours, got the modalities depth; use backend'):
        ops.gated_crf_loss(probs, image, kernels=kernels, modalities=depth, backend='triton')
