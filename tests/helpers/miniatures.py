"""Made-up data of a few small images in the layouts of the data sets that the configs name."""

import json
from pathlib import Path

import numpy as np
from PIL import Image

from mmseg_wsss.datasets.class_sets import CLASS_SETS
from mmseg_wsss.datasets.pseudo_label_files import FolderIndex, write_index, write_pseudo_label
from mmseg_wsss.labelling.label_folder import make_index, names_of

SIZE = (44, 40)  # (width, height)
BOX = (8, 10, 23, 29)  # of the one object of an image: first and last column and row, from 0
PHOTOS = {'2007_000001': 'cat', '2007_000002': 'horse', '2007_000003': 'dog', '2007_000004': 'person'}
SPLITS = {
    'train': ['2007_000001', '2007_000002'],
    'train_aug': ['2007_000001', '2007_000002', '2007_000003'],
    'val': ['2007_000003', '2007_000004'],
    'test': ['2008_000005'],  # a photo without any annotation
}
PERSON = 11  # train id of Cityscapes


def write_miniatures(root: Path) -> dict[str, str]:
    """Write all of them and return the environment that leads configs to them."""
    writers = (write_voc, write_cityscapes, write_acdc, write_coco, write_inria, write_craid, write_voc_pseudo_labels)
    for write in writers:
        write(root)
    return {
        'VOC_ROOT': str(root / 'voc'),
        'VOC_WEAK_ROOT': str(root / 'voc'),
        'CITYSCAPES_ROOT': str(root / 'cityscapes'),
        'ACDC_ROOT': str(root / 'acdc'),
        'ACDC_POINTS': str(root / 'acdc/points.json'),
        'COCO_ROOT': str(root / 'coco'),
        'INRIA_ROOT': str(root / 'inria'),
        'CRAID_ROOT': str(root / 'craid'),
        'PSEUDO_LABEL_ROOT': str(root / 'pseudo_labels'),
    }


def write_voc(root: Path) -> None:
    """VOC2012 with clicks (What's the Point), scribbles (ScribbleSup), SBD masks and points from boxes."""
    voc, names = root / 'voc', CLASS_SETS['voc']['classes']
    clicks, background, points = {}, {}, {}
    for number, (key, name) in enumerate(PHOTOS.items()):
        label = names.index(name)
        save(voc / f'JPEGImages/{key}.jpg', photo(number))
        for folder in ('SegmentationClass', 'SegmentationClassAug'):
            save(voc / f'{folder}/{key}.png', mask(label))
        save_text(voc / f'Annotations/{key}.xml', voc_xml(name))
        save_text(voc / f'scribbles/{key}.xml', scribble_xml(name))
        clicks[key] = [{'x': 15.5, 'y': 20.25, 'cls': label, 'rank': 1}]
        background[key] = [{'x': 2.0, 'y': 3.0, 'cls': 0}]
        points[f'{key}.jpg'] = {'points': [click(15, 20, label), click(2, 3, 0)]}
    (key,) = SPLITS['test']
    save(voc / f'JPEGImages/{key}.jpg', photo(len(PHOTOS)))
    for split, keys in SPLITS.items():
        save_text(voc / f'ImageSets/Segmentation/{split}.txt', ''.join(f'{key}\n' for key in keys))
    save_text(voc / 'points/voc_whats_the_point.json', json.dumps(clicks))
    save_text(voc / 'points/voc_whats_the_point_bg_from_scribbles.json', json.dumps(background))
    save_text(voc / 'points/box_centres.json', weak_labels('voc', points))


def write_cityscapes(root: Path) -> None:
    """Train and validation images of one city, with the clicks and points that ``wsss convert`` would write."""
    folder = root / 'cityscapes'
    points: dict[str, dict[str, str]] = {'train': {}, 'val': {}}
    for split, number in (('train', 0), ('train', 1), ('val', 2)):
        key = f'ulm/ulm_{number:06d}_000019'
        save(folder / f'leftImg8bit/{split}/{key}_leftImg8bit.png', photo(number))
        save(folder / f'gtFine/{split}/{key}_gtFine_labelTrainIds.png', mask(PERSON))
        points[split][f'{key}_leftImg8bit.png'] = {'points': [click(15, 20, PERSON), click(2, 3, 0)]}
    save_text(folder / 'weak_labels.json', weak_labels('cityscapes', points['train']))
    classes = [{'name': 'background'}, {'name': 'person'}]
    for split, names in points.items():
        persons = {name: {'points': [click(15, 20, 1), click(2, 3, 0)]} for name in names}
        save_text(folder / f'person_points_{split}.json', weak_labels(classes, persons))


def write_acdc(root: Path) -> None:
    """Grey slices with painted scribbles, and these reduced to points."""
    folder = root / 'acdc'
    painted = np.full(SIZE[::-1], 255, np.uint8)
    painted[20, 10:20], painted[3, 2:40] = 2, 0
    names = ('background', 'right ventricle', 'myocardium', 'left ventricle')
    for split in ('train', 'val'):
        for number in range(2):
            save(folder / f'img_dir/{split}/{number}.jpg', photo(number)[..., 0])
            save(folder / f'ann_dir/{split}/{number}.png', mask(2))
            save(folder / f'scribble_dir/{split}/{number}.png', painted)
    points = {f'{number}.jpg': {'points': [click(15, 20, 2), click(2, 3, 0)]} for number in range(2)}
    save_text(folder / 'points.json', weak_labels([{'name': name} for name in names], points))


def write_coco(root: Path) -> None:
    """Instances of train2017 and photos of val2017: a class that VOC has not, one that it has, masks of the former."""
    folder, names = root / 'coco', ('person', 'zebra')
    left, top, right, bottom = BOX
    images, annotations = [], []
    for number, name in enumerate(names, start=1):
        file_name = f'{number:012d}.jpg'
        save(folder / f'train2017/{file_name}', photo(number))
        label = CLASS_SETS['coco60']['classes'].index(name) if name == 'zebra' else 0
        save(folder / f'masks_coco60/{number:012d}.png', mask(label))
        save(folder / f'val2017/{file_name}', photo(number))
        save(folder / f'masks_coco60_val/{number:012d}.png', mask(label))
        images.append({'id': number, 'file_name': file_name, 'width': SIZE[0], 'height': SIZE[1]})
        bbox = [left, top, right - left + 1, bottom - top + 1]
        annotations.append({'id': number, 'image_id': number, 'category_id': number, 'bbox': bbox, 'iscrowd': 0})
    categories = [{'id': number, 'name': name} for number, name in enumerate(names, start=1)]
    content = {'images': images, 'annotations': annotations, 'categories': categories}
    save_text(folder / 'annotations/instances_train2017.json', json.dumps(content))
    save_text(folder / 'val2017_coco60.txt', ''.join(f'{number:012d}\n' for number in (1, 2)))


def write_inria(root: Path) -> None:
    """Tiles and points as ``wsss convert inria`` writes them."""
    folder = root / 'inria'
    for number, split in enumerate(('train', 'val')):
        save(folder / f'images/{split}_0_0.png', photo(number))
        save(folder / f'masks/{split}_0_0.png', mask(1))
        save_text(folder / f'{split}.txt', f'{split}_0_0\n')
    points = {'train_0_0.png': {'points': [click(15, 20, 1), click(2, 3, 0)]}}
    classes = [{'name': 'background'}, {'name': 'building'}]
    save_text(folder / 'weak_labels.json', weak_labels(classes, points))


def write_craid(root: Path) -> None:
    """Photos of berries with painted points for training and a full mask for evaluation."""
    folder = root / 'craid'
    for name in ('train_0', 'val_0'):
        save(folder / f'images/{name}.png', photo(0))
    points = np.zeros((SIZE[1], SIZE[0]), dtype=np.uint8)
    points[20, 15], points[3, 2] = 1, 2
    save(folder / 'train/PointsClass/train_0.png', points)
    save(folder / 'val/SegmentationClass/val_0.png', mask(1))
    save_text(folder / 'val.txt', 'val_0\n')


def write_voc_pseudo_labels(root: Path) -> None:
    """Pseudo-labels of train_aug."""
    names, palette = CLASS_SETS['voc']['classes'], CLASS_SETS['voc']['palette']
    images = {}
    for key in SPLITS['train_aug']:
        labels = mask(names.index(PHOTOS[key]))
        write_pseudo_label(root / 'pseudo_labels', key, labels, np.ones(labels.shape), palette)
        images[key] = {'file_name': f'{key}.jpg', 'width': SIZE[0], 'height': SIZE[1]}
    colours = tuple(tuple(colour) for colour in palette)
    write_index(root / 'pseudo_labels', FolderIndex(tuple(names), colours, images, {}))


def write_labels_of(dataset, folder: Path) -> None:
    """Write pseudo-labels of the images of a data set, as a stage would."""
    classes = len(dataset.metainfo['classes'])
    images = {}
    for index in range(len(dataset)):
        info = dataset.get_data_info(index)
        key, file_name = names_of(info, dataset)
        width, height = info.get('weak_label_size', SIZE)
        labels = np.zeros((height, width), np.int64)
        labels[height // 4 : height // 2, width // 4 : width // 2] = 1 + index % (classes - 1)
        write_pseudo_label(folder, key, labels, np.ones(labels.shape), dataset.metainfo['palette'])
        images[key] = {'file_name': file_name, 'width': width, 'height': height}
    write_index(folder, make_index(dataset, images, {}))


def photo(number: int) -> np.ndarray:
    """An RGB picture of noise."""
    return np.random.default_rng(number).integers(0, 256, (SIZE[1], SIZE[0], 3), dtype=np.uint8)


def mask(label: int) -> np.ndarray:
    """Background with one object in the box, and a rim of unlabelled pixels around it."""
    left, top, right, bottom = BOX
    labels = np.zeros(SIZE[::-1], np.uint8)
    labels[top - 1 : bottom + 2, left - 1 : right + 2] = 255
    labels[top : bottom + 1, left : right + 1] = label
    return labels


def click(x: int, y: int, label: int) -> dict[str, int]:
    return {'x': x, 'y': y, 'class': label}


def weak_labels(classes, images) -> str:
    """The text of ``weak_labels.json``."""
    if isinstance(classes, str):
        classes = [{'name': name} for name in CLASS_SETS[classes]['classes']]
    entries = [{'file_name': name, 'width': SIZE[0], 'height': SIZE[1], **labels} for name, labels in images.items()]
    return json.dumps({'version': 1, 'classes': classes, 'images': entries})


def voc_xml(name: str) -> str:
    """A file of ``Annotations``; VOC counts pixels from 1."""
    corners = zip(('xmin', 'ymin', 'xmax', 'ymax'), BOX, strict=True)
    box = ''.join(f'<{key}>{value + 1}</{key}>' for key, value in corners)
    size = f'<size><width>{SIZE[0]}</width><height>{SIZE[1]}</height><depth>3</depth></size>'
    return f'<annotation>{size}<object><name>{name}</name><bndbox>{box}</bndbox></object></annotation>'


def scribble_xml(name: str) -> str:
    """A file of ScribbleSup: a line on the object and one on the background."""
    lines = {name: ((10, 20), (15, 22), (20, 20)), 'background': ((1, 1), (30, 4))}
    polygons = ''
    for tag, vertices in lines.items():
        points = ''.join(f'<point><X>{x}</X><Y>{y}</Y></point>' for x, y in vertices)
        polygons += f'<polygon><tag>{tag}</tag>{points}</polygon>'
    return f'<annotation><size>{SIZE[0]},{SIZE[1]}</size>{polygons}</annotation>'


def save(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def save_text(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def noisy_photo(value=90, size=(48, 64), dtype=np.uint8):
    """A picture of noise around a value, (H, W, 3)."""
    noise = np.random.default_rng(0).integers(0, 80, (*size, 3))
    return (noise + value).astype(dtype)
