import pytest
import torch

from mmseg_wsss.structures import LossInputs
from tests.helpers.cam_losses import batch


def test_a_cell_counts_if_all_its_pixels_do():
    inputs = batch()
    inputs.valid[1, 0, 3, 7] = 0.5
    expected = torch.ones(3, 1, 5, 6)
    for b in range(3):
        for y in range(5):
            for x in range(6):
                rows = slice(y * 14 // 5, -(-(y + 1) * 14 // 5))
                columns = slice(x * 18 // 6, -(-(x + 1) * 18 // 6))
                expected[b, 0, y, x] = float((inputs.valid[b, 0, rows, columns] == 1).all())
    assert torch.equal(inputs.valid_cells, expected)
    assert expected[0].sum() == 18
    assert expected[1].sum() == 29


@pytest.mark.parametrize(
    ('given', 'kept'),
    [('bfloat16', 'float32'), ('float16', 'float32'), ('float32', 'float32'), ('float64', 'float64')],
)
def test_logits_have_at_least_32_bits(given, kept):
    logits = torch.zeros(1, 3, 4, 4, dtype=getattr(torch, given))
    inputs = LossInputs(logits, torch.zeros(1, 3, 8, 8), torch.zeros(1, 8, 8).long(), torch.ones(1, 1, 8, 8))
    assert inputs.logits.dtype == getattr(torch, kept)
    assert (inputs.logits is logits) == (given == kept)


def test_loss_inputs_are_lazy_and_right():
    logits = torch.randn(1, 3, 4, 4)
    inputs = LossInputs(logits, torch.zeros(1, 3, 8, 8), torch.zeros(1, 8, 8).long(), torch.ones(1, 1, 8, 8))
    torch.testing.assert_close(inputs.standardised_image[0, 0, 0, 0], torch.tensor(-0.485 / 0.229))
    torch.testing.assert_close(inputs.probs, logits.softmax(1))
    assert inputs.full_logits.shape == (1, 3, 8, 8)
