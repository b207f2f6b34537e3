"""Draw the labels of a file on their photos, before there is any config: ``wsss browse LABELS --images DIR``."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ._labels import suffix_in

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ..structures import WeakLabelSet


def labelled_photos(
    labels: Path, images: Path, number: int, worst: Path | None = None, classes: Sequence[str] | None = None
) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """Yield names of photos and drawings of their labels.

    Args:
        labels: Labels in any format that is recognised.
        images: Folder of the photos.
        number: How many to draw: evenly spread, or the worst.
        worst: Work dir of a run, by whose last validation images are sorted, the worst first.
        classes: Class names, for formats that do not name them.

    Raises:
        ValueError: If none of the images can be drawn.
    """
    from ..datasets.formats.index_png import load_index_image
    from ..datasets.image_checks import spread
    from ..datasets.own_data.gathering import make_palette
    from ..datasets.own_data.reading import read_any
    from ..visualization.raw_labels import draw_raw_labels

    with tempfile.TemporaryDirectory() as outlines:  # of outlines, as masks
        found = read_any(labels, classes, suffix_in(images), Path(outlines), images).labels
        there = [key for key, entry in found.images.items() if (images / entry.file_name).is_file()]
        if not there:
            raise ValueError(f'none of the {len(found.images)} images of {labels} is in {images}: check --images')
        if len(there) < len(found.images):
            first = next(entry.file_name for key, entry in found.images.items() if key not in there)
            missing = len(found.images) - len(there)
            print(f'left out: {missing} of {len(found.images)} images that are not in {images} (first: {first})')
        palette = found.palette or make_palette(len(found.classes))
        scores = {} if worst is None else worst_scores(found, worst)
        existing = set(there)
        chosen = spread(there, number) if worst is None else [key for key in scores if key in existing][:number]
        if not chosen:
            raise ValueError(f'none of the images in the validation of {worst} is in {images}: check --images')
        for key in chosen:
            entry = found.images[key]
            one = entry.annotations
            photo = read_photo(images / entry.file_name)
            mask = None if one.mask_path is None else load_index_image(one.mask_path)
            name = f'{entry.file_name}  IoU {scores[key]:.1f}' if key in scores else entry.file_name
            drawn = draw_raw_labels(photo, one, classes=found.classes, palette=palette, name=name, mask=mask)
            yield entry.file_name, drawn


def worst_scores(labels: WeakLabelSet, run: Path) -> dict[str, float]:
    """Return the IoU of images in the last validation of a run by image id, the worst first.

    Raises:
        ValueError: If the run has no validation, or not of these images.
    """
    from ..engine.validation_record import read_record

    record = read_record(run)
    if record is None:
        raise ValueError(f'{run} has no validation/scores.json: --worst needs the work dir of a run with a validation')
    scores = {Path(name).with_suffix('').as_posix(): score for name, score in record.images.items()}
    names = Counter(Path(name).name for name in (*scores, *labels.images))
    bare = {Path(name).name: score for name, score in scores.items()}
    # If the folders differ, by the name alone, where only one image has it.
    known = {key: scores[key] for key in labels.images if key in scores} or {
        key: bare[Path(key).name] for key in labels.images if names[Path(key).name] == 2 and Path(key).name in bare
    }
    if not known:
        raise ValueError(f'none of the {len(scores)} images in the validation of {run} has labels in this file')
    return dict(sorted(known.items(), key=lambda item: item[1]))


def read_photo(path: Path) -> NDArray[np.uint8]:
    """Return a photo as it is shown: after its EXIF orientation, and 16 bits by percentiles."""
    import numpy as np
    from PIL import Image, ImageOps

    from ..datasets.formats.picture_files import PICTURE_ERRORS
    from ..datasets.transforms.load_deep_image import read_bands
    from ..visualization.raw_labels import shown_photo

    try:
        with Image.open(path) as opened:
            if opened.mode in ('1', 'L', 'P', 'RGB', 'RGBA', 'CMYK', 'YCbCr'):
                return np.array(ImageOps.exif_transpose(opened).convert('RGB'))
    except PICTURE_ERRORS:
        pass  # such as a TIFF file of five bands
    return shown_photo(read_bands(path.read_bytes(), str(path)))
