"""Label files of tools that are not read, and what to do with them instead."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .recognition import columns_of, json_with, sample_text, some_files, xml_with

COCO = 'export it as COCO'
DATUMARO = 'convert it to COCO, for example with Datumaro'
TABLE = 'write its boxes as CSV, which table_csv reads'
UNPACK = 'unpack it, and give the folder or the file in it'
LIST = '['


@dataclass(frozen=True)
class Foreign:
    """One kind of file that is not read.

    Args:
        title: What it is.
        advice: What to do instead.
        recognise: Whether a file is of this kind; it does not raise an error.
    """

    title: str
    advice: str
    recognise: Callable[[Path], bool]


def _ends(*suffixes: str) -> Callable[[Path], bool]:
    return lambda path: path.name.lower().endswith(suffixes) and os.path.isfile(path)


def _json(*keys: str, without: tuple[str, ...] = (), first: str = '{') -> Callable[[Path], bool]:
    return lambda path: json_with(path, *keys, without=without, first=first)


def _any(*recognise: Callable[[Path], bool]) -> Callable[[Path], bool]:
    return lambda path: any(one(path) for one in recognise)


def _lines(pattern: str) -> Callable[[Path], bool]:
    """Whether a line of a text file has a form."""
    return lambda path: any(re.fullmatch(pattern, line.strip()) for line in sample_text(path).splitlines()[:20])


def _columns(*names: str) -> Callable[[Path], bool]:
    return lambda path: {*map(str.lower, columns_of(path))}.issuperset(names)


FOREIGN = (
    Foreign('a medical volume (NIfTI)', 'write its slices as PNG or TIFF, and masks as PNG', _ends('.nii', '.nii.gz')),
    Foreign('DICOM', 'write its images as PNG or TIFF, and masks as PNG', _ends('.dcm', '.dicom')),
    Foreign(
        'Parquet, as Hugging Face has it',
        'write its images as files (datasets.load_dataset reads it), masks as PNG of class ids, and boxes as CSV',
        _ends('.parquet'),
    ),
    Foreign('HDF5, as of ilastik', 'export its labels as PNG of class ids', _ends('.h5', '.hdf5', '.ilp')),
    Foreign('an archive', UNPACK, _ends('.zip', '.tar', '.gz', '.tgz', '.rar', '.7z')),
    Foreign('a file of MATLAB', 'write its masks as PNG of class ids, or its points as CSV', _ends('.mat')),
    Foreign('records of TensorFlow', COCO, _ends('.tfrecord', '.record', '.tfrecords')),
    Foreign(
        'a region of ImageJ',
        'save the points of an image as CSV (Analyze > Measure), which points_per_image reads, or paint a mask as PNG',
        lambda path: path.suffix.lower() == '.roi' or sample_text(path).startswith('Iout'),
    ),
    Foreign(
        'an export of Label Studio before 1.0',
        'replace "completions" by "annotations" in it; then label_studio reads it',
        _json('data', 'completions', first='[{'),
    ),
    Foreign(
        'JSON-MIN of Label Studio',
        'export the project as JSON, which label_studio reads',
        _json('annotation_id', 'annotator', without=('annotations',), first=LIST),
    ),
    Foreign(
        'CSV of Label Studio',
        'export the project as JSON, which label_studio reads',
        _columns('annotation_id', 'annotator'),
    ),
    Foreign(
        'a project of VIA 3',
        'only projects and JSON of VIA 2 are read (via)',
        _json('project', 'attribute', 'metadata', 'view'),
    ),
    Foreign(
        'CSV of VIA',
        'export the annotations as JSON, or give the project, which via reads',
        _columns('region_shape_attributes', 'region_attributes'),
    ),
    Foreign('annotations of Supervisely', COCO, _json('classTitle', 'geometryType')),
    Foreign('annotations of Darwin (V7)', COCO, _any(_json('item', 'slot_names'), _json('image', 'original_filename'))),
    Foreign('labels of Encord', COCO, _json('label_hash', 'data_units', first='[{')),
    Foreign('annotations of SuperAnnotate', COCO, _json('metadata', 'instances')),
    Foreign('an export of Hasty', COCO, _json('label_classes', 'images')),
    Foreign('an export of FiftyOne', COCO, _json('samples', '_cls')),
    Foreign('a release of Segments.ai', COCO, _json('samples', 'dataset', 'task_type')),
    Foreign('tasks of Scale', TABLE, _json('task_id', 'params', 'response', first='[{')),
    Foreign('annotations of ISAT', COCO, _json('info', 'objects', 'layer')),
    Foreign('a manifest of SageMaker', TABLE, _json('source-ref')),
    Foreign('an export of Kili', f'{COCO} or YOLO', _json('jsonResponse', first='[{')),
    Foreign('an export of Labelbox', DATUMARO, _any(_json('data_row', first='[{'), _json('DataRow ID', first='[{'))),
    Foreign('CreateML JSON', COCO, _json('image', 'annotations', 'coordinates', first=LIST)),
    Foreign('a project of VoTT', 'export it as Pascal VOC, which voc_xml reads', _json('asset', 'regions')),
    Foreign('masks of SA-1B', DATUMARO, _json('predicted_iou', 'point_coords')),
    Foreign('annotations of Datumaro', 'convert them to COCO: datum convert -f coco', _json('items', 'label_id')),
    Foreign(
        'polygons of Cityscapes',
        'read its PNGs: convert index_png --suffix _gtFine_labelIds.png, or convert cityscapes-clicks',
        _json('imgHeight', 'imgWidth', 'polygon'),
    ),
    Foreign('labels of BDD100K', DATUMARO, lambda path: _json('name', 'labels', 'category', first='[{')(path)),
    Foreign(
        'detections in the form of COCO, without images and classes',
        'give the file of annotations that they belong to',
        _json('image_id', 'category_id', 'score', without=('images',), first=LIST),
    ),
    Foreign(
        'annotations of LVIS',
        'write the end of coco_url as file_name into each of its images; then coco reads it',
        _json('images', 'coco_url', 'not_exhaustive_category_ids', without=('file_name',)),
    ),
    Foreign('boxes of Open Images, in shares of the image', DATUMARO, _columns('imageid', 'labelname', 'xmin')),
    Foreign('run lengths in CSV, as Kaggle has them', 'write the masks as PNG of class ids', _columns('encodedpixels')),
    Foreign('LabelMe XML of the old web tool', DATUMARO, lambda path: xml_with(path, 'annotation', 'polygon', 'pt')),
    Foreign(
        'annotations of ASAP',
        'open them in QuPath, and export GeoJSON, which qupath reads',
        lambda path: xml_with(path, 'ASAP_Annotations'),
    ),
    Foreign('rotated boxes of DOTA', DATUMARO, _lines(r'(?:-?[\d.]+\s+){8}\S*[^\s\d.]\S*(?:\s+[0-2])?')),
    Foreign('labels of KITTI', DATUMARO, _lines(r'[A-Za-z_]+(?:\s+-?[\d.]+){14,15}')),
    Foreign('JSON lines', f'{DATUMARO}, or write one JSON document', _ends('.jsonl', '.ndjson')),
)
"""The first that fits is named."""


def foreign_format(path: Path) -> str:
    """Return what a file or folder is and what to do, for a message; an empty text if it is not known.

    Example:
        >>> foreign_format(Path('missing.zip'))
        ''
    """
    suffixes = ('.json', '.csv', '.xml', '.txt', '.parquet') if os.path.isdir(path) else ('',)
    for file in [file for suffix in suffixes for file in some_files(path, suffix, 1) if os.path.isfile(file)]:
        for known in FOREIGN:
            if known.recognise(file):
                return f'{known.title}, which is not read: {known.advice}'
    return ''
