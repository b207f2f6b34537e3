import itertools
import math

import pytest
import torch
import torch.nn.functional as F
from mmseg.registry import MODELS

from mmseg_wsss.functional import gated_crf_loss
from tests.helpers.pixel_losses import inputs


def test_gated_crf_settings_reach_the_function():
    batch = inputs()
    kernels = [{'weight': 0.7, 'xy': 3.0, 'rgb': 0.2}, {'weight': 0.3, 'xy': 2.0}]
    costs = [[0, 1, 2], [1, 0, 1], [3, 1, 0]]
    loss = MODELS.build(
        {
            'type': 'GatedCRFLoss',
            'kernels': kernels,
            'radius': 2,
            'destination_mask': 'valid',
            'compatibility': costs,
            'color_space': 'unit',
            'loss_weight': 0.5,
        }
    )
    expected = gated_crf_loss(
        batch.probs,
        batch.image,
        kernels=kernels,
        radius=2,
        source_mask=batch.valid,
        destination_mask=batch.valid,
        compatibility=torch.tensor(costs, dtype=torch.float32),
    )
    torch.testing.assert_close(loss(batch), 0.5 * expected)


def test_gated_crf_defaults_are_the_published_setting():
    batch = inputs()
    expected = gated_crf_loss(
        batch.probs,
        batch.standardised_image,
        kernels=[{'weight': 1.0, 'xy': 6.0, 'rgb': 0.1}],
        radius=5,
        source_mask=batch.valid,
    )
    torch.testing.assert_close(MODELS.build({'type': 'GatedCRFLoss'})(batch), 0.1 * expected)
    unmasked = gated_crf_loss(
        batch.probs, batch.standardised_image, kernels=[{'weight': 1.0, 'xy': 6.0, 'rgb': 0.1}], radius=5
    )
    torch.testing.assert_close(MODELS.build({'type': 'GatedCRFLoss', 'source_mask': False})(batch), 0.1 * unmasked)


def pair_terms(batch, sources, destinations):
    """The energy of the published kernel over pairs of cells, straight from the equation, and the destinations."""
    probs, colour = batch.probs, F.adaptive_avg_pool2d(batch.standardised_image, batch.probs.shape[2:])
    cells = [(y, x) for y in range(6) for x in range(6)]
    energy = 0
    for n in range(len(probs)):
        for a, b in itertools.permutations(cells, 2):
            if destinations[n][a] and sources[n][b] and max(abs(a[0] - b[0]), abs(a[1] - b[1])) <= 5:
                difference = (colour[n][:, a[0], a[1]] - colour[n][:, b[0], b[1]]) / 0.1
                exponent = math.dist(a, b) ** 2 / 36 + float(difference.square().sum())
                agreement = float(probs[n][:, a[0], a[1]] @ probs[n][:, b[0], b[1]])
                energy += math.exp(-0.5 * exponent) * (1 - agreement)
    return energy, sum(sum(mask.values()) for mask in destinations)


def cells_of(mask):
    """Per image: whether all four pixels of a cell are set."""
    whole = (mask.view(len(mask), 6, 2, 6, 2) > 0).all(dim=4).all(dim=2)
    return [{(y, x): bool(image[y, x]) for y in range(6) for x in range(6)} for image in whole]


def test_unlabelled_pixels_of_the_image_are_the_destinations():
    labels = torch.full((2, 12, 12), 255)
    labels[0, 3, 5], labels[1, 0, 0], labels[1, 1, 7] = 1, 0, 2
    smooth = 0.02 * torch.rand(2, 3, 12, 12, generator=torch.Generator().manual_seed(1))
    batch = inputs(labels=labels, image=0.5 + smooth)
    valid = batch.valid[:, 0]
    sources, unlabelled = cells_of(valid), cells_of(valid * (labels == 255))
    energy, count = pair_terms(batch, sources, unlabelled)
    assert count == 36 - 1 + 18 - 2
    loss = MODELS.build({'type': 'GatedCRFLoss', 'destination_mask': 'unlabelled', 'loss_weight': 1.0})(batch)
    assert loss.item() == pytest.approx(energy / count, rel=1e-5)
    # All pixels of the image, the labelled ones too, are another number.
    energy, count = pair_terms(batch, sources, sources)
    valid_loss = MODELS.build({'type': 'GatedCRFLoss', 'destination_mask': 'valid', 'loss_weight': 1.0})(batch)
    assert valid_loss.item() == pytest.approx(energy / count, rel=1e-5)
    assert abs(valid_loss - loss) > 1e-3 * loss
    same = MODELS.build({'type': 'GatedCRFLoss', 'destination_mask': True, 'loss_weight': 1.0})(batch)
    assert torch.equal(same, valid_loss)


def test_dense_labels_leave_no_destination():
    batch = inputs(labels=torch.randint(0, 3, (2, 12, 12)))
    loss = MODELS.build({'type': 'GatedCRFLoss', 'destination_mask': 'unlabelled'})(batch)
    (grad,) = torch.autograd.grad(loss, batch.logits)
    assert loss == 0
    assert not grad.any()
    for other in ('valid', None, False):
        assert MODELS.build({'type': 'GatedCRFLoss', 'destination_mask': other})(batch) > 0


def test_a_labelled_pixel_still_pulls_its_neighbours_and_is_not_pulled():
    labels = torch.full((2, 12, 12), 255)
    labels[0, 4:6, 4:6] = 1
    batch = inputs(labels=labels, image=torch.full((2, 3, 12, 12), 0.5), valid=torch.ones(2, 1, 12, 12))
    probs = batch.probs.detach().requires_grad_()
    batch.__dict__['probs'] = probs
    MODELS.build({'type': 'GatedCRFLoss', 'destination_mask': 'unlabelled', 'loss_weight': 1.0})(batch).backward()
    half = probs.grad.clone()  # of pairs with the labelled cell only one of two directions is left
    probs.grad = None
    MODELS.build({'type': 'GatedCRFLoss', 'destination_mask': 'valid', 'loss_weight': 1.0})(batch).backward()
    torch.testing.assert_close(half[0, :, 2, 2] * (72 - 1), probs.grad[0, :, 2, 2] * 72 / 2)


def test_kernels_over_maps_of_the_sample():
    maps = {'depth': torch.rand(2, 1, 12, 12), 'reference': torch.zeros(2, 1, 12, 12)}
    batch = inputs(maps=maps)
    kernels = [{'weight': 1.0, 'xy': 3.0, 'depth': 0.2}, {'weight': 0.5, 'rgb': 0.5}]
    expected = gated_crf_loss(
        batch.probs,
        batch.standardised_image,
        kernels=kernels,
        source_mask=batch.valid,
        modalities={'depth': maps['depth']},
    )
    loss = MODELS.build({'type': 'GatedCRFLoss', 'kernels': kernels, 'loss_weight': 1.0})
    torch.testing.assert_close(loss(batch), expected)
    with pytest.raises(KeyError, match=r"compares 'depth', but the batch has the maps \(none\).*LoadModality"):
        loss(inputs())
    later = MODELS.build({'type': 'GatedCRFLoss', 'kernels': kernels, 'start': 0.9})
    with pytest.raises(KeyError, match="compares 'depth'"):  # not only when the loss starts
        later(inputs(progress=0.0))
    assert later(inputs(maps=maps, progress=0.0)) == 0


@pytest.mark.parametrize(
    ('settings', 'message'),
    [
        ({'type': 'GatedCRFLoss', 'kernels': [{'weight': 1.0}]}, 'xy'),
        ({'type': 'GatedCRFLoss', 'radius': 0}, 'radius'),
        ({'type': 'GatedCRFLoss', 'kernels': [{'weight': 1.0, 'depth': -1}]}, r"kernels\[0\]\['depth'\] must be"),
        (
            {'type': 'GatedCRFLoss', 'destination_mask': 'labelled'},
            "destination_mask must be one of unlabelled, valid or None, got 'labelled'",
        ),
        ({'type': 'GatedCRFLoss', 'color_space': 'lab'}, "color_space must be one of.*'lab'"),
        ({'type': 'GatedCRFLoss', 'start': 1.5}, r'start must be the fraction.*\[0, 1\], got 1.5'),
    ],
)
def test_bad_settings(settings, message):
    with pytest.raises(ValueError, match=message):
        MODELS.build(settings)
