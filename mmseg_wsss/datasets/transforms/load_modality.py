"""Depth, infrared and other pictures of the same scene, which kernels compare."""

from pathlib import Path
from typing import Any, cast

import mmcv
import numpy as np
import numpy.typing as npt
from mmcv.transforms import BaseTransform
from mmengine import fileio
from mmseg.registry import TRANSFORMS

from ...structures.sample import Sample
from ._geometry import check_unmoved

# Keys of a sample, which must not be names of maps.
_TAKEN = ('img', 'gt_seg_map', 'gt_valid_map', 'reference', 'point_blots', 'weight', 'xy', 'rgb')


@TRANSFORMS.register_module()
class LoadModality(BaseTransform):
    """Load a picture of another sensor that is aligned with the image and moves with it.

    Put it after ``LoadWeakAnnotations`` and before the first transform that moves the image.
    ``PackWeakSegInputs(maps=[key])`` passes the map to the losses, and the kernels of ``GatedCRFLoss`` compare it under
    its key: ``kernels=[dict(weight=1, xy=6, rgb=0.1), dict(weight=1, xy=6, depth=40)]``. It is resized and rotated with
    nearest interpolation and is not normalised: sigmas are in the units of the file.

    Required keys: ``sample_id``, ``ori_shape``, ``weak_frames``.

    Added keys: ``key`` (H, W), uint8 for files of 8 bits, otherwise float32; its name in ``seg_fields``.

    Args:
        key: Name of the map.
        folder: Folder of the files ``<image id><suffix>``; a relative path starts at the current folder.
        suffix: Suffix of the files. OpenCV must be able to read them, as one channel: PNG of 8 or 16 bits, TIFF.

    Raises:
        ValueError: If ``key`` is already a key of samples or kernels.
    """

    def __init__(self, key: str, folder: str, suffix: str = '.png') -> None:
        if key in _TAKEN:
            raise ValueError(f'key must be a name other than {", ".join(_TAKEN)}, got {key!r}')
        self.key = key
        self.folder = folder
        self.suffix = suffix

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Add the map.

        Raises:
            FileNotFoundError: If the file of the image is missing.
            ValueError: If the image has moved, or the file differs in size from the image, or has several channels or
                values that are not finite.
        """
        check_unmoved(cast(Sample, results), type(self).__name__)
        path = Path(self.folder) / f'{results["sample_id"]}{self.suffix}'
        results[self.key] = self._read(path, tuple(results['ori_shape'][:2]))
        results.setdefault('seg_fields', []).append(self.key)
        return results

    def _read(self, path: Path, size: tuple[int, int]) -> npt.NDArray[Any]:
        if not path.is_file():
            raise FileNotFoundError(
                f'LoadModality(key={self.key!r}): {path} is missing: check folder and suffix, or list only the images '
                'that have such a file in ann_file'
            )
        array = mmcv.imfrombytes(fileio.get(str(path)), flag='unchanged', backend='cv2')
        if array is None or array.shape != size:
            found = 'it cannot be read' if array is None else f'it has the shape {array.shape}'
            raise ValueError(f'{path}: expected one channel of the shape of the image, {size}, but {found}')
        values: npt.NDArray[Any] = array if array.dtype == np.uint8 else array.astype(np.float32)
        if not np.isfinite(values).all():
            raise ValueError(f'{path}: expected finite numbers, got NaN or inf: fill the pixels that the sensor missed')
        return values

    def __repr__(self) -> str:
        return f'{type(self).__name__}(key={self.key!r}, folder={self.folder!r}, suffix={self.suffix!r})'
