import math

import pytest
import torch

from mmseg_wsss.functional import stochastic_gate

RATES = [0.1, 0.3, 0.5, 0.9]


def features(shape=(2, 3, 4, 5), dtype=torch.float64):
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype) for _ in range(2)]


def draws(rate, form, count=40_000):
    """The gate of one pair of numbers, often."""
    generator = torch.Generator().manual_seed(1)
    deep, shallow = torch.full((count,), 2.0), torch.full((count,), -1.0)
    return stochastic_gate(deep, shallow, rate, training=True, form=form, generator=generator).double()


@pytest.mark.parametrize('rate', RATES)
def test_the_mean_of_training_is_the_inference(rate):
    # Deep 2, shallow -1: the mean is 2 (1 - psi) - psi, the variance psi (1 - psi) 3^2.
    drawn = draws(rate, 'paper')
    assert set(drawn.unique().tolist()) == {-1, 2}
    error = 4 * math.sqrt(rate * (1 - rate) * 9 / len(drawn))
    assert drawn.mean().item() == pytest.approx(2 * (1 - rate) - rate, abs=error)
    inference = stochastic_gate(torch.tensor([2.0]), torch.tensor([-1.0]), rate, training=False)
    assert inference.item() == pytest.approx(2 * (1 - rate) - rate)
    assert drawn.var().item() == pytest.approx(9 * rate * (1 - rate), rel=0.05)


@pytest.mark.parametrize('rate', RATES)
def test_the_mean_of_the_published_training_is_the_deep_feature(rate):
    # Kept: (2 + psi) / (1 - psi), else -1; the distance of the two is 3 / (1 - psi).
    drawn = draws(rate, 'reference')
    assert drawn.unique().tolist() == pytest.approx([-1, (2 + rate) / (1 - rate)])
    variance = 9 * rate / (1 - rate)
    assert drawn.mean().item() == pytest.approx(2, abs=4 * math.sqrt(variance / len(drawn)))
    assert drawn.var().item() == pytest.approx(variance, rel=0.05)
    expected = stochastic_gate(torch.tensor([2.0]), torch.tensor([-1.0]), rate, training=False, form='reference')
    assert expected.item() == pytest.approx(2 * (1 - rate) - rate)


@pytest.mark.parametrize('form', ['paper', 'reference'])
def test_equals_the_equation_number_by_number(form):
    deep, shallow = features()
    rate = 0.3
    result = stochastic_gate(deep, shallow, rate, training=True, form=form, generator=torch.Generator().manual_seed(7))
    drawn = torch.rand(deep.shape, generator=torch.Generator().manual_seed(7))
    gates = []
    for d, s, r, value in zip(*(x.flatten().tolist() for x in (deep, shallow, drawn, result)), strict=True):
        gate = int(r < rate)
        kept = d if form == 'paper' else (d - rate * s) / (1 - rate)
        assert value == pytest.approx((1 - gate) * kept + gate * s)
        gates.append(gate)
    assert 20 < sum(gates) < 60  # of 120, expected 36: drawn for each number


@pytest.mark.parametrize('form', ['paper', 'reference'])
def test_the_ends_of_the_rate(form):
    deep, shallow = features()
    for training in (False, True):
        assert torch.equal(stochastic_gate(deep, shallow, 0, training=training, form=form), deep)
    if form == 'paper':
        for training in (False, True):
            assert torch.equal(stochastic_gate(deep, shallow, 1.0, training=training), shallow)


@pytest.mark.parametrize('form', ['paper', 'reference'])
@pytest.mark.parametrize('training', [False, True])
def test_gradcheck(form, training):
    deep, shallow = (x.requires_grad_() for x in features((1, 2, 3, 2)))

    def gate(deep, shallow):
        generator = torch.Generator().manual_seed(3)
        return stochastic_gate(deep, shallow, 0.4, training=training, form=form, generator=generator)

    assert torch.autograd.gradcheck(gate, (deep, shallow))


def test_randomness_is_the_generators_and_the_batch_may_change():
    deep, shallow = features()
    first = stochastic_gate(deep, shallow, 0.5, training=True, generator=torch.Generator().manual_seed(5))
    again = stochastic_gate(deep, shallow, 0.5, training=True, generator=torch.Generator().manual_seed(5))
    assert torch.equal(first, again)
    state = torch.get_rng_state()
    stochastic_gate(deep, shallow, 0.5, training=True, generator=torch.Generator())
    stochastic_gate(deep, shallow, 0.5, training=False)
    assert torch.equal(torch.get_rng_state(), state)
    assert not torch.equal(stochastic_gate(deep, shallow, 0.5, training=True), first)
    smaller = stochastic_gate(deep[:1, :, 1:], shallow[:1, :, 1:], 0.5, training=True)
    assert smaller.shape == (1, 3, 3, 5)


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_half_precision_keeps_its_type_and_the_rate(dtype):
    count = 200_000
    deep, shallow = torch.zeros(count, dtype=dtype), torch.ones(count, dtype=dtype)
    drawn = stochastic_gate(deep, shallow, 0.003, training=True, generator=torch.Generator().manual_seed(0))
    assert drawn.dtype == dtype
    assert drawn.double().mean().item() == pytest.approx(0.003, rel=0.2)
    with torch.autocast('cpu', torch.bfloat16):
        deep, shallow = features(dtype=torch.float32)
        assert stochastic_gate(deep, shallow, 0.3, training=True).dtype == torch.float32


@pytest.mark.parametrize(
    ('change', 'error', 'message'),
    [
        ({'deep': None}, TypeError, 'deep must be a floating-point tensor'),
        ({'shallow': torch.ones(2, 3, dtype=torch.long)}, TypeError, 'shallow must be a floating-point tensor'),
        ({'shallow': torch.ones(2, 4)}, ValueError, r'same shape, got \(2, 3\) and \(2, 4\): project'),
        ({'rate': 1.2}, ValueError, r'rate must be in \[0, 1\], got 1.2'),
        ({'rate': math.nan}, ValueError, r'rate must be in \[0, 1\]'),
        ({'rate': None}, TypeError, 'rate must be a number'),
        ({'rate': 1, 'form': 'reference'}, ValueError, "rate must be below 1 for form='reference'"),
        ({'form': 'code'}, ValueError, "unknown form 'code': choose from paper, reference"),
    ],
)
def test_errors(change, error, message):
    arguments = {'deep': torch.ones(2, 3), 'shallow': torch.ones(2, 3), 'rate': 0.3, 'training': True, **change}
    with pytest.raises(error, match=message):
        stochastic_gate(arguments.pop('deep'), arguments.pop('shallow'), arguments.pop('rate'), **arguments)
