"""Pictures of class activation maps over their photos."""

from __future__ import annotations

from pathlib import Path

import mmcv
import numpy as np
from mmengine.config import Config
from mmengine.dist import barrier
from mmengine.registry import init_default_scope

from ..datasets.workers import each
from ..structures import Sample
from ..visualization.heat_maps import draw_heat_maps
from ..visualization.panels import Image
from .images import prediction_dataset
from .label_folder import missing_indices, names_of
from .refined_cams import CAMReader, full_size_cams

FOLDER = 'overlays'


def write_cam_overlays(
    cfg: Config, cams: str | Path, folder: str | Path, *, split: str = 'train', opacity: float = 0.5, workers: int = 1
) -> int:
    """Draw the photo of every image and its maps, as heat maps over the photo with the names of their classes.

    Papers on such maps show these pictures. Blue is 0, red is 1; each map has been divided by its maximum. The images
    are divided among the processes.

    Args:
        cfg: Config of the data.
        cams: The folder of the maps; see :mod:`mmseg_wsss.datasets.cam_files`.
        folder: The folder to write ``overlays/<image id>.jpg`` to.
        split: The data set of the maps, ``'train'``, ``'val'`` or ``'test'``.
        opacity: Opacity of the heat maps, in [0, 1].
        workers: Same as in :class:`~mmseg_wsss.datasets.workers.WorkerSettings`.

    Returns:
        The number of pictures.

    Raises:
        FileNotFoundError: If maps are missing.
        ValueError: If maps and data set do not match, or the opacity is out of range.
    """
    init_default_scope(cfg.get('default_scope', 'mmseg'))
    reader = CAMReader(prediction_dataset(cfg, split), cams)
    dataset = reader.dataset

    def draw(index: int) -> None:
        info = dataset.get_data_info(index)
        picture = draw_cam_overlays(reader, info, opacity=opacity)
        path = Path(folder) / FOLDER / f'{names_of(info, dataset)[0]}.jpg'
        mmcv.imwrite(picture[..., ::-1], str(path))

    for _ in each(draw, missing_indices(dataset), workers=workers, title='overlays'):
        pass
    barrier()
    return len(dataset)


def draw_cam_overlays(reader: CAMReader, info: Sample, *, opacity: float = 0.5) -> Image:
    """Return the picture of one image, RGB (h, w, 3) uint8.

    Args:
        reader: Reader of the folder of the maps.
        info: The ``get_data_info`` of the image.
        opacity: Opacity of the heat maps.
    """
    image = reader.image(info)
    cams = reader.cams(info, image)
    photo = np.ascontiguousarray((image[0] * 255).round().byte().permute(1, 2, 0).numpy())
    names = [reader.dataset.metainfo['classes'][index] for index in cams.classes.tolist()]
    heats = dict(zip(names, full_size_cams(cams)[0].numpy(), strict=True))
    return draw_heat_maps(photo, heats, opacity=opacity)
