"""The fully connected CRF.

Shape letters: B batch, C classes, H x W the masks, h x w the image, N pixels that count.
"""

from importlib.util import find_spec
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import Tensor, nn

from ...functional.checks import check_integer, check_positive
from ...functional.grids import MOST_PIXELS, pool_mask, resize_inside

_CLIP = 1e-5


@MODELS.register_module()
class DenseCRF(nn.Module):
    r"""Mean field of a fully connected CRF (Krähenbühl and Koltun, 2011) by ``pydensecrf``, on the CPU.

    .. math::
        E(x) = \sum_i -\log m_i(x_i) + \sum_{i<j} [x_i \ne x_j] \left(
        w_1 e^{-\frac{|p_i - p_j|^2}{2 \sigma_1^2}} +
        w_2 e^{-\frac{|p_i - p_j|^2}{2 \sigma_2^2} - \frac{|I_i - I_j|^2}{2 \sigma_{rgb}^2}} \right)

    with soft masks :math:`m`, clipped at 1e-5, positions :math:`p` and colours :math:`I`. Masks need not sum to 1. The
    defaults are the setting of single-stage training from tags (Araslanov and Roth, 2020).

    Args:
        num_iters: Number of mean field iterations.
        smoothness_xy: :math:`\sigma_1`, in pixels.
        smoothness_weight: :math:`w_1`.
        appearance_xy: :math:`\sigma_2`, in pixels.
        appearance_rgb: :math:`\sigma_{rgb}`, in grey levels from 0 to 255.
        appearance_weight: :math:`w_2`.

    Raises:
        ImportError: If ``pydensecrf`` is not installed; the message names its package.
        TypeError: If a setting is not a number.
        ValueError: If a setting is not above 0.
    """

    def __init__(
        self,
        num_iters: int = 10,
        smoothness_xy: float = 3.0,
        smoothness_weight: float = 3.0,
        appearance_xy: float = 80.0,
        appearance_rgb: float = 13.0,
        appearance_weight: float = 10.0,
    ) -> None:
        super().__init__()
        if find_spec('pydensecrf') is None:
            raise ImportError('DenseCRF needs the module pydensecrf: pip install pydensecrf2, or remove DenseCRF')
        self.num_iters = check_integer(num_iters, 'num_iters')
        self.smoothness_xy = check_positive(smoothness_xy, 'smoothness_xy')
        self.smoothness_weight = check_positive(smoothness_weight, 'smoothness_weight')
        self.appearance_xy = check_positive(appearance_xy, 'appearance_xy')
        self.appearance_rgb = check_positive(appearance_rgb, 'appearance_rgb')
        self.appearance_weight = check_positive(appearance_weight, 'appearance_weight')

    @torch.no_grad()
    def forward(
        self, masks: Tensor, image: Tensor, mask: Tensor | None = None, present: Tensor | None = None
    ) -> Tensor:
        """Return the refined masks, (B, C, H, W) in float32, without a gradient and summing to 1.

        Args:
            masks: Soft masks, (B, C, H, W).
            image: RGB in [0, 1], (B, 3, h, w); resized to the masks, bilinearly, if its size differs.
            mask: 1 inside the image, (B, 1, h, w). A cell of H x W that contains a pixel outside does not affect others
                and is 0 in the result.
            present: Channels to refine, (B, C) of zeros and ones; the others are 0 in the result.

        Raises:
            ValueError: If there are more than ``MOST_PIXELS`` pixels.
        """
        size = (masks.shape[2], masks.shape[3])
        if size[0] * size[1] > MOST_PIXELS:
            raise ValueError(
                f'a dense CRF of {size[1]} x {size[0]} pixels needs more memory than most machines have: cut the '
                'images into tiles, or leave the refiner out'
            )
        if mask is None:
            image = F.interpolate(image.float(), size, mode='bilinear', align_corners=False)
        else:
            image, reached = resize_inside(image.float(), size, mask, align_corners=False)
            mask = pool_mask(mask, size) * reached
        colours = (image.float() * 255).round().clamp(0, 255).cpu().numpy()
        soft = masks.detach().float().cpu().numpy()
        inside = np.ones((len(soft), *size), dtype=bool) if mask is None else (mask[:, 0] >= 1).cpu().numpy()
        chosen = np.ones(soft.shape[:2], dtype=bool) if present is None else (present > 0).cpu().numpy()
        refined = np.zeros_like(soft)
        for index in range(len(soft)):
            channels, pixels = np.flatnonzero(chosen[index]), inside[index]
            if len(channels) and pixels.any():
                values = self._mean_field(soft[index][channels][:, pixels], colours[index][:, pixels], pixels)
                for channel, value in zip(channels, values, strict=True):
                    refined[index, channel, pixels] = value
        return torch.from_numpy(refined).to(masks.device)

    def _mean_field(
        self, masks: npt.NDArray[Any], colours: npt.NDArray[Any], pixels: npt.NDArray[np.bool_]
    ) -> npt.NDArray[Any]:
        """Run the CRF on the pixels that count: masks (C, N), colours (3, N) -> (C, N)."""
        from pydensecrf.densecrf import DenseCRF as PointCRF

        places = np.stack(np.nonzero(pixels)).astype(np.float32)
        crf = PointCRF(masks.shape[1], masks.shape[0])
        crf.setUnaryEnergy(np.ascontiguousarray(-np.log(masks.clip(_CLIP, 1)), dtype=np.float32))
        crf.addPairwiseEnergy(np.ascontiguousarray(places / self.smoothness_xy), compat=self.smoothness_weight)
        features = np.concatenate([places / self.appearance_xy, colours / self.appearance_rgb]).astype(np.float32)
        crf.addPairwiseEnergy(np.ascontiguousarray(features), compat=self.appearance_weight)
        return np.array(crf.inference(self.num_iters)).reshape(masks.shape)
