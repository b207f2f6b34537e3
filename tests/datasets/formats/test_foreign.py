"""Files of tools that are not read are named, with what to do."""

import json

import pytest

from mmseg_wsss.datasets.formats import FORMATS, read_labels, recognise_format
from mmseg_wsss.datasets.formats.foreign import FOREIGN, foreign_format

FILES = {
    'a.nii.gz': b'\x1f\x8b',
    'export.zip': b'PK',
    'a.mat': b'MATLAB 5.0',
    'a.tfrecord': b'\0',
    'a.roi': b'Iout',
    'min.json': [{'image': '/data/upload/1/a.jpg', 'id': 1, 'label': [], 'annotator': 1, 'annotation_id': 1}],
    'ls.csv': 'image,id,label,annotator,annotation_id\n',
    'via3.json': {'project': {}, 'config': {}, 'attribute': {}, 'file': {}, 'metadata': {}, 'view': {}},
    'via.csv': 'filename,file_size,region_shape_attributes,region_attributes\n',
    'a.jpg.json': {'size': {'height': 4, 'width': 4}, 'objects': [{'classTitle': 'cat', 'geometryType': 'point'}]},
    'darwin.json': {'version': '2.0', 'item': {'name': 'a.jpg'}, 'annotations': [{'name': 'cat', 'slot_names': ['0']}]},
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
