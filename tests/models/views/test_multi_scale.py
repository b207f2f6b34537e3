"""DeepLabv2's three scales."""

import pytest
import torch
import torch.nn.functional as F
from mmseg.registry import MODELS

from mmseg_wsss.functional import partial_cross_entropy
from tests.helpers.models import head_config, model_config, raw_batch

HEAD = {'type': 'DeepLabV2Head', 'in_channels': 64, 'in_index': 3, 'dilations': (1, 2), 'num_classes': 3}
CE = {'loss_ce': {'type': 'PartialCrossEntropyLoss', 'resolution': 'logits'}}
SCALES = {'type': 'MultiScaleViews', 'scales': (0.5, 0.75)}


def test_three_scales_and_their_maximum():
    torch.manual_seed(0)
    model = MODELS.build(model_config(HEAD, CE, views=SCALES)).eval()
    batch = model.data_preprocessor(raw_batch(clicks=30), False)
    inputs, samples = batch['inputs'], batch['data_samples']
    losses = model.loss(inputs, samples)
    names = ['scale_1', 'scale_0_5', 'scale_0_75', 'max']
    assert set(losses) == {*(f'{name}.loss_ce' for name in names), 'labelled_pixels'}
    views = {}
    for name, scale in zip(names, (None, 0.5, 0.75), strict=False):
        view = inputs if scale is None else F.interpolate(inputs, scale_factor=scale, mode='bilinear')
        views[name] = model.decode_head(model.backbone(view))
    size = views['scale_1'].shape[2:]
    resized = [F.interpolate(x, size, mode='bilinear') for x in views.values()]
    views['max'] = torch.stack(resized).max(dim=0).values
    labels = torch.cat([sample.gt_sem_seg.data for sample in samples])[:, None].float()
    for name, logits in views.items():
        grid = F.interpolate(labels, logits.shape[2:], mode='nearest-exact')[:, 0].long()
        torch.testing.assert_close(losses[f'{name}.loss_ce'], partial_cross_entropy(logits, grid))
    total, _ = model.parse_losses(losses)
    torch.testing.assert_close(total, sum(losses[f'{name}.loss_ce'] for name in names))
    torch.testing.assert_close(model(inputs, mode='tensor'), views['max'])
    whole = model.encode_decode(inputs, [{'img_shape': (32, 32)}] * 2)
    torch.testing.assert_close(whole, F.interpolate(views['max'], (32, 32), mode='bilinear'))


@pytest.mark.parametrize('fused', [True, False, None])
@pytest.mark.parametrize('enlarged', [True, False])
def test_fusing_and_the_last_enlargement_may_differ(fused, enlarged):
    torch.manual_seed(0)
    views, size = {**SCALES, 'align_corners': fused}, (160, 160)
    model = MODELS.build(model_config({**HEAD, 'align_corners': enlarged}, CE, views=views, size=size))
    batch = model.eval().data_preprocessor(raw_batch((size, size), clicks=30), False)
    inputs, corners = batch['inputs'], enlarged if fused is None else fused
    first, *smaller = (
        model.decode_head(model.backbone(F.interpolate(inputs, scale_factor=scale, mode='bilinear')))
        for scale in (1, 0.5, 0.75)
    )

    def maximum(corners):
        resized = [F.interpolate(x, first.shape[2:], mode='bilinear', align_corners=corners) for x in smaller]
        return torch.stack([first, *resized]).amax(dim=0)

    highest = maximum(corners)
    assert (highest - maximum(not corners)).abs().max() > 1e-3  # not so on grids as small as 3 x 3
    torch.testing.assert_close(model(inputs, mode='tensor'), highest)
    whole = model.encode_decode(inputs, [{'img_shape': size}] * 2)
    torch.testing.assert_close(whole, F.interpolate(highest, size, mode='bilinear', align_corners=enlarged))
    labels = torch.cat([sample.gt_sem_seg.data for sample in batch['data_samples']])[:, None].float()
    grid = F.interpolate(labels, highest.shape[2:], mode='nearest-exact')[:, 0].long()
    losses = model.loss(inputs, batch['data_samples'])
    torch.testing.assert_close(losses['max.loss_ce'], partial_cross_entropy(highest, grid))


@pytest.mark.parametrize('scales', [(), (1.0,), (0.5, 0), (0.5, 0.5)])
def test_scales_are_checked(scales):
    with pytest.raises(ValueError, match='scales must be one or more different numbers between 0 and 1'):
        MODELS.build({**SCALES, 'scales': scales})


def test_auxiliary_heads_see_the_full_scale_alone():
    auxiliary = head_config('fcn', in_channels=32, in_index=2)
    torch.manual_seed(0)
    model = MODELS.build(model_config(HEAD, CE, views=SCALES, auxiliary_head=auxiliary)).eval()
    plain = MODELS.build(model_config(HEAD, CE, auxiliary_head=auxiliary)).eval()
    plain.load_state_dict(model.state_dict())
    batch = model.data_preprocessor(raw_batch(clicks=30), False)
    losses, alone = model.loss(**batch), plain.loss(**batch)
    torch.testing.assert_close(losses['aux.loss_ce'], alone['aux.loss_ce'])
    torch.testing.assert_close(losses['scale_1.loss_ce'], alone['loss_ce'])
    assert not {name for name in losses if 'aux' in name} - {'aux.loss_ce'}


def test_views_carry_the_features_of_their_scale():
    model = MODELS.build(model_config(HEAD, CE, views=SCALES)).eval()
    batch = model.data_preprocessor(raw_batch(), False)
    first = model.loss_inputs(model.decode_head, model.extract_feat(batch['inputs']), *batch.values())
    half = F.interpolate(batch['inputs'], scale_factor=0.5, mode='bilinear')
    for name, inputs in (('scale_1', batch['inputs']), ('scale_0_5', half), ('max', batch['inputs'])):
        for ours, theirs in zip(first.view(name).features, model.extract_feat(inputs), strict=True):
            torch.testing.assert_close(ours, theirs)


def test_statistics_are_logged_for_each_scale():
    masks = {'type': 'PseudoMaskLoss', 'refiner': None}
    model = MODELS.build(model_config(HEAD, {'loss_masks': masks}, views=SCALES)).eval()
    raw = raw_batch()
    for sample in raw['data_samples']:
        sample.set_data({'gt_tags': torch.tensor([1])})
    losses = model.loss(**model.data_preprocessor(raw, False))
    names = {name for name in losses if '/' in name}
    scales = ('scale_1', 'scale_0_5', 'scale_0_75', 'max')
    assert names == {f'{s}.loss_masks/{key}' for s in scales for key in ('labelled_share', 'images_used')}
    total, _ = model.parse_losses(losses)
    torch.testing.assert_close(total, sum(losses[f'{scale}.loss_masks'] for scale in scales))
