"""Inference of networks that were trained on image tags."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from ...functional import prune_classes
from ...functional.checks import check_positive, check_share
from ...functional.grids import pool_mask
from ..losses import ImageTagLoss
from .batch import image_in_unit_range
from .weak_encoder_decoder import WeakEncoderDecoder


@MODELS.register_module()
class TagEncoderDecoder(WeakEncoderDecoder):
    r"""``WeakEncoderDecoder`` that leaves out classes its own image scores deny (Araslanov & Roth, 2020).

    .. math::
        \text{label} = \arg\max_c \hat m_c, \qquad \hat m_0 = m_0^p, \quad
        \hat m_c = [\max_{\text{views}} \operatorname{sigmoid}(y_c) > t]\, m_c

    :math:`m` are the probabilities, averaged over windows and views, :math:`y` the ``score_pooling`` of the head's
    logits at their own resolution. Views are those of test-time augmentation, see :class:`WeakSegTTAModel`.

    A predicted sample carries ``seg_logits`` (logarithms of :math:`m`: what the network says, nothing pruned),
    ``class_scores`` (:math:`\max \operatorname{sigmoid}(y)`, (C-1,)), ``pred_sem_seg`` (the label) and, as meta
    information, ``inference_switches``, from which :class:`~mmseg_wsss.evaluation.metrics.TagIoUMetric` takes its name.

    Differs from the published code: there, images are padded to one size, and the padding takes part in the scores and
    in the global pooling of the network.

    Args:
        *args: As of ``WeakEncoderDecoder``.
        score_pooling: How logits become scores; None is the pooling of the ``ImageTagLoss`` in ``losses``, or nGWP with
            the size penalty if there is none.
        score_threshold: :math:`t`, in [0, 1]; 0 keeps all classes. 0.1 is the published setting.
        background_power: :math:`p`; 1 changes nothing. 3 is the published setting of Wide ResNet-38, 1 that of VGG16.
        known_tags: Prune by the sample's ``gt_tags`` (see ``LoadImageTags``) and not by scores: the setting of
            pseudo-labels for training images. Inputs without samples, as in pictures during training, are pruned by
            scores.
        refiner: What cleans the pruned masks at the original size, such as ``dict(type='DenseCRF')``.
        **kwargs: As of ``WeakEncoderDecoder``.

    Raises:
        TypeError: If a setting is no number.
        ValueError: If a setting is out of range, or the losses pool in different ways and ``score_pooling`` is not set.
    """

    def __init__(
        self,
        *args: Any,
        score_pooling: Mapping[str, Any] | None = None,
        score_threshold: float = 0.1,
        background_power: float = 3.0,
        known_tags: bool = False,
        refiner: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.score_pooling = self._pooling_of_the_losses() if score_pooling is None else MODELS.build(score_pooling)
        self.score_threshold = check_share(score_threshold, 'score_threshold')
        self.background_power = check_positive(background_power, 'background_power')
        self.known_tags = known_tags
        self.refiner = None if refiner is None else MODELS.build(refiner)
        # Of the last step, to the size of the file; the head's own setting is for its steps on the grid of the input.
        self.align_corners = False
        self._decides = True

    def _pooling_of_the_losses(self) -> nn.Module:
        poolings = [loss.pooling for loss in self.losses.values() if isinstance(loss, ImageTagLoss)]
        if len({repr(pooling) for pooling in poolings}) > 1:
            raise ValueError('the losses pool the logits in different ways: set score_pooling to one of them')
        return poolings[0] if poolings else MODELS.build({'type': 'NGWPPooling'})

    def encode_decode(self, inputs: Tensor, batch_img_metas: list[dict[str, Any]]) -> Tensor:
        """Return probabilities of the size of ``inputs``, (B, C, h, w).

        The image scores of this window, (B, C-1), are put into ``batch_img_metas[0]['class_scores']``, a list.
        """
        features = self.extract_feat(inputs)
        logits = self.decode_head.forward(features).float()
        inside = self._inside(batch_img_metas, inputs, logits.shape[2:])
        probs = self.class_probs(logits, features, inputs, inside)
        scores = self.score_pooling(logits, probs, mask=inside)
        batch_img_metas[0].setdefault('class_scores', []).append(scores.sigmoid())
        return F.interpolate(probs, inputs.shape[2:], mode='bilinear', align_corners=self.decode_head.align_corners)

    def class_probs(
        self, logits: Tensor, features: Sequence[Tensor], inputs: Tensor, mask: Tensor | None = None
    ) -> Tensor:
        """Return class probabilities on the grid of the head, (B, C, H, W); a network that refines overrides this.

        Args:
            logits: Of the head, (B, C, H, W).
            features: Of the backbone or neck.
            inputs: Preprocessed images, (B, channels, h, w).
            mask: 1 inside the images, (B, 1, H, W); None: everywhere.
        """
        return logits.softmax(dim=1)

    def _inside(self, metas: list[dict[str, Any]], inputs: Tensor, grid: Sequence[int]) -> Tensor | None:
        """Return 1 where a cell of the logits holds no padding, (B, 1, H, W); None if there is none.

        Windows of sliding inference do not say where they lie, so padding counts there.
        """
        paddings = [_padding(meta) for meta in metas]
        if self.test_cfg.get('mode', 'whole') != 'whole' or not any(map(any, paddings)):
            return None
        height, width = inputs.shape[2:]
        inside = inputs.new_zeros(len(metas), 1, height, width, dtype=torch.float32)
        for image, (left, right, top, bottom) in zip(inside, paddings, strict=True):
            image[:, top : height - bottom, left : width - right] = 1
        return pool_mask(inside, (grid[0], grid[1]))

    def predict(self, inputs: Tensor, data_samples: list[Any] | None = None) -> list[Any]:
        """Return the samples with what the class describes.

        Args:
            inputs: Preprocessed images, (B, channels, h, w).
            data_samples: One per image; None: predict at the size of ``inputs``.

        Raises:
            ValueError: If tags are to be known and a sample has none.
        """
        known_tags = self.known_tags and data_samples is not None
        if data_samples is None:
            size = tuple(inputs.shape[2:])
            meta = {'ori_shape': size, 'img_shape': size, 'pad_shape': size, 'padding_size': [0] * 4}
            data_samples = [SegDataSample(metainfo=meta) for _ in inputs]
        metas = [sample.metainfo for sample in data_samples]
        maps = [self.inference(inputs, metas)]
        scores = torch.stack(metas[0]['class_scores']).amax(dim=0)
        if self.refiner is not None:  # the picture goes the way of the map, back to the size of the file
            maps.append(image_in_unit_range(inputs, self.data_preprocessor))
        samples = self.postprocess_result(torch.cat(maps, dim=1), data_samples)
        for sample, row in zip(samples, scores, strict=True):
            both = sample.seg_logits.data
            tiny = torch.finfo(both.dtype).tiny
            fields = {'seg_logits': PixelData(data=both[: self.num_classes].clamp(min=tiny).log()), 'class_scores': row}
            if self.refiner is not None:
                fields['photo'] = PixelData(data=both[self.num_classes :])
            sample.set_data(fields)
            if self._decides:
                self.decide(sample, known_tags=known_tags)
        return samples

    @contextmanager
    def undecided(self) -> Iterator[None]:
        """Predict without deciding: ``pred_sem_seg`` means nothing until :meth:`decide` was called."""
        self._decides = False
        try:
            yield
        finally:
            self._decides = True

    def decide(self, sample: Any, *, known_tags: bool | None = None, num_views: int = 1) -> None:
        """Set ``pred_sem_seg`` of a sample from its ``seg_logits`` and ``class_scores``.

        Args:
            sample: As :meth:`predict` returns it, or several merged into one.
            known_tags: As of the class; None takes its setting.
            num_views: Of how many views the sample is the mean.

        Raises:
            ValueError: If tags are to be known and the sample has none, or one that is no foreground class.
        """
        known_tags = self.known_tags if known_tags is None else known_tags
        probs = sample.seg_logits.data.softmax(dim=0)
        present = self._tags(sample, probs.device) if known_tags else sample.class_scores > self.score_threshold
        if not known_tags and self.score_threshold == 0:
            present = torch.ones_like(present)
        masks = prune_classes(probs[None], present[None], background_power=self.background_power)
        if self.refiner is not None:
            masks = self.refiner(masks, sample.photo.data[None].to(masks))
            del sample.photo
        sample.set_data({'pred_sem_seg': PixelData(data=masks.argmax(dim=1))})
        switches = {
            'tags': 'known' if known_tags else 'predicted' if self.score_threshold else None,
            'background_power': self.background_power,
            'views': num_views,
            'refiner': None if self.refiner is None else type(self.refiner).__name__,
        }
        sample.set_metainfo({'inference_switches': switches})

    def _tags(self, sample: Any, device: torch.device) -> Tensor:
        if 'gt_tags' not in sample:
            raise ValueError(
                f'known_tags=True, but the sample {sample.get("img_path", "")} has no gt_tags: put LoadImageTags into '
                "the test pipeline and 'gt_tags' into the meta_keys of PackSegInputs, or set known_tags=False"
            )
        tags = torch.as_tensor(sample.gt_tags, device=device).long()
        if tags.numel() and not 1 <= int(tags.min()) <= int(tags.max()) < self.num_classes:
            raise ValueError(
                f'{sample.get("img_path", "")}: tags are foreground classes, 1 to {self.num_classes - 1}, got '
                f'{tags.tolist()}'
            )
        present = torch.zeros(self.num_classes, dtype=torch.bool, device=device)
        present[tags] = True
        return present[1:]


def _padding(meta: Mapping[str, Any]) -> Sequence[int]:
    """Return what the preprocessor added: left, right, top, bottom."""
    return meta.get('img_padding_size', meta.get('padding_size', (0, 0, 0, 0)))
