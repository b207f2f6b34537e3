import dataclasses

import pytest
import torch
import torch.nn.functional as F

from mmseg_wsss.functional import confident_labels, pamr
from tests.helpers.tag_losses import NAN, PAMR, build, inputs


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


def test_untagged_images_get_no_labels():
    batch = inputs([[1.0, 1.0], [NAN, NAN]])
    labels = build('PseudoMaskLoss').pseudo_masks(batch).labels
    assert (labels[0] != 255).any()
    assert (labels[1] == 255).all()
    assert (build('PseudoMaskLoss').pseudo_masks(inputs(None)).labels == 255).all()
    assert (build('PseudoMaskLoss').pseudo_masks(inputs(None, ignore_index=-1)).labels == -1).all()


@pytest.mark.parametrize('tags', [[[1.0, 0.0], [0.0, 1.0]], [[0.0, 0.0], [0.0, 0.0]], [[0.0, 1.0]]])
@pytest.mark.parametrize('ignore_index', [255, -1])
def test_absent_classes_are_left_out_without_a_change(tags, ignore_index):
    batch = inputs(tags, ignore_index=ignore_index)
    batch = dataclasses.replace(
        batch, **{key: getattr(batch, key)[: len(tags)] for key in ('logits', 'image', 'labels', 'valid')}
    )
    batch.valid[:, :, 3:5, 2:] = 0
    loss = build('PseudoMaskLoss', pseudo_labels={'type': 'ConfidentLabels', 'min_confidence': 0.0})
    few = loss.pseudo_masks(batch).labels
    channels = []
    loss.labeller.register_forward_pre_hook(lambda module, args: channels.append(args[0].shape[1]))
    assert torch.equal(loss.pseudo_masks(batch).labels, few)
    loss.labeller.labels_present_classes = False
    assert torch.equal(loss.pseudo_masks(batch).labels, few)
    assert channels == [1 + max(int(sum(row)) for row in tags), 3]
    found = set(few.unique().tolist()) - {ignore_index}
    assert found == {0} | {c for row in tags for c in (1, 2) if row[c - 1]}
