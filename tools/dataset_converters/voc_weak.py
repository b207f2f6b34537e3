r"""The sample of PASCAL VOC of docs/results.md, from the official archives.

.. code-block:: bash

    python tools/dataset_converters/voc_weak.py VOCdevkit/VOC2012 --sbd benchmark_RELEASE \
        --clicks GatedCRFLoss/datasets -o data/voc_weak
    python tools/dataset_converters/voc_weak.py --check data/voc_weak   # which files are not those that were measured

docs/how_to/sample_data.md names the archives.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from _files import report, save_labels
from defusedxml.ElementTree import parse
from PIL import Image
from scipy.io import loadmat

from mmseg_wsss.datasets.class_sets import CLASS_SETS

SUMS = Path(__file__).parent / 'voc_weak'
SPLITS = ('train', 'val', 'train_aug')
CLASSES = CLASS_SETS['voc']['classes']
LONGER_SIDE = 320
CLICKS = ('voc_whats_the_point.json', 'voc_whats_the_point_bg_from_scribbles.json')
Size = tuple[int, int]  # width, height


def main() -> None:
    """Read the command line, then write or check the folder."""
    parser = argparse.ArgumentParser(description='Lay out the sample of PASCAL VOC of docs/results.md')
    parser.add_argument('voc', nargs='?', type=Path, help='VOCdevkit/VOC2012 of VOCtrainval_11-May-2012.tar')
    parser.add_argument('--sbd', type=Path, help='benchmark_RELEASE of benchmark.tgz (SBD)')
    parser.add_argument('--clicks', type=Path, help=f'folder with {CLICKS[0]} and {CLICKS[1]}')
    parser.add_argument('-o', '--output', type=Path, help='folder to write, for VOC_WEAK_ROOT')
    parser.add_argument('--check', type=Path, metavar='FOLDER', help='only check the sums of a folder')
    parser.add_argument('--ids', type=Path, default=SUMS, help='folder with the lists of ids (default: the sample)')
    args = parser.parse_args()
    if args.check:
        report(args.check, args.ids)
        return
    if None in (args.voc, args.sbd, args.clicks, args.output):
        parser.error('VOC, --sbd, --clicks and -o are needed, or --check')
    for path in (args.voc / 'JPEGImages', args.voc / 'SegmentationClass', args.voc / 'Annotations'):
        if not path.is_dir():
            parser.error(f'{path} is not a folder: give the folder VOCdevkit/VOC2012 of the archive of VOC 2012')
    for path in (args.sbd / 'dataset/cls', *(args.clicks / name for name in CLICKS)):
        if not path.exists():
            parser.error(f'{path} does not exist: docs/how_to/sample_data.md names the archives')
    write_sample(args.voc, args.sbd, args.clicks, args.output, args.ids)
    if (args.ids / 'sums.txt').is_file():
        report(args.output, args.ids)


def write_sample(voc: Path, sbd: Path, clicks: Path, output: Path, ids: Path = SUMS) -> None:
    """Write photographs, masks, boxes, clicks, tags and the lists of ids.

    Args:
        voc: The folder of VOC 2012.
        sbd: The folder of SBD, whose masks are those of the photographs without a mask in VOC.
        clicks: The folder with the two files of clicks.
        output: The folder to write.
        ids: The folder with ``train.txt``, ``val.txt`` and ``train_aug.txt``.
    """
    lists = {split: (ids / f'{split}.txt').read_text() for split in SPLITS}
    names = sorted({name for text in lists.values() for name in text.split()})
    sizes, tags = {}, []
    for name in names:
        sizes[name] = write_photo(voc / f'JPEGImages/{name}.jpg', output / f'JPEGImages/{name}.jpg')
        mask = read_mask(voc, sbd, name, sizes[name][0])
        save_labels(output / f'SegmentationClass/{name}.png', shrink(mask, sizes[name][1]), palette())
        tags.append(write_boxes(voc / f'Annotations/{name}.xml', output, name, *sizes[name]))
    for file in CLICKS:
        given = json.loads((clicks / file).read_text())
        scaled = {name: [scale_click(click, *sizes[name]) for click in given.get(name, [])] for name in names}
        write_text(output / 'points' / file, json.dumps(scaled, separators=(',', ':')))
    (output / 'labels').mkdir(parents=True, exist_ok=True)
    np.savez_compressed(output / 'labels/cls_labels.npz', ids=np.array(names), labels=np.array(tags, np.uint8))
    for split, text in lists.items():
        write_text(output / f'ImageSets/Segmentation/{split}.txt', text)


def reduced_size(size: Size) -> Size:
    """Return the size with a longer side of at most 320 px.

    >>> reduced_size((500, 333)), reduced_size((182, 250))
    ((320, 213), (182, 250))
    """
    factor = min(1.0, LONGER_SIDE / max(size))
    return round(size[0] * factor), round(size[1] * factor)


def write_photo(source: Path, target: Path) -> tuple[Size, Size]:
    """Write a reduced photograph and return both sizes."""
    with Image.open(source) as image:
        size = image.size
        reduced = reduced_size(size)
        small = image.convert('RGB')
    if reduced != size:
        small = small.resize(reduced, Image.Resampling.LANCZOS)
    target.parent.mkdir(parents=True, exist_ok=True)
    small.save(target, quality=87)
    return size, reduced


def read_mask(voc: Path, sbd: Path, name: str, size: Size) -> np.ndarray:
    """Return the class ids of VOC, or those of SBD for a photograph that has no mask in VOC."""
    official = voc / f'SegmentationClass/{name}.png'
    if official.is_file():
        with Image.open(official) as image:
            mask = np.array(image)
        source = official
    else:
        source = sbd / f'dataset/cls/{name}.mat'
        mask = loadmat(source, squeeze_me=True, struct_as_record=False)['GTcls'].Segmentation
    if mask.shape[::-1] != size:
        raise SystemExit(f'{source}: a mask of {mask.shape[::-1]} for a photograph of {size}: the archives do not fit')
    return mask


def shrink(mask: np.ndarray, size: Size) -> np.ndarray:
    """Return a mask of another size, by the nearest pixel."""
    return np.array(Image.fromarray(mask.astype(np.uint8)).resize(size, Image.Resampling.NEAREST))


def scale_click(click: dict, size: Size, reduced: Size) -> dict:
    """Return a click with its coordinates reduced, as x W / w, with two digits.

    >>> scale_click({'y': 168.05393258426966, 'x': 18.795505617977526, 'rank': 1}, (500, 328), (320, 210))
    {'y': 107.6, 'x': 12.03, 'rank': 1}
    """
    scaled = {axis: round(click[axis] * reduced[i] / size[i], 2) for i, axis in enumerate('xy')}
    return {key: scaled.get(key, value) for key, value in click.items()}


def scale_box(box: tuple[float, ...], size: Size, reduced: Size) -> tuple[int, ...]:
    """Return ``(xmin, ymin, xmax, ymax)`` reduced; VOC counts pixels from 1 and includes both ends.

    >>> scale_box((119, 12, 425, 375), (500, 375), (320, 240))
    (77, 8, 272, 240)
    """
    factors = [reduced[0] / size[0], reduced[1] / size[1]]
    low = [round((value - 1) * factor) + 1 for value, factor in zip(box[:2], factors, strict=True)]
    high = [round(value * factor) for value, factor in zip(box[2:], factors, strict=True)]
    return (*low, *high)


def write_boxes(source: Path, output: Path, name: str, size: Size, reduced: Size) -> list[int]:
    """Write the boxes that VOC does not call difficult, and return 1 for each of the 20 classes that has one."""
    objects, tags = '', [0] * (len(CLASSES) - 1)
    for item in parse(source).getroot().iter('object'):
        if item.findtext('difficult', '0').strip() == '1':
            continue
        kind = item.findtext('name', '').strip()
        given = tuple(float(item.findtext(f'bndbox/{key}')) for key in ('xmin', 'ymin', 'xmax', 'ymax'))
        xmin, ymin, xmax, ymax = scale_box(given, size, reduced)
        corners = f'<xmin>{xmin}</xmin><ymin>{ymin}</ymin><xmax>{xmax}</xmax><ymax>{ymax}</ymax>'
        objects += f'  <object><name>{kind}</name><bndbox>{corners}</bndbox></object>\n'
        tags[CLASSES.index(kind) - 1] = 1
    width, height = reduced
    text = (
        f'<annotation>\n  <folder>voc_weak</folder>\n  <filename>{name}.jpg</filename>\n'
        f'  <size><width>{width}</width><height>{height}</height><depth>3</depth></size>\n'
        f'  <segmented>1</segmented>\n{objects}</annotation>\n'
    )
    write_text(output / f'Annotations/{name}.xml', text)
    return tags


def palette() -> list[int]:
    """Return the 256 colours of VOC, whose bits are those of the class ids, three at a time."""
    label = np.arange(256)
    colours = np.zeros((256, 3), int)
    for bit in range(8):
        colours[:, bit % 3] |= (label >> bit & 1) << (7 - bit // 3)
    return colours.ravel().tolist()


def write_text(path: Path, text: str) -> None:
    """Write a file and its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


if __name__ == '__main__':
    main()
