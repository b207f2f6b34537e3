"""Batches for losses of pixels, and what all of them must do."""

import torch

from mmseg_wsss.structures import LossInputs


def inputs(**changes):
    """Two images of three classes, every second row labelled, the right half of the second outside the image."""
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


def case(seed=0, share=0.3, ignore_index=255, dtype=torch.float64):
    """Logits of five classes and labels of which a share of the pixels has one."""
    generator = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn(2, 5, 4, 7, generator=generator, dtype=torch.float64)
    labels = torch.randint(0, 5, (2, 4, 7), generator=generator)
    labels[torch.rand(labels.shape, generator=generator) > share] = ignore_index
    return logits.to(dtype).requires_grad_(), labels


def check_unlabelled_pixels(loss, bad):
    """Unlabelled pixels change neither the loss nor its gradient, whatever they hold."""
    logits, labels = case()
    expected = loss(logits, labels)
    (expected_grad,) = torch.autograd.grad(expected, logits)
    broken = torch.where((labels == 255)[:, None], bad, logits.detach()).requires_grad_()
    found = loss(broken, labels)
    (grad,) = torch.autograd.grad(found, broken)
    assert torch.equal(found, expected)
    assert torch.equal(grad, expected_grad)
    assert not grad[(labels == 255)[:, None].expand_as(grad)].any()
