import pytest
import torch
from mmseg.registry import MODELS

from mmseg_wsss.functional import inverse_log_class_weights, partial_cross_entropy
from mmseg_wsss.structures import LossInputs
from tests.helpers.pixel_losses import inputs


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


def test_labels_at_the_resolution_of_the_logits():
    labels = torch.full((1, 6, 6), 255)
    labels[0, 1::3, 1::3] = torch.tensor([[0, 1], [2, 255]])  # the middle of each cell of 3 x 3
    batch = LossInputs(
        logits=torch.randn(1, 3, 2, 2), image=torch.zeros(1, 3, 6, 6), labels=labels, valid=torch.ones(1, 1, 6, 6)
    )
    expected = partial_cross_entropy(batch.logits, torch.tensor([[[0, 1], [2, 255]]]))
    loss = MODELS.build({'type': 'PartialCrossEntropyLoss', 'resolution': 'logits'})
    torch.testing.assert_close(loss(batch), expected)
    with pytest.raises(ValueError, match="resolution must be 'labels' or 'logits', got 'image'"):
        MODELS.build({'type': 'PartialCrossEntropyLoss', 'resolution': 'image'})
