import pytest
import torch
from mmseg.registry import MODELS

from mmseg_wsss.functional import partial_dice_loss
from tests.helpers.pixel_losses import inputs


@pytest.mark.parametrize('background', [False, True])
def test_it_is_the_functional_at_the_resolution_of_the_labels(background):
    batch = inputs()
    loss = MODELS.build({'type': 'PartialDiceLoss', 'background': background, 'smooth': 0.5, 'loss_weight': 2.0})
    expected = partial_dice_loss(batch.full_logits, batch.labels, background=background, smooth=0.5)
    torch.testing.assert_close(loss(batch), 2 * expected)
    assert loss(inputs(labels=torch.full((2, 12, 12), 255))) == 0


def test_bad_settings():
    with pytest.raises(ValueError, match='smooth must be a finite number above 0, got -1'):
        MODELS.build({'type': 'PartialDiceLoss', 'smooth': -1.0})
    loss = MODELS.build({'type': 'PartialDiceLoss'})
    loss.check_num_classes(2)
    with pytest.raises(ValueError, match='the only class is the background: set background=True'):
        loss.check_num_classes(1)
