"""Point blots in the pipeline, computed once per image and moved with it."""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS

from ...files import whole_file
from ...functional import point_blots
from ...functional.checks import check_integer
from ...structures.sample import LabelMap, Sample, moved

KEY: Final = 'point_blots'
# Part of every cache key: increase it if the same settings give other blots.
_VERSION = 1
_DEFAULTS = {
    name: parameter.default
    for name, parameter in inspect.signature(point_blots).parameters.items()
    if parameter.default is not parameter.empty and name != 'rng'
}


@TRANSFORMS.register_module()
class LoadPointBlots(BaseTransform):
    """Add the point blots of the original image, which move with the image like a dense mask.

    See :func:`mmseg_wsss.functional.point_blots`. Put it right after ``LoadWeakAnnotations``, so that blots are
    computed before the image is changed. They are stored on disk under a name made from the image, its points, the
    settings and the seed, and are computed again if any of these changes; any number of workers may share a folder. The
    first epoch takes about half a second more per image in a data worker; ``wsss blots CONFIG`` computes all of them
    beforehand.

    ``PackWeakSegInputs(maps=['point_blots'])`` passes them to the losses. Outside the original image they have the
    value with which rotation fills dense masks: ``PMPLoss`` also uses the validity.

    Required keys: ``img``, ``weak_annotations``, ``weak_frames``.

    Added keys: ``point_blots`` (H, W) uint8, 255 outside all blots; its name in ``seg_fields``.

    Args:
        cache_dir: Folder of the cache; None means that blots are computed every time.
        settings: Settings of ``point_blots`` that differ from its defaults, such as ``dict(num_iters=3, beta=300.0)``.
        seed: Seed of the perturbations, which differ between images.

    Raises:
        ValueError: If a setting is unknown or out of range.
    """

    def __init__(self, cache_dir: str | None, settings: Mapping[str, Any] | None = None, seed: int = 0) -> None:
        settings = dict(settings or {})
        unknown = sorted(set(settings) - set(_DEFAULTS))
        if unknown:
            raise ValueError(f'unknown settings of point_blots {unknown}: choose from {", ".join(_DEFAULTS)}')
        check_integer(seed, 'seed', least=0)
        point_blots(np.zeros((1, 1)), np.zeros((0, 2)), np.zeros(0, dtype=int), **settings)  # checks their ranges
        self.cache_dir = None if cache_dir is None else Path(cache_dir)
        self.settings = {**_DEFAULTS, **settings}
        self.seed = seed

    def transform(self, results: Sample) -> Sample:
        """Add the blots.

        Raises:
            ValueError: If the labels have not been loaded, or the image has moved.
        """
        if moved(results):
            raise ValueError(
                'LoadPointBlots works on the original image and its points: put it right after LoadWeakAnnotations'
            )
        results[KEY] = self.load(results)
        results.setdefault('seg_fields', []).append(KEY)
        return results

    def load(self, results: Sample) -> LabelMap:
        """Return the blots of an image, from the cache if possible."""
        labels = results['weak_annotations']
        key = self._key(results['img'], labels.points, labels.point_labels)
        path = None if self.cache_dir is None else self.cache_dir / f'{key}.png'
        cached = None if path is None else _read(path)
        if cached is not None and cached.shape == results['img'].shape[:2]:
            return cached
        blots = point_blots(
            results['img'],
            labels.points + 0.5,
            labels.point_labels,
            rng=np.random.default_rng([self.seed, int(key[:16], 16)]),
            **self.settings,
        )
        if path is not None:
            with whole_file(path, many_writers=True) as file:  # workers may make the same blots at once
                file.write(cv2.imencode('.png', blots)[1].tobytes())
        return blots

    def _key(self, image: npt.NDArray[Any], points: npt.NDArray[Any], labels: npt.NDArray[Any]) -> str:
        """Return a name of the content that the blots depend on."""
        facts = {'version': _VERSION, 'seed': self.seed, 'shape': image.shape, 'type': str(image.dtype)}
        digest = hashlib.blake2b(json.dumps({**facts, **self.settings}, sort_keys=True).encode(), digest_size=16)
        for array in (image, points, labels):
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()

    def __repr__(self) -> str:
        return f'{type(self).__name__}(cache_dir={self.cache_dir}, settings={self.settings}, seed={self.seed})'


def _read(path: Path) -> LabelMap | None:
    """Return the content of a file, or None if it is missing or damaged."""
    if not path.exists():
        return None
    encoded = np.frombuffer(path.read_bytes(), np.uint8)
    image = cv2.imdecode(encoded, cv2.IMREAD_GRAYSCALE) if len(encoded) else None
    return None if image is None else image.astype(np.uint8, copy=False)
