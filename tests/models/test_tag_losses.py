"""Losses that learn from image tags, and the pseudo-masks that one of them makes."""

import copy
import math

import pytest
import torch
import torch.nn.functional as F
from mmengine.logging import MessageHub
from mmseg.registry import MODELS

from mmseg_wsss.functional import balanced_cross_entropy, confident_labels, focal_mask_penalty, ngwp, pamr
from mmseg_wsss.models.losses.patience import PATIENCE
from mmseg_wsss.structures import LossInputs
from tests.helpers.models import model_config, raw_batch

TAGS = [[1.0, 0.0], [1.0, 1.0]]
NAN = math.nan
PAMR = {'type': 'PAMR', 'num_iters': 2, 'dilations': (1, 2)}


def inputs(tags=TAGS, size=(12, 16), grid=(6, 8), classes=3, seed=0, **changes):
    """Logits of blobs, so that pseudo-labels hold every class."""
    generator = torch.Generator().manual_seed(seed)
    batch = 2 if tags is None else len(tags)
    rows, columns = torch.meshgrid(*(torch.linspace(0, 1, side) for side in grid), indexing='ij')
    blobs = [2 - 9 * ((rows - y) ** 2 + (columns - x) ** 2) for y, x in ((0.1, 0.1), (0.9, 0.2), (0.5, 0.9))]
    logits = torch.stack(blobs[:classes] + [-4 + 0 * rows] * (classes - 3)).expand(batch, -1, -1, -1)
    logits = logits + 0.1 * torch.randn(logits.shape, generator=generator)
    values = {
        'logits': logits.requires_grad_(),
        'image': F.interpolate(torch.rand(batch, 3, 4, 4, generator=generator), size, mode='bilinear'),
        'labels': torch.full((batch, *size), 255),
        'valid': torch.ones(batch, 1, *size),
        'tags': None if tags is None else torch.tensor(tags),
    }
    return LossInputs(**{**values, **changes})


def part_outside(batch, bad=None):
    """The right of the first image is outside; the cells there, and the pixels, hold ``bad``."""
    valid = batch.valid.clone()
    valid[0, :, :, 11:] = 0
    if bad is None:
        return LossInputs(**{**vars(plain(batch)), 'valid': valid})
    cells = 1 - F.adaptive_max_pool2d(1 - valid, batch.logits.shape[2:])
    logits = torch.where(cells > 0, batch.logits.detach(), bad).requires_grad_()
    return LossInputs(logits, torch.where(valid > 0, batch.image, bad), batch.labels, valid, batch.tags)


def plain(batch):
    """A fresh copy without cached properties."""
    return LossInputs(
        batch.logits.detach().clone().requires_grad_(), batch.image, batch.labels, batch.valid, batch.tags
    )


def build(kind, **settings):
    return MODELS.build({'type': kind, **settings})


def grad_of(loss, batch):
    return torch.autograd.grad(loss(batch), batch.logits, retain_graph=True)[0]


# ---------------------------------------------------------------- image tag loss


def loop_soft_margin(scores, tags):
    total = 0.0
    for row, tagged in zip(scores.tolist(), tags.tolist(), strict=True):
        terms = [
            t * math.log(1 / (1 + math.exp(-y))) + (1 - t) * math.log(1 / (1 + math.exp(y)))
            for y, t in zip(row, tagged, strict=True)
        ]
        total -= sum(terms) / len(terms)
    return total / len(tags)


def test_tag_loss_is_the_soft_margin_of_the_pooled_logits():
    batch = inputs()
    scores = (ngwp(batch.logits, batch.probs) + focal_mask_penalty(batch.probs))[:, 1:]
    expected = loop_soft_margin(scores, batch.tags)
    assert build('ImageTagLoss')(batch).item() == pytest.approx(expected, rel=1e-5)
    assert build('ImageTagLoss', loss_weight=0.3)(batch).item() == pytest.approx(0.3 * expected, rel=1e-5)
    expected = F.multilabel_soft_margin_loss(batch.logits[:, 1:].amax(dim=(2, 3)), batch.tags)
    torch.testing.assert_close(build('ImageTagLoss', pooling={'type': 'MaxPooling'})(batch), expected)
    expected = F.multilabel_soft_margin_loss(batch.logits[:, 1:].mean(dim=(2, 3)), batch.tags)
    torch.testing.assert_close(build('ImageTagLoss', pooling={'type': 'AveragePooling'})(batch), expected)


def test_tag_loss_pools_the_cells_inside():
    batch = part_outside(inputs())
    cells = torch.ones(2, 1, 6, 8)
    cells[0, :, :, 5:] = 0  # 11 of 16 pixels: the sixth cell of two holds one of each
    scores = ngwp(batch.logits, batch.probs, mask=cells) + focal_mask_penalty(batch.probs, mask=cells)
    torch.testing.assert_close(build('ImageTagLoss')(batch), F.multilabel_soft_margin_loss(scores[:, 1:], batch.tags))


@pytest.mark.parametrize('kind', ['ImageTagLoss', 'PseudoMaskLoss'])
@pytest.mark.parametrize('size', [(12, 16), (13, 17)])
def test_what_is_outside_of_the_image_has_no_effect(kind, size):
    batch, loss = inputs(size=size), build(kind)
    clean, broken = part_outside(batch), part_outside(batch, 50.0)
    value = loss(broken)
    assert value > 0
    assert torch.equal(value, loss(clean))
    gradient = grad_of(loss, broken)
    cells = 1 - F.adaptive_max_pool2d(1 - broken.valid, (6, 8))
    assert not gradient[(cells == 0).expand_as(gradient)].any()
    torch.testing.assert_close(gradient, grad_of(loss, clean))
    assert torch.equal(loss(part_outside(batch, NAN)), value)


@pytest.mark.parametrize('kind', ['ImageTagLoss', 'PseudoMaskLoss'])
def test_untagged_images_have_no_effect(kind):
    loss, batch = build(kind), inputs()
    expected, gradient = loss(batch), grad_of(loss, batch)
    assert expected > 0
    more = inputs([*TAGS, [NAN, NAN]])
    logits = torch.cat([batch.logits.detach(), torch.full((1, 3, 6, 8), NAN)]).requires_grad_()
    more = LossInputs(logits, torch.cat([batch.image, 0 * batch.image[:1]]), more.labels, more.valid, more.tags)
    torch.testing.assert_close(loss(more), expected)
    more = LossInputs(
        more.logits.detach().nan_to_num(3.0).requires_grad_(), more.image, more.labels, more.valid, more.tags
    )
    torch.testing.assert_close(loss(more), expected)
    torch.testing.assert_close(grad_of(loss, more)[:2], gradient)
    assert not grad_of(loss, more)[2].any()
    nobody = inputs([[NAN, NAN]])
    assert loss(nobody) == 0
    assert not grad_of(loss, nobody).any()


@pytest.mark.parametrize('kind', ['ImageTagLoss', 'PseudoMaskLoss'])
def test_a_batch_without_tags_is_zero_and_many_are_an_error(kind):
    loss, batch = build(kind), inputs(None)
    for _ in range(PATIENCE // 2 - 1):
        value = loss(batch)
    assert value == 0
    assert value.requires_grad
    message = f'{kind} learns from image tags, but none of the first {PATIENCE} images had any.*tags_from of LoadWeak'
    with pytest.raises(ValueError, match=message):
        loss(batch)
    rare = build(kind)
    rare(inputs())  # tags may be rare: one tagged image is enough
    for _ in range(PATIENCE):
        assert rare(batch) == 0


@pytest.mark.parametrize('kind', ['ImageTagLoss', 'PseudoMaskLoss'])
def test_nothing_is_computed_before_the_start(kind):
    batch = inputs(progress=0.19)
    assert build(kind, start=0.2)(batch) == 0
    assert 'probs' not in vars(batch)
    assert build(kind, start=0.2)(inputs(progress=0.2)) > 0


@pytest.mark.parametrize('kind', ['ImageTagLoss', 'PseudoMaskLoss'])
def test_images_without_a_class_one_image_and_many_classes(kind):
    loss = build(kind)
    none = inputs([[0.0, 0.0]])
    assert loss(none).isfinite()
    assert (loss(none) == 0) == (kind == 'PseudoMaskLoss')  # background alone weighs nothing
    many = inputs([[1.0, 1.0, *[0.0] * 147]], classes=150)
    value = loss(many)
    assert value > 0
    assert grad_of(loss, many).isfinite().all()
    with torch.autocast('cpu', torch.bfloat16):
        half = inputs([[1.0, 1.0, *[0.0] * 147]], classes=150)
        torch.testing.assert_close(loss(half), value)


def test_extreme_logits_stay_finite():
    for kind in ('ImageTagLoss', 'PseudoMaskLoss'):
        batch = inputs()
        batch = LossInputs(
            (1e4 * batch.logits.detach()).requires_grad_(), batch.image, batch.labels, batch.valid, batch.tags
        )
        assert build(kind)(batch).isfinite()
        assert grad_of(build(kind), batch).isfinite().all()


def test_descent_makes_the_tagged_class_appear():
    logits = torch.zeros(1, 3, 6, 8)
    batch = inputs([[1.0, 0.0]], logits=logits.requires_grad_())
    loss = build('ImageTagLoss')
    stepped = (logits - 50 * grad_of(loss, batch)).detach()
    assert (stepped[:, 1] > stepped[:, 2]).all()


# ---------------------------------------------------------------- pseudo-masks


@pytest.mark.parametrize('size', [(12, 16), (25, 31)])
@pytest.mark.parametrize('refiner', [None, PAMR])
def test_pseudo_masks_step_by_step(size, refiner):
    batch = inputs(size=size)
    made = build('PseudoMaskLoss', refiner=refiner).pseudo_masks(batch)
    present = torch.tensor([[1.0, 1.0, 0.0], [1.0, 1.0, 1.0]])[:, :, None, None]
    probs = batch.logits.detach().softmax(dim=1)
    torch.testing.assert_close(made.cam, probs * present)
    refined = probs
    if refiner:
        small = F.interpolate(batch.image, (6, 8), mode='bilinear', align_corners=True)
        refined = pamr(probs, small, num_iters=2, dilations=(1, 2))
    torch.testing.assert_close(made.refined, refined * present)
    full = F.interpolate(refined, size, mode='bilinear', align_corners=True) * present
    assert torch.equal(made.labels, confident_labels(full))
    assert {0, 1, 2, 255} == set(made.labels[1].unique().tolist())
    assert {0, 1, 255} == set(made.labels[0].unique().tolist())
    assert not any(tensor.requires_grad for tensor in made)


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


def test_untagged_images_get_no_labels():
    batch = inputs([[1.0, 1.0], [NAN, NAN]])
    labels = build('PseudoMaskLoss').pseudo_masks(batch).labels
    assert (labels[0] != 255).any()
    assert (labels[1] == 255).all()
    assert (build('PseudoMaskLoss').pseudo_masks(inputs(None)).labels == 255).all()
    assert (build('PseudoMaskLoss').pseudo_masks(inputs(None, ignore_index=-1)).labels == -1).all()


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


# ---------------------------------------------------------------- in the segmentor

LOSSES = {
    'loss_tags': {'type': 'ImageTagLoss'},
    'loss_masks': {'type': 'PseudoMaskLoss', 'refiner': PAMR, 'start': 0.25},
    'loss_crf': {'type': 'GatedCRFLoss', 'radius': 2},
}


def run(model, batch):
    return model.loss(**model.data_preprocessor(copy.deepcopy(batch), training=True))


def tagged_batch(*tags, **settings):
    batch = raw_batch(**settings)
    for sample, chosen in zip(batch['data_samples'], tags, strict=True):
        if chosen is not None:
            sample.set_data({'gt_tags': torch.tensor(chosen, dtype=torch.int64)})
    return batch


def test_tags_alone_train_every_parameter():
    model = MODELS.build(model_config('deeplabv3plus', losses=LOSSES))
    model.init_weights()
    total, log_vars = model.parse_losses(run(model.train(), tagged_batch([1], [1, 2], clicks=0)))
    total.backward()
    statistics = {'loss_masks/images_used', 'loss_masks/labelled_share'}
    assert set(log_vars) == {'loss', *LOSSES, 'labelled_pixels', *statistics}
    assert total.item() == pytest.approx(sum(log_vars[name].item() for name in LOSSES))  # statistics are not summed
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


def test_tags_first_then_masks():
    model = MODELS.build(model_config('deeplabv3plus', losses=LOSSES)).eval()
    blobs = inputs(size=(32, 32), grid=(8, 8)).logits
    model.decode_head.forward = lambda features: blobs
    hub = MessageHub.get_current_instance()
    hub.update_info('max_iters', 20)
    seen = []
    for iteration in (0, 4, 5, 19):
        hub.update_info('iter', iteration)
        losses = run(model, tagged_batch([1], None, clicks=0))
        assert losses['loss_tags'] > 0
        seen.append((losses['loss_masks'] > 0).item())
    assert seen == [False, False, True, True]


def test_a_model_without_foreground_is_refused():
    with pytest.raises(
        ValueError, match='ImageTagLoss needs the background and at least one class for the tags, got 1'
    ):
        build('ImageTagLoss').check_num_classes(1)


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
