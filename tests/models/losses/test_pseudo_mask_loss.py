import pytest
import torch
import torch.nn.functional as F

from mmseg_wsss.functional import balanced_cross_entropy
from mmseg_wsss.structures import LossInputs
from tests.helpers.tag_losses import PAMR, build, grad_of, inputs


def test_pseudo_mask_loss_is_the_balanced_loss_of_the_resized_logits():
    batch = inputs()
    labels = build('PseudoMaskLoss', refiner=PAMR).pseudo_masks(batch).labels
    resized = F.interpolate(batch.logits, (12, 16), mode='bilinear', align_corners=True)
    expected = balanced_cross_entropy(resized, labels, batch.tags)
    assert (expected > 0).all()
    loss = build('PseudoMaskLoss', refiner=PAMR, loss_weight=0.7)
    torch.testing.assert_close(loss(batch), 0.7 * expected.mean())
    torch.testing.assert_close(grad_of(loss, batch), 0.7 * torch.autograd.grad(expected.mean(), batch.logits)[0])
    published = build('PseudoMaskLoss', refiner=PAMR)(batch)
    balanced = build('PseudoMaskLoss', refiner=PAMR, balance='paper')(batch)
    expected = balanced_cross_entropy(resized, labels, batch.tags, balance='paper')
    torch.testing.assert_close(balanced, expected.mean())
    assert balanced > 1.2 * published


def test_defaults_are_the_published_setting():
    batch = inputs()
    settings = {'foreground_ratio': 0.6, 'background_ratio': 0.7, 'min_confidence': 0.2}
    chosen = {'num_iters': 10, 'dilations': (1, 2, 4, 8, 12, 24), 'affinity': 'reference'}
    named = build(
        'PseudoMaskLoss',
        refiner={'type': 'PAMR', **chosen},
        pseudo_labels={'type': 'ConfidentLabels', **settings},
        start=0.0,
        loss_weight=1.0,
    )
    assert torch.equal(build('PseudoMaskLoss')(batch), named(batch))
    stricter = build('PseudoMaskLoss', pseudo_labels={'type': 'ConfidentLabels', 'foreground_ratio': 0.95})
    assert (stricter.pseudo_masks(batch).labels == 255).sum() > (named.pseudo_masks(batch).labels == 255).sum()


def test_an_image_whose_tags_are_not_all_found_is_dropped_and_counted():
    found = inputs([[1.0, 1.0]])
    loss = build('PseudoMaskLoss')
    expected = loss(found)
    both = inputs([[1.0, 1.0], [1.0, 1.0]])
    logits = torch.cat([found.logits.detach(), found.logits.detach()])
    logits[1, 2] = -20  # the second class is nowhere in the second image
    both = LossInputs(logits.requires_grad_(), found.image.repeat(2, 1, 1, 1), both.labels, both.valid, both.tags)
    torch.testing.assert_close(loss(both), expected / 2)
    assert not grad_of(loss, both)[1].any()


def test_padding_changes_nothing_at_the_resolution_of_the_image():
    batch = inputs(grid=(12, 16))
    loss = build('PseudoMaskLoss', refiner=None)
    pad = (0, 5, 0, 3)
    labels = F.pad(batch.labels, pad, value=255)
    padded = LossInputs(
        F.pad(batch.logits, pad, value=9.0), F.pad(batch.image, pad), labels, F.pad(batch.valid, pad), batch.tags
    )
    torch.testing.assert_close(loss(padded), loss(batch))
    assert torch.equal(loss.pseudo_masks(padded).labels[:, :12, :16], loss.pseudo_masks(batch).labels)


@pytest.mark.parametrize(
    ('settings', 'message'),
    [
        ({'pseudo_labels': {'type': 'ConfidentLabels', 'foreground_ratio': 1.2}}, 'foreground_ratio'),
        ({'pseudo_labels': {'type': 'ConfidentLabels', 'min_confidence': -1}}, 'min_confidence'),
        ({'refiner': {'type': 'PAMR', 'num_iters': 0}}, 'num_iters'),
        ({'start': 2}, 'start must be the fraction'),
        ({'balance': 'equal'}, "unknown balance 'equal': choose from reference, paper"),
    ],
)
def test_wrong_settings_are_found_when_built(settings, message):
    with pytest.raises(ValueError, match=message):
        build('PseudoMaskLoss', **settings)


def test_statistics_say_how_much_the_pseudo_labels_cover():
    loss, batch = build('PseudoMaskLoss'), inputs()
    loss(batch)
    labels = loss.pseudo_masks(batch).labels
    share = ((labels != 255) & (batch.valid[:, 0] > 0)).sum() / batch.valid.sum()
    assert 0 < share < 1
    torch.testing.assert_close(loss.statistics['labelled_share'], share)
    assert loss.statistics['images_used'] == 1
    loss(inputs([[0.0, 0.0]]))
    assert loss.statistics['images_used'] == 0
    loss(inputs(None))
    assert loss.statistics == {}
