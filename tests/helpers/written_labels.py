"""Labels of all kinds that tests write with a writer and read back with the reader of the same name."""

import numpy as np
from PIL import Image

from mmseg_wsss.datasets.formats import ReadReport, read_labels
from mmseg_wsss.datasets.index_file import FolderIndex
from mmseg_wsss.datasets.pseudo_label_files import write_index, write_pseudo_label
from mmseg_wsss.datasets.writers import WRITERS, WriteSettings
from mmseg_wsss.structures import ImageEntry, WeakAnnotations, WeakLabelSet

CLASSES = ('background', 'crop', 'weed')
PALETTE = ((0, 0, 0), (0, 128, 0), (200, 0, 0))
WIDTH, HEIGHT = 173, 131


def scene():
    """A disk with a hole, in which another class lies, and a ring of unlabelled pixels."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    left, right = np.hypot(rows - 60, columns - 60), np.hypot(rows - 70, columns - 130)
    disk = np.select([left < 9, left < 20, left < 45], [2, 0, 1], 0)
    return np.select([right < 25, right < 31], [2, 255], disk).astype(np.uint8)


def all_kinds(folder):
    """One image with every kind, one with a mask of background alone, one with tags alone, one without labels."""
    folder.mkdir(parents=True, exist_ok=True)
    Image.fromarray(scene()).save(folder / 'a.png')
    Image.fromarray(np.zeros((4, 5), np.uint8)).save(folder / 'b.png')
    every = WeakAnnotations(
        points=[[3.25, 5], [0, 130]],
        point_labels=[1, 0],
        polylines=([[1.75, 2], [30, 4], [31, 9.75]], [[7, 8]]),
        polyline_labels=[2, 0],
        boxes=[[3, 4, 20, 30.5], [7, 7, 7, 7]],
        box_labels=[1, 2],
        tags=(1, 2),
        mask_path=str(folder / 'a.png'),
    )
    images = {
        'field/a 1': ImageEntry('field/a 1.jpg', WIDTH, HEIGHT, every),
        'b': ImageEntry('b.png', 5, 4, WeakAnnotations(mask_path=str(folder / 'b.png'))),
        'c': ImageEntry('c.jpg', 9, 8, WeakAnnotations(tags=(2,))),
        'd': ImageEntry('d.jpg', 9, 8),
    }
    return WeakLabelSet(CLASSES, PALETTE, images)


def pseudo_labels(folder):
    """A folder of pseudo-labels with one image."""
    mask = scene()
    write_pseudo_label(folder, 'field/a', mask, np.ones(mask.shape), PALETTE)
    image = {'file_name': 'field/a.png', 'width': mask.shape[1], 'height': mask.shape[0]}
    write_index(folder, FolderIndex(CLASSES, PALETTE, {'field/a': image}, {}))


def round_trip(tmp_path, name, output, labels=None, settings=None, **options):
    """Write labels, and return what the reader makes of them, by image id, with the report of the writer."""
    settings = settings or WriteSettings()
    WRITERS[name].write(labels or all_kinds(tmp_path / 'in'), output, settings)
    report = ReadReport()
    found = read_labels({'format': name, 'path': str(output), **options}, CLASSES, report=report)
    assert report.lines() == []
    return found.images, settings.report


def assert_every_kind_comes_back(tmp_path, name, output, shapes, least, sizeless=(), **options):
    """Write labels of all kinds and read them again.

    Args:
        tmp_path: Folder of the test.
        name: Format.
        output: File or folder to write.
        shapes: Shapes of masks.
        least: The lowest IoU of the mask that may come back.
        sizeless: Images whose size the format does not keep.
        **options: Options of the reader.
    """
    labels = all_kinds(tmp_path / 'in')
    options['masks'] = str(tmp_path / 'masks')
    found, report = round_trip(tmp_path, name, output, labels, WriteSettings(shapes=shapes), **options)
    assert sorted(found) == sorted(labels.images)
    for key, entry in labels.images.items():
        size = None if key in sizeless else entry.size
        assert (found[key].file_name, found[key].size) == (entry.file_name, size)
        assert_same_shapes(found[key].annotations, entry.annotations)
    assert worst_iou(mask_of(found['field/a 1']), scene()) >= least
    assert mask_of(found['b']).max() == 0
    assert found['d'].annotations.mask_path is None
    assert report.lines() == []


def mask_of(entry):
    return np.asarray(Image.open(entry.annotations.mask_path))


def assert_same_shapes(found, expected):
    """Clicks, scribbles and boxes are the same numbers; a scribble of one vertex may have it twice."""
    np.testing.assert_allclose(found.points, expected.points, rtol=0, atol=1e-9)
    np.testing.assert_allclose(found.boxes, expected.boxes, rtol=0, atol=1e-9)
    for line, own in zip(found.polylines, expected.polylines, strict=True):
        np.testing.assert_allclose(line, np.repeat(own, 2, axis=0) if len(own) == 1 else own, rtol=0, atol=1e-9)
    for kind in ('point_labels', 'polyline_labels', 'box_labels'):
        assert getattr(found, kind).tolist() == getattr(expected, kind).tolist()
    assert found.tags == expected.tags


def worst_iou(found, expected):
    """The lowest IoU of all values of a mask, 255 among them."""
    shares = []
    for value in np.unique(expected):
        one, two = found == value, expected == value
        shares.append((one & two).sum() / (one | two).sum())
    return min(shares)
