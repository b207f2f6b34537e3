"""The record of a validation: numbers by hand on predictions that are known."""

from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from mmseg_wsss.cli.main import main
from mmseg_wsss.engine.hooks import validation_record_hook
from mmseg_wsss.engine.hooks.validation_record_hook import ValidationRecordHook
from mmseg_wsss.engine.validation_record import read_record
from tests.helpers.own_data import write_data, write_own_config
from tests.helpers.trainings import run_tool

CLASSES, PALETTE = ('sky', 'sea'), [[0, 0, 200], [0, 200, 0]]


def sample(name, prediction, truth):
    maps = {}
    for key, labels in (('pred_sem_seg', prediction), ('gt_sem_seg', truth)):
        if labels is not None:
            maps[key] = PixelData(data=torch.tensor(labels)[None])
    output = SegDataSample(metainfo={'img_path': f'/data/img/{name}'})
    for key, labels in maps.items():
        setattr(output, key, labels)
    return output


def validated(tmp_path, outputs, meta=None, batch=2):
    meta = {'classes': CLASSES, 'palette': PALETTE} if meta is None else meta
    dataset = SimpleNamespace(metainfo=meta, data_prefix={'img_path': '/data/img'})
    runner = SimpleNamespace(val_dataloader=SimpleNamespace(dataset=dataset), work_dir=str(tmp_path))
    hook = ValidationRecordHook()
    hook.before_val_epoch(runner)
    for first in range(0, len(outputs), batch):
        part = outputs[first : first + batch]
        inputs = [torch.full((3, 2, 4), 40.0 + first) for _ in part]
        hook.after_val_iter(runner, first, {'inputs': inputs}, part)
    hook.after_val_epoch(runner)
    return read_record(tmp_path)


def test_numbers_by_hand(tmp_path):
    half = [[0, 0, 1, 1], [0, 0, 1, 1]]
    outputs = [
        sample('x/a.png', half, half),  # IoU 100
        sample('y/a.png', [[0] * 4] * 2, half),  # sky 4 / 8, sea 0 / 4: 25
        sample('b.png', [[0] * 4] * 2, [[0] * 4, [255] * 4]),  # only sky: 100
        sample('c.png', half, [[255] * 4] * 2),  # nothing is true
        sample('d.png', half, None),  # as in a test without masks
        sample('e.png', [[255, 0, 1, 1]], [[0, 0, 1, 1]]),  # sky 1 / 2, sea 2 / 2: 75
    ]
    record = validated(tmp_path, outputs)
    assert record.classes == ['sky', 'sea']
    assert record.confusion == [[4 + 4 + 4 + 1, 0], [4, 4 + 0 + 2]]
    assert record.images == {'x/a.png': 100, 'y/a.png': 25, 'b.png': 100, 'e.png': 75}
    assert [(picture.end, picture.name, picture.score) for picture in record.pictures] == [
        ('worst', 'y/a.png', 25), ('worst', 'e.png', 75), ('best', 'b.png', 100), ('best', 'x/a.png', 100),
    ]  # fmt: skip
    for picture in record.pictures:
        assert cv2.imread(str(picture.path)).shape[1] > 3 * 200


@pytest.mark.parametrize('seed', range(3))
def test_the_three_worst_and_best_of_many(tmp_path, monkeypatch, seed):
    drawn = []
    monkeypatch.setattr(validation_record_hook, '_drawn', lambda *args: drawn.append(args) or b'%d' % len(drawn))
    order = np.random.default_rng(seed).permutation(40)
    truth = [[0] * 50]
    outputs = [sample(f'{right}.png', [[0] * right + [1] * (50 - right)], truth) for right in order.tolist()]
    record = validated(tmp_path, outputs)
    names = [picture.name for picture in record.pictures]
    assert names == ['0.png', '1.png', '2.png', '39.png', '38.png', '37.png']
    assert len(drawn) < 30
    for picture in record.pictures:  # each is its own
        labels = drawn[int(picture.path.read_bytes()) - 1][1]
        assert (labels == 0).sum() == int(picture.name.split('.')[0])


def test_pictures_have_the_colours_of_the_classes(tmp_path):
    record = validated(tmp_path, [sample('a.png', [[1, 1], [1, 1]], [[0, 0], [0, 1]])])
    (picture,) = record.pictures
    assert picture.end == 'best'
    image = cv2.imread(str(picture.path))[..., ::-1].astype(int)
    middle = image[80]
    prediction, truth = middle[len(middle) // 2], middle[-100]
    assert prediction[1] > prediction[2] + 80  # sea is green
    assert truth[2] > truth[1] + 80  # sky is blue


def test_large_images_are_drawn_small(tmp_path):
    labels = np.zeros((700, 1400), int).tolist()
    record = validated(tmp_path, [sample('a.png', labels, labels)])
    assert cv2.imread(str(record.pictures[0].path)).shape[1] == 3 * 320 + 2 * 4


def test_without_colours_or_names(tmp_path):
    outputs = [sample('a.png', [[0, 1]], [[0, 0]])]
    record = validated(tmp_path / 'no_palette', outputs, {'classes': CLASSES})
    assert (record.images, record.pictures) == ({'a.png': 25.0}, [])
    assert validated(tmp_path / 'no_classes', outputs, {}) is None
    assert validated(tmp_path / 'no_images', []) is None


def test_every_training_leaves_it_for_the_report(tmp_path, capsys):
    write_data(tmp_path)
    run_tool('train', write_own_config(tmp_path), '--work-dir', tmp_path / 'run')
    record = read_record(tmp_path / 'run')
    assert len(record.images) == len(set(record.images)) > 0
    assert sum(map(sum, record.confusion)) > 0
    page = tmp_path / 'page.html'
    assert main(['report', str(tmp_path / 'run'), '--html', str(page)]) == 0
    text = page.read_text()
    for name in (*record.classes, 'Confusions: run', 'Worst and best images: run'):
        assert name in text
    assert text.count('data:image/') >= len(record.pictures) > 0
    capsys.readouterr()
