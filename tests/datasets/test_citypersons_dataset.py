import json

import numpy as np
import pytest
from mmseg.registry import DATASETS
from PIL import Image

from mmseg_wsss.cli.main import main


def test_boxes_to_points_and_masks_to_two_classes(tmp_path):
    for folder in ('img/ulm', 'gt/ulm', 'boxes/ulm'):
        (tmp_path / folder).mkdir(parents=True)
    train_ids = np.array([[0, 11, 12, 18, 255]], np.uint8).repeat(6, 0).repeat(4, 1)
    Image.fromarray(train_ids).save(tmp_path / 'gt/ulm/ulm_1_gtFine_labelTrainIds.png')
    Image.new('RGB', (20, 6)).save(tmp_path / 'img/ulm/ulm_1_leftImg8bit.png')
    rider = {'label': 'rider', 'bbox': [4, 0, 8, 6], 'bboxVis': [4, 0, 7, 5]}
    (tmp_path / 'boxes/ulm/ulm_1_gtBboxCityPersons.json').write_text(
        json.dumps({'imgHeight': 6, 'imgWidth': 20, 'objects': [rider]})
    )
    output = tmp_path / 'points.json'
    arguments = ['--classes', 'background,person', '--box-centres', '4', '-o', str(output)]
    assert main(['convert', 'citypersons', str(tmp_path / 'boxes'), *arguments]) == 0
    common = {
        'type': 'CityPersonsDataset',
        'data_root': str(tmp_path),
        'data_prefix': {'img_path': 'img', 'seg_map_path': 'gt'},
        'img_suffix': '_leftImg8bit.png',
        'seg_map_suffix': '_gtFine_labelTrainIds.png',
    }
    load = [{'type': 'LoadImageFromFile'}]
    draw = [{'type': 'LoadWeakAnnotations'}, {'type': 'RasterizeWeakAnnotations'}, {'type': 'PackWeakSegInputs'}]
    train = DATASETS.build({**common, 'weak_labels': 'points.json', 'pipeline': load + draw})
    assert train.metainfo['classes'] == ('background', 'person')
    points = train[0]['data_samples'].gt_points
    assert points[:, 2].tolist() == [1, 0, 0, 0, 0]
    assert points[0].tolist() == [7.5, 2.5, 1]
    full = {**common, 'use_dense_masks': True, 'pipeline': load + draw}
    evaluated = {
        **common,
        'test_mode': True,
        'pipeline': [*load, {'type': 'LoadAnnotations'}, {'type': 'PackSegInputs'}],
    }
    for settings in (full, evaluated):
        mask = DATASETS.build(settings)[0]['data_samples'].gt_sem_seg.data[0, 0]
        assert mask[::4].tolist() == [0, 1, 1, 0, 255]


def test_images_without_a_person_are_left_out(tmp_path):
    (tmp_path / 'gt').mkdir()
    images = []
    for name, classes in {'street': [0], 'square': [0, 1], 'nobody': []}.items():
        Image.new('RGB', (8, 6)).save(tmp_path / f'{name}.png')
        Image.fromarray(np.full((6, 8), 18, np.uint8)).save(tmp_path / f'gt/{name}.png')
        points = [{'x': 1, 'y': 2 + c, 'class': c} for c in classes]
        images.append({'file_name': f'{name}.png', 'points': points})
    classes = [{'name': name, 'color': [0, 0, 0]} for name in ('background', 'person')]
    (tmp_path / 'points.json').write_text(json.dumps({'version': 1, 'classes': classes, 'images': images}))
    common = {
        'type': 'CityPersonsDataset',
        'data_root': str(tmp_path),
        'data_prefix': {'img_path': '', 'seg_map_path': 'gt'},
        'img_suffix': '.png',
        'seg_map_suffix': '.png',
    }
    evaluated = [{'type': 'LoadImageFromFile'}, {'type': 'LoadAnnotations'}, {'type': 'PackSegInputs'}]

    def names(**settings):
        dataset = DATASETS.build({**common, **settings})
        return sorted(dataset.get_data_info(index)['sample_id'] for index in range(len(dataset)))

    assert names(weak_labels='points.json', pipeline=[]) == ['nobody', 'square', 'street']
    assert names(weak_labels='points.json', pipeline=[], persons_only=True) == ['square']
    chosen = {'persons_only': True, 'test_mode': True, 'pipeline': evaluated}
    assert names(weak_labels='points.json', **chosen) == ['square']
    dataset = DATASETS.build({**common, 'weak_labels': 'points.json', **chosen})
    assert dataset[0]['data_samples'].gt_sem_seg.data.unique().tolist() == [0]  # train id 18, not 255
    with pytest.raises(ValueError, match='persons_only=True needs weak_labels, which say in which images persons are'):
        names(**chosen)
