"""A network that predicts which neighbours belong together, without classes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmengine.model import BaseModel
from mmseg.registry import MODELS
from torch import Tensor, nn

from ..decode_heads import AffinityHead
from ..losses.affinity_loss import AffinityInputs, AffinityLoss
from .batch import stack_labels
from .head_checks import check_head, check_num_classes
from .named_losses import build_losses, count_labelled, run_losses, training_progress, with_total
from .weak_encoder_decoder import PretrainedModel


@MODELS.register_module()
class AffinityNetwork(PretrainedModel, BaseModel):
    """A backbone and an ``AffinityHead``, trained by ``AffinityLoss`` (AffinityNet, Ahn and Kwak, CVPR 2018).

    Train it on seeds (the stage ``WriteSeeds``); the stage ``WriteRandomWalk`` then makes pseudo-labels from CAMs with
    it. It does not predict classes, so its config does not have a ``val_dataloader``.

    Args:
        backbone: Any backbone of mmseg.
        decode_head: An ``AffinityHead``.
        losses: ``dict(name=dict(type='AffinityLoss', ...))``.
        neck: The neck between them, or None.
        pretrained: Must be None, as mmseg's ``init_model`` sets it in every config.
        train_cfg: Must be empty or None, as ``init_model`` sets it.
        data_preprocessor: Same as in mmseg's segmentors.
        init_cfg: Same as in mmengine's ``BaseModule``.

    Raises:
        TypeError: If the head or a loss is for classes, or a setting would be ignored.
    """

    def __init__(
        self,
        backbone: Mapping[str, Any],
        decode_head: Mapping[str, Any],
        losses: Mapping[str, Mapping[str, Any]],
        neck: Mapping[str, Any] | None = None,
        pretrained: str | None = None,
        train_cfg: Mapping[str, Any] | None = None,
        data_preprocessor: Mapping[str, Any] | None = None,
        init_cfg: Any = None,
    ) -> None:
        super().__init__(data_preprocessor=data_preprocessor, init_cfg=init_cfg)
        if pretrained or train_cfg:
            raise TypeError(
                f'AffinityNetwork does not use pretrained and train_cfg, got {pretrained!r} and {train_cfg!r}: omit '
                "them; pretrained weights are backbone.init_cfg=dict(type='Pretrained', checkpoint=...)"
            )
        self.backbone: nn.Module = MODELS.build(backbone)
        self.neck: nn.Module = nn.Identity() if neck is None else MODELS.build(neck)
        self.decode_head: AffinityHead = MODELS.build(decode_head)
        if not isinstance(self.decode_head, AffinityHead):
            raise TypeError(
                f'AffinityNetwork takes an AffinityHead, got {type(self.decode_head).__name__}: use a head that '
                'classifies with WeakEncoderDecoder'
            )
        check_head(self.decode_head)
        self.num_classes = self.decode_head.num_classes
        self.losses = build_losses(losses, 'losses', self.num_classes, reads=AffinityInputs)

    @property
    def radius(self) -> int:
        """Cells nearer than this form pairs, which are trained."""
        return max(loss.radius for loss in self.losses.values() if isinstance(loss, AffinityLoss))

    def extract_feat(self, inputs: Tensor) -> Any:
        """Return the outputs of the backbone and the neck, as mmseg's segmentors do."""
        return self.neck(self.backbone(inputs))

    def embed(self, inputs: Tensor) -> Tensor:
        """Return the features of preprocessed images, (B, D, H, W)."""
        features: Tensor = self.decode_head(self.extract_feat(inputs))
        return features

    def forward(self, inputs: Tensor, data_samples: list[Any] | None = None, mode: str = 'tensor') -> Any:
        """Return the features or, in the mode ``'loss'``, the losses.

        Args:
            inputs: Preprocessed images, (B, channels, h, w).
            data_samples: One per image; needed for the losses.
            mode: ``'tensor'`` or ``'loss'``.

        Raises:
            TypeError: In the mode ``'predict'``; the message states what to do instead.
        """
        if mode == 'tensor':
            return self.embed(inputs)
        if mode == 'loss':
            return self.loss(inputs, data_samples or [])
        raise TypeError(
            f'AffinityNetwork has no mode {mode!r}, because it does not predict classes: a WriteRandomWalk stage '
            'makes pseudo-labels from CAMs with it. Set val_dataloader=None, val_cfg=None, val_evaluator=None to train '
            'without validation'
        )

    def loss(self, inputs: Tensor, data_samples: list[Any]) -> dict[str, Tensor]:
        """Return every loss of the batch by name, and the number of labelled pixels.

        Args:
            inputs: Preprocessed images, (B, channels, h, w).
            data_samples: One ``SegDataSample`` per image, with ``gt_sem_seg``.

        Raises:
            ValueError: If the data set and the head differ in their number of classes.
        """
        check_num_classes(data_samples, self.num_classes)
        labels, ignore_index = stack_labels(data_samples), self.decode_head.ignore_index
        batch = AffinityInputs(self.embed(inputs), labels, training_progress(), ignore_index)
        return {**run_losses(self.losses, batch), **count_labelled(labels, ignore_index)}

    def parse_losses(self, losses: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """Sum all losses regardless of their names, and log all values under their own names."""
        return with_total(super().parse_losses(losses)[1], losses)
