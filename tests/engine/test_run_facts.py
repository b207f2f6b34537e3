"""What is read from the folder of a run."""

import json

import numpy as np
import pytest
from mmengine.config import Config

from mmseg_wsss.datasets.index_file import FolderIndex
from mmseg_wsss.datasets.pseudo_label_files import write_index, write_pseudo_label
from mmseg_wsss.engine.run_facts import annotation_seconds, curves_of, last_table, read_run, settings_of
from mmseg_wsss.structures import WeakAnnotations
from tests.helpers.one_of_each import write_own_data
from tests.helpers.runs import TABLE, write_run


def test_a_run(tmp_path):
    write_own_data(tmp_path / 'data')
    facts = read_run(write_run(tmp_path / 'run', data=tmp_path / 'data'))
    assert facts.name == 'run'
    assert facts.scores == {'mIoU': 41.5, 'aAcc': 80.0}
    assert facts.curves['loss'] == [(10, 2.0), (20, 1.0)]
    assert facts.curves['mIoU'] == [(10, 30.0), (20, 41.5)]
    assert facts.class_scores['IoU'] == ['74.23', 'nan']
    assert facts.labels == {
        'images': 5, 'clicks': 2, 'scribbles': 1, 'boxes': 1, 'images with tags': 1, 'dense masks': 1,
    }  # fmt: skip
    assert facts.hours == pytest.approx((22.1 + 34.9 + 20 + 7 + 20 + 239.7) / 3600)
    assert not facts.full
    assert (
        facts.settings['losses']
        == 'loss_ce: PartialCrossEntropyLoss with class weights, loss_crf: GatedCRFLoss x 0.02 from 30% on'
    )
    assert facts.settings['pre-training'] == 'weights.pth'
    assert (facts.settings['seed'], facts.settings['iterations'], facts.settings['batch']) == ('3', '20', '2')
    assert (facts.settings['checkpoint'], facts.settings['masks used to choose it']) == ('none', 'none')


def test_pseudo_labels_cost_no_annotator_a_time_that_is_known(tmp_path):
    write_own_data(tmp_path / 'data')
    mask = np.zeros((48, 64), np.uint8)
    write_pseudo_label(tmp_path / 'data/labels', 'val', mask, mask.astype(float), [(0, 0, 0), (9, 0, 0)])
    images = {'val': {'file_name': 'val.jpg', 'width': 64, 'height': 48}}
    write_index(tmp_path / 'data/labels', FolderIndex(('background', 'cat'), ((0, 0, 0), (9, 0, 0)), images, {}))
    run = write_run(tmp_path / 'run', data=tmp_path / 'data')
    config = next(run.glob('*.py'))
    cfg = Config.fromfile(config)
    cfg.train_dataloader.dataset.update(weak_labels='labels', ann_file='')
    cfg.dump(config)
    facts = read_run(run)
    assert (facts.labels, facts.hours) == ({'images': 1, 'dense masks': 1}, None)


def test_a_run_whose_data_is_gone_and_one_that_is_none(tmp_path):
    facts = read_run(write_run(tmp_path / 'run', data=tmp_path / 'missing'))
    assert (facts.labels, facts.hours) == ({}, None)
    with pytest.raises(FileNotFoundError, match='was anything trained there'):
        read_run(tmp_path)


def test_the_last_training_of_stages(tmp_path):
    write_run(tmp_path / 'all/01_first', data=tmp_path)
    write_run(tmp_path / 'all/02_last', data=tmp_path)
    for name in ('01_first', '02_last'):
        (tmp_path / f'all/{name}/stage.json').write_text(json.dumps({'done': True}))
    returned = {'images': 7, 'unsure': 0.25, 'boxes': 9}
    scored = {'filled/mIoU': 41.234, 'filled/IoU.cat': 12.0, 'filled/unsure': 0.125}
    for name, result in (('00_boxes', returned), ('03_scores', scored), ('04_none', None)):
        (tmp_path / 'all' / name).mkdir()
        (tmp_path / f'all/{name}/stage.json').write_text(json.dumps({'done': True, 'result': {'returned': result}}))
    facts = read_run(tmp_path / 'all')
    assert (facts.name, facts.folder.name) == ('all', '02_last')
    assert facts.tasks == {
        '00_boxes': {'images': '7', 'labelled': '75.0%', 'boxes': '9'},
        '03_scores': {'filled/mIoU': '41.23', 'filled/labelled': '87.5%'},
    }


def test_an_empty_log_is_no_run(tmp_path):
    (tmp_path / '1/vis_data').mkdir(parents=True)
    (tmp_path / '1/vis_data/scalars.json').write_text('')
    (tmp_path / 'config.py').write_text('')
    with pytest.raises(FileNotFoundError, match='was anything trained there'):
        read_run(tmp_path)


def test_settings_of_several_heads():
    start = [{'type': 'Constant'}, {'type': 'Pretrained', 'checkpoint': 'a/b.pth'}]
    model = {'backbone': {'type': 'R', 'init_cfg': start}, 'decode_head': [{'type': 'A'}, {'type': 'B'}]}
    settings = settings_of(Config({'model': model}), None)
    assert settings['network'] == 'R + A, B'
    assert settings['pre-training'] == 'b.pth'
    assert settings['checkpoint'] == 'none'


def test_settings_say_what_the_metrics_decide_anew():
    model = {'backbone': {'type': 'ResNet'}, 'decode_head': {'type': 'FCNHead'}}
    plain = {'type': 'SubsetIoUMetric'}
    known = {**plain, 'known_tags': True, 'refiner': {'type': 'DenseCRF'}}
    for metrics, crf, tags in (
        (plain, 'off', 'not known'),
        (known, 'on', 'known'),
        ([plain, known], 'in 1 of 2 metrics', 'known in 1 of 2 metrics'),
    ):
        settings = settings_of(Config({'model': model, 'val_evaluator': metrics}), None)
        assert (settings['dense CRF'], settings['image tags at inference']) == (crf, tags)
    model['decision'] = known
    settings = settings_of(Config({'model': model, 'val_evaluator': plain}), None)
    assert (settings['dense CRF'], settings['image tags at inference']) == ('on', 'known')


def test_labels_that_the_pipeline_leaves_out_take_no_time(tmp_path):
    write_own_data(tmp_path / 'data')
    folder = write_run(tmp_path / 'run', data=tmp_path / 'data')
    (config,) = folder.glob('*.py')
    pipeline = [{'type': 'LoadWeakAnnotations', 'kinds': ['tags'], 'tags_from': ['boxes']}]
    cfg = Config.fromfile(config)
    cfg.train_dataloader.dataset.pipeline = pipeline
    cfg.dump(config)
    facts = read_run(folder)
    assert (facts.labels['images with tags'], facts.labels['boxes']) == (1, 1)
    assert not {'clicks', 'scribbles', 'dense masks'} & set(facts.labels)
    assert facts.hours == pytest.approx((20 + 20 + 7) / 3600)


def test_parts():
    assert last_table(f'noise\n{TABLE}\nmore | noise\n{TABLE.replace("74.23", "80.00")}\n')['IoU'] == ['80.00', 'nan']
    assert last_table('nothing') == {}
    assert curves_of([{'a': 'text', 'step': 1, 'time': 2.0}]) == {}
    assert annotation_seconds(WeakAnnotations()) == 0
    box = WeakAnnotations(boxes=[[0, 0, 1, 1]] * 3, box_labels=[1] * 3)
    assert annotation_seconds(box) == pytest.approx(20 + 21)
    clicks = WeakAnnotations(points=[[0, 0]], point_labels=[1], tags=(1,), boxes=[[0, 0, 1, 1]], box_labels=[1])
    assert annotation_seconds(clicks) == pytest.approx(22.1 + 7)  # the classes of an image are found once
