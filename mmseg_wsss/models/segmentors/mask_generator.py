"""A class-agnostic network that predicts masks from boxes, for one class of an image at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.models.segmentors import BaseSegmentor
from mmseg.registry import MODELS
from torch import Tensor, nn

from ...checkpoints.weights import check_channels
from ...functional import class_areas, class_ious, partial_cross_entropy
from .batch import full_scale, gives_rgb, image_in_unit_range, stack_labels, stack_maps
from .head_checks import check_head

BOX_MAP = 'box_map'


@MODELS.register_module()
class MaskGenerator(BaseSegmentor):
    r"""Class-agnostic generator of pseudo-masks, which predicts the mask of a class from its boxes.

    .. math::
        g(p_c, b_c, I) \to \text{logits of outside and object}, \qquad
        L = \text{mean}_{\text{labelled}} \operatorname{CE}(g, [t = c])

    where :math:`b_c` is 1 inside the boxes of class c, and :math:`p_c` is the probability of class c from a frozen
    partner, the segmentor of the previous round. The loss is computed at the resolution of the head, with labels
    resized to the nearest pixel. The network is trained on the masks of auxiliary classes (``ClassMaskDataset``) and
    used for others. The channels of its input are, in this order: :math:`p_c`, :math:`b_c`, the image.

    The partner is not part of this module and not in its ``state_dict``: see :meth:`set_partner`.

    In the published code the image is BGR minus (104.008, 116.669, 122.675), not scaled: ``data_preprocessor=dict(
    type='SegDataPreProcessor', mean=[104.008, 116.669, 122.675], std=[1, 1, 1], size=(512, 512))``.

    Differs from the published code, where the padding is labelled 0: here it is not labelled (set ``seg_pad_val=0`` of
    the preprocessor for the former).

    Args:
        backbone: Any backbone with an argument ``in_channels``, which is set here; ``Hourglass`` in the paper.
        decode_head: A plain ``BaseDecodeHead`` of two classes.
        use_probability: Whether :math:`p_c` is an input: in every round in the paper (in the first round from a
            segmentor trained on filled boxes), from the second round in the published code.
        data_preprocessor: Same as in mmseg's segmentors.
        init_cfg: Same as in mmengine's ``BaseModule``.

    Raises:
        TypeError: If the head trains through more than its logits.
        ValueError: If the head does not have two classes, or the backbone has another number of input channels.
    """

    def __init__(
        self,
        backbone: Mapping[str, Any],
        decode_head: Mapping[str, Any],
        use_probability: bool = True,
        data_preprocessor: Mapping[str, Any] | None = None,
        init_cfg: Any = None,
    ) -> None:
        super().__init__(data_preprocessor=data_preprocessor, init_cfg=init_cfg)
        self.use_probability = use_probability
        self.in_channels = 3 + 1 + int(use_probability)
        if backbone.get('in_channels', self.in_channels) != self.in_channels:
            raise ValueError(
                f'backbone.in_channels={backbone["in_channels"]}, but with use_probability={use_probability} the '
                f'generator reads {self.in_channels} channels: omit in_channels'
            )
        self.backbone = MODELS.build({**backbone, 'in_channels': self.in_channels})
        self.decode_head = MODELS.build(dict(decode_head))
        check_head(self.decode_head)
        if self.decode_head.num_classes != 2:
            raise ValueError(f'decode_head.num_classes must be 2 (outside, object), got {self.decode_head.num_classes}')
        self.size_divisor = getattr(self.backbone, 'size_divisor', 32)
        self.align_corners = False  # for the last step of a prediction, the resizing to the file
        self._partner: tuple[Any, ...] = ()

    # The partner.

    def set_partner(self, segmentor: nn.Module | None) -> None:
        """Set the segmentor that gives the probability of the class; it is frozen and set to evaluation mode.

        It is not part of the module tree, so not in ``state_dict`` or among the parameters, and not set to training.

        Args:
            segmentor: A segmentor with ``extract_feat``, a ``decode_head`` and a ``data_preprocessor``, such as mmseg's
                ``EncoderDecoder`` and all segmentors here; None removes it.

        Raises:
            TypeError: If it is not such a segmentor.
        """
        if segmentor is None:
            self._partner = ()
            return
        if not isinstance(getattr(segmentor, 'decode_head', None), BaseDecodeHead):
            kind = type(segmentor).__name__
            raise TypeError(f'the partner must be a segmentor with one decode head, such as EncoderDecoder, got {kind}')
        self._partner = (segmentor.eval().requires_grad_(False),)  # a tuple, so that torch does not register it

    @property
    def has_partner(self) -> bool:
        """Whether there is a partner."""
        return bool(self._partner)

    @property
    def partner(self) -> Any:
        """The segmentor of :meth:`set_partner`, or None."""
        return self._partner[0] if self._partner else None

    @torch.no_grad()
    def class_probabilities(self, image: Tensor, inside: Tensor | None = None) -> Tensor:
        """Return the class probabilities of the partner.

        Its input is the image, padded to a multiple of the ``size_divisor`` in the ``test_cfg`` of its preprocessor.

        Args:
            image: Images from the preprocessor of the *generator*, (N, 3, H, W).
            inside: 0 in the padding, (N, 1, H, W); None means that there is no padding.

        Returns:
            Softmax over all classes of the partner at the size of the image, (N, C, H, W) float32.

        Raises:
            RuntimeError: If the partner is not set.
        """
        partner = self.partner
        if partner is None:
            raise RuntimeError(
                'MaskGenerator(use_probability=True) reads the probability of the class, but no segmentor gives it: '
                'call set_partner(segmentor) (LPGStageHook does, from the checkpoint of the round before), or set '
                'use_probability=False'
            )
        if next(partner.parameters()).device != image.device:
            partner.to(image.device)
        theirs = partner.data_preprocessor
        colours = full_scale(theirs) * image_in_unit_range(image, self.data_preprocessor)
        colours = colours if gives_rgb(theirs) else colours.flip(1)
        if getattr(theirs, '_enable_normalize', False):
            colours = (colours - theirs.mean.to(colours)) / theirs.std.to(colours)
        if inside is not None:
            colours = torch.where(inside > 0, colours, 0)
        colours = _pad(colours, (getattr(theirs, 'test_cfg', None) or {}).get('size_divisor', 1), 0)
        logits = partner.eval()(colours, mode='tensor').float()
        logits = F.interpolate(logits, colours.shape[2:], mode='bilinear', align_corners=True)
        return logits[:, :, : image.shape[2], : image.shape[3]].softmax(dim=1)

    # The network.

    def extract_feat(self, inputs: Tensor) -> Any:
        """Return the features of stacked inputs, (N, in_channels, H, W)."""
        return self.backbone(inputs)

    def generate(self, image: Tensor, box_maps: Tensor, probabilities: Tensor | None = None) -> Tensor:
        """Return the logits of one class per image.

        Args:
            image: Preprocessed images, (N, 3, H, W), any size.
            box_maps: 1 inside the boxes of the class, 0 elsewhere, (N, 1, H, W).
            probabilities: Probability of the class, (N, 1, H, W); required with ``use_probability``, otherwise None.

        Returns:
            Logits of outside and object, (N, 2, H, W), also outside of the boxes.

        Raises:
            ValueError: If shapes do not match, or probabilities are missing or not expected.
        """
        logits = self._logits(image, box_maps, probabilities)
        height, width = image.shape[2:]
        padded = (height + -height % self.size_divisor, width + -width % self.size_divisor)
        return F.interpolate(logits, padded, mode='bilinear', align_corners=True)[:, :, :height, :width]

    def _logits(self, image: Tensor, box_maps: Tensor, probabilities: Tensor | None) -> Tensor:
        """Return the logits at the resolution of the head; the input is padded to a multiple of ``size_divisor``."""
        if (probabilities is not None) != self.use_probability:
            raise ValueError(
                f'MaskGenerator(use_probability={self.use_probability}) got '
                f'{"no probabilities" if probabilities is None else "probabilities"}: '
                'they must be given with use_probability=True, and only then'
            )
        expected = (len(image), 1, *image.shape[2:])
        maps = [box_maps] if probabilities is None else [probabilities, box_maps]
        if image.ndim != 4 or image.shape[1] != 3 or any(part.shape != expected for part in maps):
            raise ValueError(
                'expected images (N, 3, H, W), and box maps and probabilities (N, 1, H, W) of the same size, got '
                f'{tuple(image.shape)} and {[tuple(part.shape) for part in maps]}'
            )
        stacked = torch.cat([part.to(image) for part in (*maps, image)], dim=1)
        return self._forward(_pad(stacked, self.size_divisor, 0))

    def _forward(self, inputs: Tensor, data_samples: Any = None) -> Tensor:
        """Return the logits at the resolution of the head for stacked inputs, (N, in_channels, H, W)."""
        logits: Tensor = self.decode_head.forward(self.extract_feat(inputs))
        return logits

    def encode_decode(self, inputs: Tensor, batch_data_samples: list[Any]) -> Tensor:
        """Return the logits for the class and the boxes of each sample, (N, 2, H, W)."""
        box_maps, probabilities = self._maps(inputs, batch_data_samples)
        return self.generate(inputs, box_maps, probabilities)

    def _maps(self, inputs: Tensor, data_samples: list[Any]) -> tuple[Tensor, Tensor | None]:
        """Return the box maps and, if needed, the probabilities of the classes of the samples, (N, 1, H, W)."""
        for sample in data_samples:
            if 'class_id' not in sample.metainfo or BOX_MAP not in sample.get('gt_maps', ()):
                raise ValueError(
                    f'{sample.metainfo.get("img_path", "a sample")} has no class_id or no {BOX_MAP!r}: use '
                    f'ClassMaskDataset with RasterizeClassMask and PackWeakSegInputs(maps=[{BOX_MAP!r}], '
                    "meta_keys=(..., 'class_id')) in its pipeline"
                )
        box_maps = stack_maps(data_samples, inputs.shape[2:], inputs.device)[BOX_MAP].to(inputs.dtype)
        if not self.use_probability:
            return box_maps, None
        inside = torch.zeros_like(box_maps)
        for image, sample in zip(inside, data_samples, strict=True):
            height, width = sample.metainfo.get('img_shape', inputs.shape[2:])[:2]
            image[:, :height, :width] = 1
        probs = self.class_probabilities(inputs, inside)
        class_ids = [int(sample.metainfo['class_id']) for sample in data_samples]
        if max(class_ids) >= probs.shape[1]:
            raise ValueError(
                f'class {max(class_ids)} is not one of the {probs.shape[1]} classes of the partner: train it on '
                'the classes of the data set that the generator learns from'
            )
        return box_maps, probs[torch.arange(len(probs)), class_ids][:, None]

    # Training and prediction.

    def loss(self, inputs: Tensor, data_samples: list[Any]) -> dict[str, Tensor]:
        """Return the loss, and the IoU of the object with the prediction and with the filled boxes.

        Args:
            inputs: Preprocessed images, (N, 3, H, W).
            data_samples: Samples of a ``ClassMaskDataset``, with ``gt_sem_seg`` of 0, 1 and 255, ``gt_maps.box_map``
                and ``class_id``.

        Raises:
            RuntimeError: If a partner is needed and not set.
            ValueError: If a sample has no class or no boxes, or its class is not one of the partner's.
        """
        box_maps, probabilities = self._maps(inputs, data_samples)
        logits = self._logits(inputs, box_maps, probabilities)
        size = logits.shape[2:]
        labels = _pad(stack_labels(data_samples)[:, None], self.size_divisor, self.decode_head.ignore_index)
        labels = F.interpolate(labels.float(), size, mode='nearest')[:, 0].long()
        boxes = F.interpolate(_pad(box_maps, self.size_divisor, 0), size, mode='nearest')[:, 0] > 0
        masks = (logits.argmax(dim=1) == 1) & boxes
        return {
            'loss_mask': partial_cross_entropy(logits, labels, ignore_index=self.decode_head.ignore_index),
            'mask_iou': self._iou(masks, labels),
            'box_iou': self._iou(boxes, labels),
        }

    def _iou(self, masks: Tensor, labels: Tensor) -> Tensor:
        """Return the IoU of masks with the object; 0 if both are empty, so that means in the log are finite."""
        areas = class_areas(masks, labels, 2, ignore_index=self.decode_head.ignore_index)
        return class_ious(areas.intersection, areas.union)[1].nan_to_num().float()

    def predict(self, inputs: Tensor, data_samples: list[Any] | None = None) -> list[Any]:
        """Return the samples with ``seg_logits`` and ``pred_sem_seg``: 1 on the object, 0 elsewhere.

        A mask counts only inside its boxes; outside, the probability of the object is 0.

        Args:
            inputs: Preprocessed images, (N, 3, H, W).
            data_samples: Same as in :meth:`loss`, but labels are not needed.

        Raises:
            ValueError: If there are no samples and therefore no boxes.
        """
        if data_samples is None:
            raise ValueError('MaskGenerator predicts from boxes: give data_samples, or call generate()')
        logits = self.encode_decode(inputs, data_samples).float()
        box_maps = stack_maps(data_samples, inputs.shape[2:], inputs.device)[BOX_MAP]
        outside = logits.new_tensor([0.0, -100.0])[:, None, None]
        samples: list[Any] = self.postprocess_result(torch.where(box_maps > 0, logits, outside), data_samples)
        return samples

    # Checkpoints.

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        """Raise an error for weights of other inputs, for which mmengine would keep random weights."""
        own = {f'{prefix}{name}' for name in self.state_dict() if name.startswith('backbone.')}
        check_channels({key: x for key, x in state_dict.items() if key in own}, self.in_channels, 'the checkpoint')
        super()._load_from_state_dict(state_dict, prefix, *args)


def _pad(x: Tensor, divisor: int, value: float) -> Tensor:
    """Pad at the right and at the bottom to a multiple."""
    return F.pad(x, (0, -x.shape[3] % divisor, 0, -x.shape[2] % divisor), value=value)
