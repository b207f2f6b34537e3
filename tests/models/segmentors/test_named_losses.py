"""The sum of the losses; how they are built and run is in ``test_weak_encoder_decoder.py``."""

import torch

from mmseg_wsss.models.segmentors.named_losses import with_total


def test_statistics_and_counts_are_not_in_the_sum():
    values = {'loss_ce': 2.0, 'crf': 0.5, 'loss_ce/loss_of_clicks': 8.0, 'labelled_pixels': 64.0}
    logged = {name: torch.tensor(value) for name, value in values.items()}
    total, all_logged = with_total({**logged, 'loss': torch.tensor(-1.0)}, values)
    assert total == 2.5
    assert {name: float(value) for name, value in all_logged.items()} == {**values, 'loss': 2.5}
