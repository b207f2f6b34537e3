"""The tensors of a :class:`~mmseg_wsss.structures.LossInputs` from a preprocessed batch and its samples."""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from torch import Tensor, nn

from ...structures import LossInputs
from .named_losses import training_progress


def collect_inputs(
    head: BaseDecodeHead,
    logits: Tensor,
    features: Sequence[Tensor],
    inputs: Tensor,
    data_samples: list[Any],
    num_classes: int,
    preprocessor: nn.Module,
) -> LossInputs:
    """Return the inputs of the losses of a head.

    Args:
        head: The head, whose settings give the unlabelled value and how its logits are resized.
        logits: The output of the head, (B, C, H, W).
        features: The input of the head.
        inputs: Preprocessed images, (B, channels, h, w).
        data_samples: One per image.
        num_classes: Number of classes, including the background.
        preprocessor: See :func:`image_in_unit_range`.
    """
    labels = stack_labels(data_samples)
    return LossInputs(
        logits=logits,
        image=image_in_unit_range(inputs, preprocessor),
        labels=labels,
        valid=stack_validity(data_samples, labels.shape[1:], inputs.device),
        tags=stack_tags(data_samples, num_classes, inputs.device),
        boxes=of_every_sample(data_samples, 'gt_boxes', inputs.new_zeros(0, 5)),
        points=of_every_sample(data_samples, 'gt_points', inputs.new_zeros(0, 3)),
        maps=stack_maps(data_samples, labels.shape[1:], inputs.device),
        features=tuple(features),
        progress=training_progress(),
        ignore_index=head.ignore_index,
        align_corners=head.align_corners,
    )


def gives_rgb(preprocessor: nn.Module) -> bool:
    """Whether the preprocessor converts images, which mmcv loads as BGR, to RGB."""
    names = ('_channel_conversion', 'channel_conversion')  # in the onedl line and in the original one
    return any(getattr(preprocessor, name, False) for name in names)


def full_scale(preprocessor: nn.Module) -> float:
    """Return the colour of full intensity in the units of ``mean`` and ``std`` of the preprocessor."""
    return float(getattr(preprocessor, 'full_scale', 255))


def image_in_unit_range(inputs: Tensor, preprocessor: nn.Module) -> Tensor:
    """Undo the normalisation of the preprocessor.

    Args:
        inputs: Normalised images, (B, 1 or 3, h, w).
        preprocessor: The preprocessor, with ``mean`` and ``std`` if it normalises, and its order of colours.

    Returns:
        RGB in [0, 1], (B, 3, h, w), float32.
    """
    image = inputs.detach().float()
    if getattr(preprocessor, '_enable_normalize', False):
        image = image * preprocessor.get_buffer('std') + preprocessor.get_buffer('mean')
    image = image / full_scale(preprocessor)
    if image.shape[1] == 1:
        return image.expand(-1, 3, -1, -1)
    return image if gives_rgb(preprocessor) else image.flip(1)


def stack_labels(data_samples: list[Any]) -> Tensor:
    """Return the label maps, (B, h, w) int64, which the preprocessor has padded to the same size."""
    return torch.cat([sample.gt_sem_seg.data for sample in data_samples]).long()


def stack_validity(data_samples: list[Any], size: torch.Size, device: torch.device) -> Tensor:
    """Return 1 inside the original images, 0 outside, (B, 1, h, w).

    The preprocessor pads at the right and at the bottom but does not pad this map, so it is padded here. Samples of a
    pipeline without ``RasterizeWeakAnnotations`` are valid where the batch was not padded.
    """
    maps = []
    for sample in data_samples:
        if 'gt_valid_map' in sample:
            valid = sample.gt_valid_map.data.to(device, torch.float32)
        else:
            height, width = sample.metainfo.get('img_shape', size)[:2]
            valid = torch.ones(1, height, width, device=device)
        maps.append(F.pad(valid, (0, size[1] - valid.shape[2], 0, size[0] - valid.shape[1])))
    return torch.stack(maps)


def stack_maps(data_samples: list[Any], size: torch.Size, device: torch.device) -> dict[str, Tensor]:
    """Return the maps of ``PackWeakSegInputs(maps=...)``, (B, K, h, w) each, padded with 0 like the image."""
    names = data_samples[0].gt_maps.keys() if 'gt_maps' in data_samples[0] else ()
    stacked = {}
    for name in names:
        maps = [sample.gt_maps.get(name).to(device) for sample in data_samples]
        stacked[name] = torch.stack([F.pad(x, (0, size[1] - x.shape[2], 0, size[0] - x.shape[1])) for x in maps])
    return stacked


def of_every_sample(data_samples: list[Any], key: str, missing: Tensor) -> tuple[Tensor, ...]:
    """Return one tensor per sample, with ``missing`` for samples without one; empty if no sample has one."""
    if not any(key in sample for sample in data_samples):
        return ()
    return tuple(sample.get(key, missing) for sample in data_samples)


def stack_tags(data_samples: list[Any], num_classes: int, device: torch.device) -> Tensor | None:
    """Return foreground tags, (B, num_classes - 1) of 0 and 1, NaN rows where unknown; None if there are no tags."""
    if not any('gt_tags' in sample for sample in data_samples):
        return None
    tags = torch.full((len(data_samples), num_classes), torch.nan, device=device)
    for row, sample in zip(tags, data_samples, strict=True):
        if 'gt_tags' in sample:
            row.zero_()
            row[sample.gt_tags.to(device).long()] = 1
    return tags[:, 1:]
