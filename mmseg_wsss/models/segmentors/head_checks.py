"""Checks, when a model is built, for heads and parts that would not do what their config says."""

from collections.abc import Mapping
from typing import Any, TypeVar

from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.models.losses import CrossEntropyLoss
from mmseg.registry import MODELS
from torch import nn

from ..decisions import ArgmaxDecision
from ..views.base import Views

Part = TypeVar('Part')
IGNORE_INDEX = 255


def build_part(config: Mapping[str, Any] | None, key: str, kind: type[Part]) -> Part | None:
    """Build a part of a model, or return None if its config is None.

    Raises:
        TypeError: If the part does not have the type that ``model.<key>`` requires.
    """
    part = None if config is None else MODELS.build(config)
    if part is not None and not isinstance(part, kind):
        raise TypeError(f'model.{key} is a {type(part).__name__}; it must be derived from {kind.__name__}, or None')
    return part


def check_refined(views: Views | None, decision: ArgmaxDecision | None) -> None:
    """Raise an error for views that refine maps which the decision would not read.

    Raises:
        TypeError: If they do.
    """
    if views is None or decision is None or decision.reads_probs or type(views).refine is Views.refine:
        return
    raise TypeError(
        f'model.decision is a {type(decision).__name__}, which makes its maps from logits, so the maps that '
        f'{type(views).__name__} refines would have no effect: use TagDecision or ArgmaxDecision, or remove model.views'
    )


def check_head(head: nn.Module) -> None:
    """Raise an error for a head that overrides how its losses are computed.

    Raises:
        TypeError: If the head does; the message has its class and the reason.
    """
    name = type(head).__name__
    if not isinstance(head, BaseDecodeHead):
        raise TypeError(f'{name} is not a BaseDecodeHead: its forward does not return one map of class logits')
    for method in ('loss', 'loss_by_feat'):
        if getattr(type(head), method) is not getattr(BaseDecodeHead, method):
            raise TypeError(
                f'{name} overrides {method}(), so it trains through more than its logits; WeakEncoderDecoder only uses '
                'the logits. Use a head such as FCNHead, PSPHead, UPerHead, SegformerHead or '
                'DepthwiseSeparableASPPHead'
            )
    if head.sampler is not None:
        raise TypeError(f'{name} has a pixel sampler, which would be ignored: remove sampler (use loss weights)')
    if head.out_channels != head.num_classes:
        raise TypeError(f'{name} has out_channels={head.out_channels}: set out_channels={head.num_classes}')
    if head.ignore_index != IGNORE_INDEX:
        raise TypeError(
            f'{name} has ignore_index={head.ignore_index}, but unlabelled pixels are {IGNORE_INDEX}: leave ignore_index'
            ' out of the head'
        )
    loss = head.loss_decode
    plain = isinstance(loss, CrossEntropyLoss) and not (loss.use_sigmoid or loss.use_mask or loss.class_weight)
    if not plain:
        raise TypeError(
            f'the loss_decode of {name} ({type(loss).__name__}) would be ignored: leave loss_decode out of the head '
            'and name the losses in model.losses (those of auxiliary heads in model.auxiliary_losses)'
        )


def check_loss_weight(head: BaseDecodeHead) -> None:
    """Raise an error for a weight in the ``loss_decode`` of the decode head, which the losses of the model ignore.

    Raises:
        TypeError: If there is such a weight.
    """
    if head.loss_decode.loss_weight != 1:
        raise TypeError(
            f'decode_head.loss_decode.loss_weight={head.loss_decode.loss_weight} would be ignored: '
            'set the loss_weight of each loss in model.losses'
        )


def check_same_classes(decode_head: BaseDecodeHead, auxiliary_head: BaseDecodeHead) -> None:
    """Raise an error for an auxiliary head with another number of classes, as both learn from the same labels.

    Raises:
        ValueError: If the numbers differ.
    """
    if auxiliary_head.num_classes != decode_head.num_classes:
        raise ValueError(
            f'model.auxiliary_head.num_classes is {auxiliary_head.num_classes} and '
            f'model.decode_head.num_classes is {decode_head.num_classes}: they learn from the same labels, so set both '
            'to the number of classes of the data with the background'
        )


def check_num_classes(data_samples: list[Any], num_classes: int) -> None:
    """Raise an error for a data set with another number of classes than the head, before a loss would.

    Raises:
        ValueError: If the numbers differ.
    """
    for sample in data_samples:
        check_same_number(sample.metainfo.get('num_classes', num_classes), num_classes)


def check_same_number(given: int, num_classes: int) -> None:
    """Raise an error for a data set of ``given`` classes and a head of ``num_classes``.

    Raises:
        ValueError: If the numbers differ.
    """
    if given != num_classes:
        raise ValueError(
            f'the training data has {given} classes with the background, but model.decode_head.num_classes is '
            f'{num_classes}: set num_classes={given} (in auxiliary heads, too), or metainfo of the data set'
        )
