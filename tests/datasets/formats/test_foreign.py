"""Files of tools that are not read are named, with what to do."""

import json
from pathlib import Path

import pytest

from mmseg_wsss.datasets.formats import FORMATS, read_labels, recognise_format
from mmseg_wsss.datasets.formats.foreign import FOREIGN, foreign_format

FILES = {
    'a.nii.gz': b'\x1f\x8b',
    'a.dcm': b'DICM',
    'train-00000-of-00001.parquet': b'PAR1',
    'a.ilp': b'\x89HDF',
    'export.zip': b'PK',
    'a.mat': b'MATLAB 5.0',
    'a.tfrecord': b'\0',
    'a.roi': b'Iout',
    'old.json': [{'id': 1, 'data': {'image': 'a.jpg'}, 'completions': [{'id': 1, 'result': []}]}],
    'min.json': [{'image': '/data/upload/1/a.jpg', 'id': 1, 'label': [], 'annotator': 1, 'annotation_id': 1}],
    'ls.csv': 'image,id,label,annotator,annotation_id\n',
    'via3.json': {'project': {}, 'config': {}, 'attribute': {}, 'file': {}, 'metadata': {}, 'view': {}},
    'via.csv': 'filename,file_size,region_shape_attributes,region_attributes\n',
    'a.jpg.json': {'size': {'height': 4, 'width': 4}, 'objects': [{'classTitle': 'cat', 'geometryType': 'point'}]},
    'darwin.json': {'version': '2.0', 'item': {'name': 'a.jpg'}, 'annotations': [{'name': 'cat', 'slot_names': ['0']}]},
    'encord.json': [{'label_hash': 'x', 'data_units': {'y': {'labels': {'objects': []}}}}],
    'superannotate.json': {'metadata': {'name': 'a.jpg'}, 'instances': [{'className': 'cat'}], 'tags': []},
    'hasty.json': {'project_name': 'x', 'images': [{'image_name': 'a.jpg', 'labels': []}], 'label_classes': []},
    'samples.json': {'samples': [{'filepath': 'a.jpg', 'ground_truth': {'_cls': 'Detections'}}]},
    'segments.json': {'name': 'v1', 'dataset': {'task_type': 'bboxes'}, 'samples': [{'labels': {}}]},
    'scale.json': [{'task_id': 'x', 'params': {'attachment': 'a.jpg'}, 'response': {'annotations': []}}],
    'isat.json': {'info': {'name': 'a.jpg'}, 'objects': [{'category': 'cat', 'segmentation': [], 'layer': 1.0}]},
    'output.manifest': '{"source-ref": "s3://b/a.jpg", "cat": {"annotations": []}}\n{"source-ref": "s3://b/b.jpg"}\n',
    'kili.json': [{'externalId': 'a', 'labels': [{'jsonResponse': {}}]}],
    'labelbox.ndjson': '{"data_row": {"id": "x"}}\n{"data_row": {"id": "y"}}\n',
    'createml.json': [{'image': 'a.jpg', 'annotations': [{'label': 'cat', 'coordinates': {'x': 1}}]}],
    'vott.json': {'asset': {'name': 'a.jpg'}, 'regions': []},
    'sa.json': {'image': {}, 'annotations': [{'predicted_iou': 0.9, 'point_coords': [[1, 2]]}]},
    'datumaro.json': {'categories': {}, 'items': [{'annotations': [{'label_id': 0}]}]},
    'a_gtFine_polygons.json': {'imgHeight': 4, 'imgWidth': 4, 'objects': [{'label': 'road', 'polygon': []}]},
    'bdd.json': [{'name': 'a.jpg', 'labels': [{'category': 'car'}]}],
    'detections.json': [{'image_id': 1, 'category_id': 1, 'bbox': [1, 2, 3, 4], 'score': 0.5}],
    'lvis.json': {'images': [{'coco_url': 'http://x/a.jpg', 'not_exhaustive_category_ids': []}]},
    'oi.csv': 'ImageID,Source,LabelName,XMin,XMax,YMin,YMax\n',
    'kaggle.csv': 'ImageId_ClassId,EncodedPixels\n',
    'old.xml': '<annotation><object><polygon><pt><x>1</x></pt></polygon></object></annotation>',
    'asap.xml': '<ASAP_Annotations><Annotations/></ASAP_Annotations>',
    'dota.txt': 'imagesource:x\ngsd:0.1\n1.0 2.0 9.0 2.0 9.0 8.0 1.0 8.0 large-vehicle 0\n',
    'kitti.txt': 'Car 0.00 0 -1.58 587.01 173.33 614.12 200.12 1.65 1.67 3.64 -0.65 1.71 46.70 -1.59\n',
    'rows.jsonl': '{"file_name": "a.jpg"}\n',
}  # fmt: skip


def write(folder, name):
    content = FILES[name]
    text = content if isinstance(content, bytes | str) else json.dumps(content)
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder / name


@pytest.mark.parametrize(('name', 'known'), [*zip(FILES, FOREIGN, strict=True)])
def test_each_is_named_with_what_to_do(tmp_path, name, known):
    path = write(tmp_path, name)
    expected = f'{path} looks like {known.title}, which is not read: {known.advice} (docs/formats.md)'
    with pytest.raises(ValueError, match='which is not read') as caught:
        recognise_format(path)
    assert str(caught.value) == expected
    assert len(expected.splitlines()) == 1


def test_a_folder_is_named_by_a_file_in_it_and_readers_name_the_tool(tmp_path):
    (tmp_path / 'ann').mkdir()
    write(tmp_path / 'ann', 'a.jpg.json')
    assert foreign_format(tmp_path) == 'annotations of Supervisely, which is not read: export it as COCO'
    with pytest.raises(ValueError, match="'shapes' is missing.* looks like annotations of Supervisely, which is not"):
        read_labels({'format': 'labelme', 'path': str(tmp_path / 'ann')}, ('background', 'cat'))
    (tmp_path / 'notes.md').write_text('x')
    assert foreign_format(tmp_path / 'notes.md') == foreign_format(tmp_path / 'missing') == ''


def test_what_is_not_known_names_the_ways_that_there_are(tmp_path):
    (tmp_path / 'a.json').write_text('{"a": 1}')
    with pytest.raises(ValueError, match='exported as COCO, YOLO, VOC or PNG masks, or converted by Datum') as caught:
        recognise_format(tmp_path / 'a.json')
    assert all(name in str(caught.value) for name in FORMATS)


@pytest.mark.parametrize(
    ('content', 'title'),
    [
        ({'dataset': 'x', 'image': {'original_filename': 'a.jpg'}, 'annotations': []}, 'annotations of Darwin (V7)'),
        ([{'ID': 'x', 'DataRow ID': 'y', 'Label': {'objects': []}, 'External ID': 'a.jpg'}], 'an export of Labelbox'),
    ],
)
def test_former_versions_of_files_are_named(tmp_path, content, title):
    (tmp_path / 'a.json').write_text(json.dumps(content))
    assert foreign_format(tmp_path / 'a.json').startswith(f'{title}, which is not read: ')


def test_the_docs_count_them():
    text = (Path(__file__).parents[3] / 'docs/formats.md').read_text()
    assert f'`wsss convert auto` names {len(FOREIGN)} kinds of files of other tools' in text
