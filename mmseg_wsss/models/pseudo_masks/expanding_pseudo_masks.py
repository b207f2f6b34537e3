"""Pseudo-masks from points: predictions of the model near the points, overlaid by point blots.

Shape letters: B batch, C classes with the background, K the maximum number of classes that have a point in an image,
h x w pixels, g x g' the grid that masks are refined on.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from mmengine.logging import MessageHub
from mmseg.registry import MODELS
from torch import Tensor, nn

from ...functional import expand_distance_fields
from ...functional.checks import check_integer, check_share
from ...functional.distance_fields import check_settings
from ...functional.grids import all_inside, pool_mask, resize_inside
from ...ops import distance_fields
from ...structures import LossInputs

THRESHOLDS = ('maximum', 'absolute')
# Share of the way from the probability of chance to 1 that a pixel needs, unless ``min_confidence`` is set.
CLEARLY = 0.2
CONFIDENCE_KEY = 'weak/expanding_confidence'
"""Key under which ``ExpandingConfidenceHook`` stores the expansion of the distance fields."""
REFINER = MappingProxyType({'type': 'PACRefiner'})


def confidence_scores() -> tuple[float, float]:
    """Return the scores of background and objects, which are 0 without the hook."""
    state = MessageHub.get_current_instance().get_info(CONFIDENCE_KEY)
    return (0.0, 0.0) if state is None else (state['background_score'], state['object_score'])


class ExpandingMaps(NamedTuple):
    """The pseudo-labels and the maps they are made from, without gradients."""

    classes: Tensor  # class id of each of the K maps of an image, -1 where it has fewer, (B, K) int64
    blots: Tensor | None  # class ids, unlabelled outside, (B, h, w) int64
    fields: Tensor  # expanded, 0 where an image has fewer, (B, K, h, w)
    refined: Tensor  # probabilities after the refiner, 0 where an image has fewer, (B, K, h, w)
    labels: Tensor  # class ids, unlabelled where no class is confident, (B, h, w) int64

    def steps(self, num_classes: int) -> dict[str, Tensor]:
        """Return the maps to draw, by title: class ids, (B, h, w), and soft maps of all classes, (B, C, h, w)."""
        blots = {} if self.blots is None else {'blots': self.blots}
        soft = {'distance field': self.fields, 'refined': self.refined}
        # classes that an image lacks go to an extra channel, which is removed
        index = torch.where(self.classes < 0, num_classes, self.classes)[:, :, None, None].expand_as(self.fields)
        batch, _, height, width = self.fields.shape
        empty = self.fields.new_zeros(batch, num_classes + 1, height, width)
        soft = {name: empty.scatter(1, index, maps)[:, :-1] for name, maps in soft.items()}
        return {**blots, **soft, 'pseudo-mask': self.labels}


@MODELS.register_module()
class ExpandingPseudoMasks(nn.Module):
    r"""Labels the confident pixels near a point of their class (Akiva and Dana, 2021).

    The refined softmax :math:`p` of the classes that have a point in the image is multiplied with their distance field
    :math:`D`, expanded by the confidence score of ``ExpandingConfidenceHook``. The class with the largest product
    labels the pixel if

    .. math:: p_c(i)\, D_c(i) > \max\left( t \cdot \max_j p_c(j)\, D_c(j),\ c_{min} \right)

    (``threshold_of='maximum'``): the points, where the field is 1, have the highest confidence, and the threshold is a
    share of it. ``'absolute'`` means :math:`p_c(i)\, D_c(i) > t`: a class whose probabilities stay below
    :math:`t` is not labelled at all, which happens to all classes except the background in short trainings.

    A share of the maximum alone labels a disc around every point before the network has learned anything, because
    all probabilities are then alike, and pixels of a class that the network does not find anywhere. The minimum
    :math:`c_{min}` prevents both. By default it is :math:`0.2 + 0.8 / n` for a softmax over :math:`n` classes, above
    the probability :math:`1 / n` of a network that does not know anything: 0.6 for 2 classes, 0.4 for 4, and 0.24 for
    21.

    Point blots overwrite these labels, and the labels of the annotator overwrite both. All other pixels stay
    unlabelled. An image without points keeps its labels.

    Differs from the paper, which gives "0.75" and a "highest confidence threshold" but does not define the quantity.
    The relative threshold with a minimum is that of Araslanov and Roth (2020), whose refinement the paper extends;
    their minimum is 0.2, for the 21 classes of VOC.

    Args:
        refiner: ``dict(type='PACRefiner', ...)``, another module with the same signature, or None.
        refiner_stride: Side, in pixels of the image, of a cell of the grid that masks are refined on. The paper does
            not give it; 4 is the value of PAMR's published training.
        threshold: :math:`t`, in [0, 1]; 0.75 in the paper. With 1 predictions never become labels.
        threshold_of: ``'maximum'``, relative to the maximum of the class in the image, or ``'absolute'``.
        min_confidence: :math:`c_{min}`, in [0, 1]; 0 means that there is no minimum. None means the default above, with
            the number of classes of the network, or of the image with ``present_softmax`` (at least 2). Not used with
            ``'absolute'``.
        present_softmax: Compute the softmax over only the classes that have a point in the image, because the others
            are known to be absent. More pixels pass the threshold, most of them in the background.
        fields: Whether distance fields are used; otherwise only the refined probability counts.
        form: Form of the fields, see :func:`mmseg_wsss.functional.distance_fields`.
        normalisation: Normalisation of the fields, see :func:`mmseg_wsss.functional.distance_fields`.
        blots: Key of the point blots in ``LossInputs.maps``; None means that there are no blots.

    Raises:
        TypeError: If the threshold is not a number.
        ValueError: If a setting is out of range or unknown.
    """

    def __init__(
        self,
        refiner: Mapping[str, Any] | None = REFINER,
        refiner_stride: int = 4,
        threshold: float = 0.75,
        threshold_of: str = 'maximum',
        min_confidence: float | None = None,
        present_softmax: bool = False,
        fields: bool = True,
        form: str = 'anchored',
        normalisation: str = 'maximum',
        blots: str | None = 'point_blots',
    ) -> None:
        super().__init__()
        check_integer(refiner_stride, 'refiner_stride')
        if threshold_of not in THRESHOLDS:
            raise ValueError(f'unknown threshold_of {threshold_of!r}: choose from {", ".join(THRESHOLDS)}')
        check_settings(form, normalisation)
        self.refiner = None if refiner is None else MODELS.build(dict(refiner))
        self.refiner_stride = refiner_stride
        self.threshold = check_share(threshold, 'threshold')
        self.threshold_of = threshold_of
        self.min_confidence = None if min_confidence is None else check_share(min_confidence, 'min_confidence')
        self.present_softmax = present_softmax
        self.fields = fields
        self.form = form
        self.normalisation = normalisation
        self.blots = blots

    @torch.no_grad()
    def forward(self, inputs: LossInputs) -> ExpandingMaps:
        """Return the pseudo-labels of the batch and the maps they are made from.

        Raises:
            ValueError: If the batch does not have points or blots.
        """
        fields, classes = self._fields(inputs)
        refined = self._refined(inputs, classes)
        confidence = torch.where(inputs.valid >= 1, refined * fields, 0)
        sure, index = confidence.max(dim=1)
        ignore = inputs.ignore_index
        limits = self._limits(confidence, self._minimum(inputs, classes))
        passed = sure > limits.gather(1, index.flatten(1)).view_as(sure)
        labels = torch.where(passed, classes.gather(1, index.flatten(1)).view_as(index), ignore)
        blots = self._blots(inputs)
        if blots is not None:
            labels = torch.where(blots != ignore, blots, labels)
        labels = torch.where(inputs.valid[:, 0] >= 1, labels, ignore)
        labels = torch.where(inputs.labels != ignore, inputs.labels, labels)
        return ExpandingMaps(classes, blots, fields, refined, labels)

    def _limits(self, confidence: Tensor, minimum: Tensor) -> Tensor:
        """Return the threshold of the confidence of each class, (B, K)."""
        if self.threshold_of == 'absolute':
            return confidence.new_full(confidence.shape[:2], self.threshold)
        return (self.threshold * confidence.amax(dim=(2, 3))).maximum(minimum)

    def _minimum(self, inputs: LossInputs, classes: Tensor) -> Tensor:
        """Return the minimum of the threshold in each image, (B, 1)."""
        competing = (classes >= 0).sum(dim=1, keepdim=True) if self.present_softmax else inputs.probs.shape[1]
        competing = torch.as_tensor(competing, device=classes.device).expand(len(classes), 1).clamp(min=2)
        if self.min_confidence is not None:
            return torch.full_like(competing, self.min_confidence, dtype=inputs.probs.dtype)
        return CLEARLY + (1 - CLEARLY) / competing.to(inputs.probs.dtype)

    def _fields(self, inputs: LossInputs) -> tuple[Tensor, Tensor]:
        """Return the expanded fields, (B, K, h, w), and their classes, (B, K)."""
        if len(inputs.points) != len(inputs.labels):
            raise ValueError(
                'pseudo-masks from points need the points of every image, but the batch does not have them: end the '
                'pipeline with RasterizeWeakAnnotations and PackWeakSegInputs'
            )
        size = (inputs.labels.shape[1], inputs.labels.shape[2])
        whole = all_inside(inputs.valid >= 1)
        found = [
            distance_fields(
                points[:, :2],
                points[:, 2].long(),
                size,
                mask=None if whole else valid[0],
                form=self.form,
                normalisation=self.normalisation,
            )
            for points, valid in zip(inputs.points, inputs.valid, strict=True)
        ]
        most = max(1, *(len(classes) for _, classes in found))
        classes = torch.stack([F.pad(ids, (0, most - len(ids)), value=-1) for _, ids in found])
        fields = torch.stack([F.pad(maps, (0, 0, 0, 0, 0, most - len(maps))) for maps, _ in found])
        known = (classes >= 0)[:, :, None, None].to(fields.dtype)
        if not self.fields:
            return known * torch.ones_like(fields), classes
        background, objects = confidence_scores()
        scores = torch.where(classes == 0, background, objects)
        return known * expand_distance_fields(fields, scores), classes

    def _refined(self, inputs: LossInputs, classes: Tensor) -> Tensor:
        """Return the refined probabilities of the classes at the size of the image, (B, K, h, w)."""
        height, width = inputs.labels.shape[1:]
        grid = (-(-height // self.refiner_stride), -(-width // self.refiner_stride))
        known = (classes >= 0)[:, :, None, None]
        channels = classes.clamp(min=0)[:, :, None, None].expand(-1, -1, *inputs.probs.shape[2:])
        few = torch.where(known, inputs.probs.detach().gather(1, channels), 0)
        if self.present_softmax:
            few = few / few.sum(dim=1, keepdim=True).clamp(min=torch.finfo(few.dtype).tiny)
        few, reached = resize_inside(few, grid, inputs.valid_cells, align_corners=inputs.align_corners)
        cells = pool_mask(inputs.valid, grid) * reached
        few = torch.where(cells > 0, few, 0)
        if self.refiner is not None:
            few = self.refiner(few, inputs.image, mask=inputs.valid, present=classes >= 0)
        return resize_inside(few, (height, width), cells, align_corners=inputs.align_corners)[0]

    def _blots(self, inputs: LossInputs) -> Tensor | None:
        """Return the blots inside the image, (B, h, w) int64."""
        if self.blots is None:
            return None
        if self.blots not in inputs.maps:
            raise ValueError(
                f'the batch has no map {self.blots!r}: put LoadPointBlots right after LoadWeakAnnotations and set '
                f'PackWeakSegInputs(maps=[{self.blots!r}]), or train without blots (blots=None)'
            )
        blots = inputs.maps[self.blots][:, 0].long()
        return torch.where(inputs.valid[:, 0] >= 1, blots, inputs.ignore_index)
