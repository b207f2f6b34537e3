"""The segmentor of all recipes: any mmseg backbone and head, and losses that receive the image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from mmengine.model import BaseModule
from mmengine.structures import PixelData
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.models.segmentors import EncoderDecoder
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from ...checkpoints.weights import checked_pretraining
from ...structures import LossInputs
from ..decisions import ArgmaxDecision, ClassProbs
from ..losses import PartialCrossEntropyLoss
from ..views.base import Views, log_probs
from . import head_checks as checks
from .batch import collect_inputs, image_in_unit_range
from .inference import check_at_once, inside_cells, mean_of_windows, metas_of, resizing_of, to_file
from .named_losses import build_losses, count_labelled, run_losses, with_total
from .renamed import refuse_moved


class PretrainedModel(BaseModule):
    """A model that explains problems with the pretrained weights that its config names."""

    def init_weights(self) -> None:
        """Initialise the weights; an error about a missing checkpoint names its key and a solution."""
        with checked_pretraining(self):
            super().init_weights()


@MODELS.register_module()
class WeakEncoderDecoder(PretrainedModel, EncoderDecoder):
    """``EncoderDecoder`` whose named losses receive the image, the validity map and all weak labels.

    Only the ``forward`` method of the head is used, so any plain ``BaseDecodeHead`` works; its ``loss_decode`` is never
    called.

    Log keys are the names in ``losses`` (``aux.<name>`` or ``aux_<i>.<name>`` for auxiliary heads) and
    ``labelled_pixels``, the number of labelled pixels of the batch. All losses are summed regardless of their names.

    Without ``views`` and ``decision``, inference is that of ``EncoderDecoder``. With a ``decision``, class
    probabilities are averaged over the windows of sliding inference (see :meth:`class_probs`), and the decision turns
    them into labels (see :meth:`decide`).

    Args:
        backbone: Same as in ``EncoderDecoder``.
        decode_head: A head whose class does not override ``loss`` and ``loss_by_feat`` of ``BaseDecodeHead``.
        losses: ``dict(name=dict(type=...))`` of losses derived from ``BaseWeakLoss``; None instead of a loss removes it
            from an inherited config.
        auxiliary_losses: Same as ``losses``, for auxiliary heads. The default is partial cross-entropy, weighted by the
            ``loss_weight`` in the ``loss_decode`` of the auxiliary head.
        views: Additional inputs of the network: ``dict(type='SiameseViews', ...)``,
            ``dict(type='MultiScaleViews', ...)`` or None.
        decision: How probabilities become labels: ``dict(type='TagDecision', ...)``, ``dict(type='ArgmaxDecision',
            ...)`` or None for the most probable class.
        channels_last: Whether weights and maps are stored with the channels of a pixel side by side, which makes
            convolutions faster with ``--amp`` on processors and GPUs with units for bfloat16 or float16.
        **kwargs: ``neck``, ``auxiliary_head``, ``train_cfg``, ``test_cfg``, ``data_preprocessor``, ``pretrained`` and
            ``init_cfg`` of ``EncoderDecoder``.

    Raises:
        TypeError: If a head, a loss or a setting would be ignored or cannot work; the message states the reason.
        ValueError: If a setting of a loss, or an auxiliary head, is for another number of classes.
    """

    def __init__(
        self,
        backbone: dict[str, Any],
        decode_head: dict[str, Any],
        losses: Mapping[str, dict[str, Any]],
        auxiliary_losses: Mapping[str, dict[str, Any]] | None = None,
        views: Mapping[str, Any] | None = None,
        decision: Mapping[str, Any] | None = None,
        channels_last: bool = False,
        **kwargs: Any,
    ) -> None:
        refuse_moved(kwargs)
        if isinstance(decode_head, Sequence):
            raise TypeError('decode_head is a list of heads (a cascade): WeakEncoderDecoder takes one head')
        super().__init__(backbone, decode_head, **kwargs)
        if getattr(self.data_preprocessor, 'batch_augments', None):
            raise TypeError('batch_augments mix images after their weak labels are drawn: remove them')
        checks.check_head(self.decode_head)
        checks.check_loss_weight(self.decode_head)
        self.losses = build_losses(losses, 'losses', self.num_classes)
        self.auxiliary_losses = nn.ModuleDict()
        for prefix, head in self._auxiliary_heads().items():
            checks.check_head(head)
            checks.check_same_classes(self.decode_head, head)
            default = {'loss_ce': {'type': PartialCrossEntropyLoss, 'loss_weight': head.loss_decode.loss_weight}}
            self.auxiliary_losses[prefix] = build_losses(
                auxiliary_losses or default, 'auxiliary_losses', head.num_classes
            )
        if auxiliary_losses and not self.with_auxiliary_head:
            raise TypeError('auxiliary_losses is set but there is no auxiliary_head')
        self.views = checks.build_part(views, 'views', Views)
        for name, module in ({} if self.views is None else self.views.modules()).items():
            self.add_module(name, module)
        self.decision = checks.build_part(decision, 'decision', ArgmaxDecision)
        checks.check_refined(self.views, self.decision)
        if self.decision is not None:
            self.decision.pool_like(self.losses.values())
        if channels_last:
            self.to(memory_format=torch.channels_last)

    def _auxiliary_heads(self) -> dict[str, BaseDecodeHead]:
        if not self.with_auxiliary_head:
            return {}
        if isinstance(self.auxiliary_head, nn.ModuleList):
            return {f'aux_{index}': head for index, head in enumerate(self.auxiliary_head)}
        return {'aux': self.auxiliary_head}

    # Training.

    def loss(self, inputs: Tensor, data_samples: list[Any]) -> dict[str, Tensor]:
        """Return every loss of the batch by name, and the number of labelled pixels.

        Args:
            inputs: Preprocessed images, (B, channels, h, w).
            data_samples: One ``SegDataSample`` per image, with ``gt_sem_seg`` and, from our pipeline, the validity
                map, tags, boxes, points and other maps.

        Raises:
            ValueError: If the data set and the head differ in their number of classes.
        """
        checks.check_num_classes(data_samples, self.num_classes)
        features = self.extract_feat(inputs)
        batch = self.loss_inputs(self.decode_head, features, inputs, data_samples)
        results = {}
        for prefix, view in ({'': batch} if self.views is None else self.views.trained(batch)).items():
            results.update(run_losses(self.losses, view, prefix))
        for prefix, head in self._auxiliary_heads().items():
            auxiliary_batch = self.loss_inputs(head, features, inputs, data_samples)
            results.update(run_losses(self.auxiliary_losses[prefix], auxiliary_batch, f'{prefix}.'))
        return {**results, **count_labelled(batch.labels, batch.ignore_index)}

    def loss_inputs(
        self, head: BaseDecodeHead, features: Sequence[Tensor], inputs: Tensor, data_samples: list[Any]
    ) -> LossInputs:
        """Run ``head`` and collect the inputs of its losses, with the views of the batch for the decode head."""
        logits = head.forward(features)
        first = collect_inputs(head, logits, features, inputs, data_samples, self.num_classes, self.data_preprocessor)
        if self.views is None or head is not self.decode_head:
            return first
        return replace(first, views=self.views.for_losses(self._run, first, inputs))

    def parse_losses(self, losses: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """Sum all losses regardless of their names, and log all values under their own names."""
        return with_total(super().parse_losses(losses)[1], losses)

    # Inference.

    def _run(self, inputs: Tensor) -> tuple[Sequence[Tensor], Tensor]:
        """Return the features and logits of one view."""
        features = self.extract_feat(inputs)
        return features, self.decode_head.forward(features)

    def _look(self, inputs: Tensor) -> tuple[Sequence[Tensor], Tensor]:
        """Return features and logits; several views are merged."""
        if self.views is None:
            return self._run(inputs)
        return self.views.look(self._run, inputs, align_corners=self.decode_head.align_corners)

    def _forward(self, inputs: Tensor, data_samples: list[Any] | None = None) -> Tensor:
        return self._merged_logits(inputs, ())

    def _merged_logits(self, inputs: Tensor, metas: Sequence[dict[str, Any]]) -> Tensor:
        """Return logits whose softmax are the probabilities of all views and of their refined maps, (B, C, H, W)."""
        features, logits = self._look(inputs)
        if self.views is None:
            return logits
        inside = inside_cells(metas, inputs, logits.shape[2:], self.test_cfg)
        refined = self.views.refine(logits, features, inputs, inside)
        return logits if refined is None else log_probs(self.views.merge(logits, refined))

    def inference(self, inputs: Tensor, batch_img_metas: list[dict[str, Any]]) -> Tensor:
        """Return logits of images, or of their windows.

        Raises:
            ValueError: If an image is too large to be read at once on the CPU.
        """
        check_at_once(inputs, self.test_cfg, str(batch_img_metas[0].get('img_path', 'an image')))
        logits: Tensor = super().inference(inputs, batch_img_metas)
        return logits

    def slide_inference(self, inputs: Tensor, batch_img_metas: list[dict[str, Any]]) -> Tensor:
        """Return the mean logits of all windows; mmseg makes two more maps of the whole image for every window."""

        def predict(window: Tensor) -> tuple[Tensor, None]:
            size = window.shape[2:]  # a torch.Size, before which heads do not look at pad_shape
            return self.encode_decode(window, [{**meta, 'img_shape': size} for meta in batch_img_metas]), None

        return mean_of_windows(predict, inputs, self.test_cfg)[0]

    def encode_decode(self, inputs: Tensor, batch_img_metas: list[dict[str, Any]]) -> Tensor:
        """Return logits at the size of ``inputs``, (B, C, h, w), for inference without a decision."""
        if self.views is None:
            plain: Tensor = super().encode_decode(inputs, batch_img_metas)
            return plain
        logits = self._merged_logits(inputs, batch_img_metas)
        enlarged: Tensor = self.decode_head.predict_by_feat(logits, batch_img_metas)
        return enlarged

    def class_probs(self, inputs: Tensor, data_samples: list[Any] | None = None) -> list[ClassProbs]:
        """Return the output of the network for each image, at the size of its file, before the decision.

        Args:
            inputs: Preprocessed images, (B, channels, h, w).
            data_samples: One per image; None means that files have the size of ``inputs``.
        """
        metas = metas_of(inputs, data_samples)
        decision = self.decision
        if decision is None:
            logits = self.inference(inputs, metas)
            maps = [to_file(x, m, align_corners=self.align_corners) for x, m in zip(logits, metas, strict=True)]
            return [ClassProbs(x.softmax(dim=0), resizing=resizing_of(m)) for x, m in zip(maps, metas, strict=True)]
        check_at_once(inputs, self.test_cfg, str(metas[0].get('img_path', 'an image')))
        probs, scores = mean_of_windows(
            lambda window: self._scored_maps(window, metas, decision), inputs, self.test_cfg
        )
        images = None if decision.refiner is None else image_in_unit_range(inputs, self.data_preprocessor)
        return [
            ClassProbs(
                to_file(probs[index], meta),
                None if scores is None else scores[index],
                None if images is None else to_file(images[index], meta),
                resizing_of(meta),
            )
            for index, meta in enumerate(metas)
        ]

    def _scored_maps(
        self, window: Tensor, metas: list[dict[str, Any]], decision: ArgmaxDecision
    ) -> tuple[Tensor, Tensor | None]:
        """Return the class maps of a window at its size, (B, C, h, w), and its image scores, (B, C-1)."""
        features, logits = self._look(window)
        logits = logits.float()
        inside = inside_cells(metas, window, logits.shape[2:], self.test_cfg)
        probs = logits.softmax(dim=1)
        if self.views is not None and (refined := self.views.refine(logits, features, window, inside)) is not None:
            probs = self.views.merge(logits, refined)
        corners = self.decode_head.align_corners
        maps = decision.class_maps(logits, probs, inside, window.shape[2:], align_corners=corners)
        return maps, decision.class_scores(logits, probs, inside)

    def predict(self, inputs: Tensor, data_samples: list[Any] | None = None) -> list[Any]:
        """Return the samples with the fields that :meth:`decide` sets.

        Args:
            inputs: Preprocessed images, (B, channels, h, w).
            data_samples: One per image; None means predictions at the size of ``inputs``.

        Raises:
            ValueError: If the decision needs the tags of the images and a sample has none.
        """
        if self.decision is None:
            predicted: list[Any] = super().predict(inputs, data_samples)
            return predicted
        samples = [None] * len(inputs) if data_samples is None else data_samples
        return [self.decide(*pair) for pair in zip(self.class_probs(inputs, data_samples), samples, strict=True)]

    def decide(self, maps: ClassProbs, sample: Any | None = None, *, num_views: int = 1) -> Any:
        """Return the predicted sample for the output of the network.

        Args:
            maps: The result of :meth:`class_probs` for the image, or the mean over several views.
            sample: The sample to store the prediction in and to read known tags from; None means a new one.
            num_views: Number of views that ``maps`` is the mean of.

        Returns:
            The sample with ``seg_logits`` (logarithms of the probabilities of the network, without pruning),
            ``pred_sem_seg`` (the labels), ``unrefined_sem_seg`` (the labels without the refiner) if the decision has
            one, ``class_scores`` if it reads image scores, (C-1,), and with a decision, as meta information,
            ``inference_switches``, which metrics use in the names of their numbers.

        Raises:
            ValueError: If the decision needs the tags of the image and the sample has none.
        """
        predicted = SegDataSample() if sample is None else sample
        labels = maps.probs.argmax(dim=0, keepdim=True) if self.decision is None else self.decision(maps, sample)
        predicted.set_data(
            {'seg_logits': PixelData(data=log_probs(maps.probs)), 'pred_sem_seg': PixelData(data=labels)}
        )
        if maps.scores is not None:
            predicted.set_data({'class_scores': maps.scores})
        if self.decision is not None and self.decision.refiner is not None:
            unrefined = self.decision.masks(maps, sample).argmax(dim=0, keepdim=True)
            predicted.set_data({'unrefined_sem_seg': PixelData(data=unrefined)})
        if self.decision is not None:
            predicted.set_metainfo({'inference_switches': self.decision.switches(sample, num_views)})
        return predicted
