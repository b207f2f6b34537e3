import pytest
import torch
from mmseg.registry import MODELS

from mmseg_wsss.functional import gated_crf_loss, inverse_log_class_weights, partial_cross_entropy
from mmseg_wsss.structures import LossInputs


def inputs(**changes):
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(0, 3, (2, 12, 12), generator=generator)
    labels[:, ::2] = 255
    valid = torch.ones(2, 1, 12, 12)
    valid[1, :, 6:] = 0
    values = {
        'logits': torch.randn(2, 3, 6, 6, generator=generator, requires_grad=True),
        'image': torch.rand(2, 3, 12, 12, generator=generator),
        'labels': labels,
        'valid': valid,
    }
    return LossInputs(**{**values, **changes})


def test_gated_crf_settings_reach_the_function():
    batch = inputs()
    kernels = [{'weight': 0.7, 'xy': 3.0, 'rgb': 0.2}, {'weight': 0.3, 'xy': 2.0}]
    costs = [[0, 1, 2], [1, 0, 1], [3, 1, 0]]
    loss = MODELS.build(
        {
            'type': 'GatedCRFLoss',
            'kernels': kernels,
            'radius': 2,
            'destination_mask': True,
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


def test_partial_cross_entropy_weights():
    batch = inputs()
    weight = torch.tensor([0.5, 1.0, 2.0])
    loss = MODELS.build({'type': 'PartialCrossEntropyLoss', 'class_weight': weight.tolist()})
    expected = partial_cross_entropy(batch.full_logits, batch.labels, class_weight=weight)
    torch.testing.assert_close(loss(batch), expected)

    frequencies = [0.7, 0.2, 0.1]
    loss = MODELS.build({'type': 'PartialCrossEntropyLoss', 'class_frequencies': frequencies})
    expected = partial_cross_entropy(
        batch.full_logits, batch.labels, class_weight=inverse_log_class_weights(torch.tensor(frequencies))
    )
    torch.testing.assert_close(loss(batch), expected)


def test_partial_cross_entropy_weights_of_the_batch():
    batch = inputs()
    counts = torch.tensor([(batch.labels == label).sum() for label in range(3)]).float()
    loss = MODELS.build({'type': 'PartialCrossEntropyLoss', 'class_weight': 'batch'})
    expected = partial_cross_entropy(
        batch.full_logits, batch.labels, class_weight=inverse_log_class_weights(counts / counts.sum())
    )
    torch.testing.assert_close(loss(batch), expected)
    nothing = inputs(labels=torch.full((2, 12, 12), 255))
    assert loss(nothing) == 0


@pytest.mark.parametrize(
    ('settings', 'message'),
    [
        ({'type': 'GatedCRFLoss', 'kernels': [{'weight': 1.0}]}, 'xy'),
        ({'type': 'GatedCRFLoss', 'radius': 0}, 'radius'),
        ({'type': 'GatedCRFLoss', 'color_space': 'lab'}, "color_space must be one of.*'lab'"),
        ({'type': 'GatedCRFLoss', 'start': 1.5}, r'start is the fraction.*\[0, 1\], got 1.5'),
        ({'type': 'PartialCrossEntropyLoss', 'class_weight': 'yes'}, "'batch' or None, got 'yes'"),
        (
            {'type': 'PartialCrossEntropyLoss', 'class_weight': [1.0], 'class_frequencies': [1.0]},
            'set one of them',
        ),
    ],
)
def test_bad_settings(settings, message):
    with pytest.raises(ValueError, match=message):
        MODELS.build(settings)
