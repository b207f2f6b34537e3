"""The segmentor of every recipe: any mmseg backbone and head, and losses that see the image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.logging import MessageHub
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.models.losses import CrossEntropyLoss
from mmseg.models.segmentors import EncoderDecoder
from mmseg.registry import MODELS
from torch import Tensor, nn

from ...checkpoints.weights import checked_pretraining
from ...structures import LossInputs
from ..losses import BaseWeakLoss, PartialCrossEntropyLoss
from .batch import image_in_unit_range, of_every_sample, stack_labels, stack_maps, stack_tags, stack_validity

LABELLED_PIXELS = 'labelled_pixels'


@MODELS.register_module()
class WeakEncoderDecoder(EncoderDecoder):
    """``EncoderDecoder`` whose named losses see the image, the validity map and all weak labels.

    The head is used through ``forward`` alone, so any plain ``BaseDecodeHead`` works; its ``loss_decode`` is never
    called. Inference is that of ``EncoderDecoder``.

    Log keys are the names in ``losses`` (``aux.<name>`` or ``aux_<i>.<name>`` for auxiliary heads) and
    ``labelled_pixels``, the number of labelled pixels of the batch. All losses are summed, whatever their names.

    Args:
        backbone: As in ``EncoderDecoder``.
        decode_head: One head whose class leaves ``loss`` and ``loss_by_feat`` of ``BaseDecodeHead`` alone.
        losses: ``dict(name=dict(type=...))`` of losses derived from ``BaseWeakLoss``.
        auxiliary_losses: The same for auxiliary heads. By default partial cross-entropy, weighted by the
            ``loss_weight`` in the ``loss_decode`` of the auxiliary head.
        **kwargs: ``neck``, ``auxiliary_head``, ``train_cfg``, ``test_cfg``, ``data_preprocessor``, ``pretrained`` and
            ``init_cfg`` of ``EncoderDecoder``.

    Raises:
        TypeError: If a head, a loss or a setting would be ignored or could not work; the message says why.
        ValueError: If a setting of a loss is made for another number of classes.
    """

    def __init__(
        self,
        backbone: dict[str, Any],
        decode_head: dict[str, Any],
        losses: Mapping[str, dict[str, Any]],
        auxiliary_losses: Mapping[str, dict[str, Any]] | None = None,
        **kwargs: Any,
    ) -> None:
        if isinstance(decode_head, Sequence):
            raise TypeError('decode_head is a list of heads (a cascade): WeakEncoderDecoder takes one head')
        super().__init__(backbone, decode_head, **kwargs)
        if getattr(self.data_preprocessor, 'batch_augments', None):
            raise TypeError('batch_augments mix images after their weak labels are drawn: leave them out')
        for head in (self.decode_head, *self._auxiliary_heads().values()):
            check_head(head)
        if self.decode_head.loss_decode.loss_weight != 1:
            raise TypeError(
                f'decode_head.loss_decode.loss_weight={self.decode_head.loss_decode.loss_weight} would be ignored: '
                'set the loss_weight of each loss in model.losses'
            )
        self.losses = _build_losses(losses, 'losses', self.num_classes)
        self.auxiliary_losses = nn.ModuleDict()
        for prefix, head in self._auxiliary_heads().items():
            default = {'loss_ce': {'type': PartialCrossEntropyLoss, 'loss_weight': head.loss_decode.loss_weight}}
            self.auxiliary_losses[prefix] = _build_losses(
                auxiliary_losses or default, 'auxiliary_losses', head.num_classes
            )
        if auxiliary_losses and not self.with_auxiliary_head:
            raise TypeError('auxiliary_losses is set but there is no auxiliary_head')

    def _auxiliary_heads(self) -> dict[str, BaseDecodeHead]:
        if not self.with_auxiliary_head:
            return {}
        if isinstance(self.auxiliary_head, nn.ModuleList):
            return {f'aux_{index}': head for index, head in enumerate(self.auxiliary_head)}
        return {'aux': self.auxiliary_head}

    def init_weights(self) -> None:
        """Initialise the weights; a checkpoint that cannot be had is named with its key and a way out."""
        with checked_pretraining(self):
            super().init_weights()

    def loss(self, inputs: Tensor, data_samples: list[Any]) -> dict[str, Tensor]:
        """Return every loss of the batch by name, and the number of labelled pixels.

        Args:
            inputs: Preprocessed images, (B, channels, h, w).
            data_samples: One ``SegDataSample`` per image, with ``gt_sem_seg`` and, from our pipeline, the validity
                map, tags, boxes, points and other maps.

        Raises:
            ValueError: If the data set has another number of classes than the head.
        """
        check_num_classes(data_samples, self.num_classes)
        features = self.extract_feat(inputs)
        batch = self.loss_inputs(self.decode_head, features, inputs, data_samples)
        results = run_losses(self.losses, batch)
        for prefix, head in self._auxiliary_heads().items():
            auxiliary_batch = self.loss_inputs(head, features, inputs, data_samples)
            results.update(run_losses(self.auxiliary_losses[prefix], auxiliary_batch, f'{prefix}.'))
        results[LABELLED_PIXELS] = (batch.labels != batch.ignore_index).sum().float()
        return results

    def loss_inputs(
        self, head: BaseDecodeHead, features: Sequence[Tensor], inputs: Tensor, data_samples: list[Any]
    ) -> LossInputs:
        """Run ``head`` and collect what its losses may need; a second view overrides this."""
        labels = stack_labels(data_samples)
        return LossInputs(
            logits=head.forward(features),
            image=image_in_unit_range(inputs, self.data_preprocessor),
            labels=labels,
            valid=stack_validity(data_samples, labels.shape[1:], inputs.device),
            tags=stack_tags(data_samples, self.num_classes, inputs.device),
            boxes=of_every_sample(data_samples, 'gt_boxes', inputs.new_zeros(0, 5)),
            points=of_every_sample(data_samples, 'gt_points', inputs.new_zeros(0, 3)),
            maps=stack_maps(data_samples, labels.shape[1:], inputs.device),
            features=tuple(features),
            progress=training_progress(),
            ignore_index=head.ignore_index,
            align_corners=head.align_corners,
        )

    def parse_losses(self, losses: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """Sum every loss, also those without "loss" in their name, and log all under their own names.

        Statistics, with a slash in their name, are not summed.
        """
        names = {}  # what mmengine sums has "loss" in its name
        for index, name in enumerate(losses):
            is_loss = name != LABELLED_PIXELS and '/' not in name
            names[name if is_loss and 'loss' in name else f'/{"loss" if is_loss else "value"}/{index}'] = name
        total, log_vars = super().parse_losses({key: losses[name] for key, name in names.items()})
        return total, {names.get(key, key): value for key, value in log_vars.items()}


def run_losses(losses: nn.ModuleDict, inputs: LossInputs, prefix: str = '') -> dict[str, Tensor]:
    """Return the losses and their statistics by name."""
    results = {}
    for name, loss in losses.items():
        results[prefix + name] = loss(inputs)
        results.update({f'{prefix}{name}/{key}': value for key, value in loss.statistics.items()})
    return results


def training_progress() -> float:
    """Fraction of the training that is done, in [0, 1]; 1 outside a Runner."""
    hub = MessageHub.get_current_instance()
    max_iters = hub.get_info('max_iters')
    return 1.0 if not max_iters else min(hub.get_info('iter', 0) / max_iters, 1.0)


def check_num_classes(data_samples: list[Any], num_classes: int) -> None:
    """Refuse a data set with other classes than the head, before an index error deep in a loss.

    Raises:
        ValueError: With both numbers.
    """
    for sample in data_samples:
        given = sample.metainfo.get('num_classes', num_classes)
        if given != num_classes:
            raise ValueError(
                f'the training data has {given} classes with the background and model.decode_head.num_classes is '
                f'{num_classes}: set num_classes={given} (in auxiliary heads, too), or metainfo of the data set'
            )


def check_head(head: nn.Module) -> None:
    """Refuse a head whose own way to its losses would be lost.

    Raises:
        TypeError: With the class of the head and the reason.
    """
    name = type(head).__name__
    if not isinstance(head, BaseDecodeHead):
        raise TypeError(f'{name} is no BaseDecodeHead: its forward does not return one map of class logits')
    for method in ('loss', 'loss_by_feat'):
        if getattr(type(head), method) is not getattr(BaseDecodeHead, method):
            raise TypeError(
                f'{name} overrides {method}(), so it trains through more than its logits; WeakEncoderDecoder uses the '
                'logits alone. Take a head such as FCNHead, PSPHead, UPerHead, SegformerHead or '
                'DepthwiseSeparableASPPHead'
            )
    if head.sampler is not None:
        raise TypeError(f'{name} has a pixel sampler, which would be ignored: remove sampler (use loss weights)')
    if head.out_channels != head.num_classes:
        raise TypeError(f'{name} has out_channels={head.out_channels}: set out_channels={head.num_classes}')
    loss = head.loss_decode
    plain = isinstance(loss, CrossEntropyLoss) and not (loss.use_sigmoid or loss.use_mask or loss.class_weight)
    if not plain:
        raise TypeError(
            f'the loss_decode of {name} ({type(loss).__name__}) would be ignored: leave loss_decode out of the head '
            'and name the losses in model.losses'
        )


def _build_losses(config: Mapping[str, dict[str, Any]], key: str, num_classes: int) -> nn.ModuleDict:
    if not config:
        raise TypeError(f"model.{key} is empty: name at least one, such as dict(loss_ce=dict(type='...'))")
    built = nn.ModuleDict()
    for name, settings in config.items():
        if name in (LABELLED_PIXELS, 'loss') or '.' in name or '/' in name:
            raise TypeError(f'model.{key}: {name!r} is taken or has a dot or a slash in it; choose another name')
        loss = MODELS.build(settings)
        if not isinstance(loss, BaseWeakLoss):
            raise TypeError(
                f'model.{key}.{name} is a {type(loss).__name__}, which takes no LossInputs: losses here derive from '
                'BaseWeakLoss (for plain cross-entropy take PartialCrossEntropyLoss)'
            )
        loss.check_num_classes(num_classes)
        loss.attached = True
        built[name] = loss
    return built
