"""Masks of a promptable network as labels: the decision by hand, the same files after an interruption."""

import json
import logging

import numpy as np
import pytest
from mmseg.registry import TASK_UTILS

from mmseg_wsss.cli.main import main
from mmseg_wsss.datasets.pseudo_label_files import read_index
from mmseg_wsss.engine.stages import StageContext
from mmseg_wsss.labelling import promptable_model, prompted_masks
from mmseg_wsss.labelling.promptable_model import Prompt, PromptableModel
from mmseg_wsss.labelling.prompted_masks import (
    PromptSettings,
    decided_labels,
    prompts_of,
    spread_points,
    write_prompted_labels,
)
from mmseg_wsss.structures import WeakAnnotations
from tests.helpers.label_sets import CLASSES, read_picture, write_data_set
from tests.helpers.promptable import write_tiny_sam

SIZE = (30, 40)
LABELS = {
    'boxes': WeakAnnotations(
        boxes=[[2, 2, 30, 20], [20, 4, 38, 28]], box_labels=[1, 2], points=[[8, 9]], point_labels=[1]
    ),
    'clicks': WeakAnnotations(points=[[5, 6], [30.4, 20.6], [0, 29]], point_labels=[1, 2, 0]),
    'lines': WeakAnnotations(polylines=[[[2, 2], [20, 2], [20, 20]]], polyline_labels=[2]),
    'none': WeakAnnotations(),
}


@pytest.fixture(scope='module')
def sam(tmp_path_factory):
    folder = tmp_path_factory.mktemp('sam')
    write_tiny_sam(folder)
    return str(folder)


@pytest.fixture
def dataset(tmp_path):
    photos = [np.random.default_rng(seed).integers(0, 255, (*SIZE, 3), dtype=np.uint8) for seed in range(len(LABELS))]
    return write_data_set(tmp_path, photos, LABELS, SIZE)


def row(*values):
    return np.array([values], dtype=np.float32)


def test_decision_by_hand():
    masks = [
        (Prompt(1), row(0.9, 0.9, 0.6, 0.1, 0.4), 0.8),  # score times probability: .72 .72 .48 .08 .32
        (Prompt(2), row(0.7, 0.95, 0.4, 0.2, 0.4), 1.0),  # .7 .95 .4 .2 .4
        (Prompt(3), row(1.0, 0.0, 0.0, 0.45, 0.0), 0.2),  # below the score
    ]
    labels, confidence = decided_labels(masks, (1, 5), background_below=0.4)
    assert labels.tolist() == [[1, 2, 1, 255, 255]]
    np.testing.assert_allclose(confidence, [[0.72, 0.95, 0.48, 0, 0]], rtol=1e-5)
    labels, confidence = decided_labels(masks, (1, 5), background_below=0.5)
    assert labels.tolist() == [[1, 2, 1, 0, 0]]
    np.testing.assert_allclose(confidence[0, 3:], [0.55, 0.6], rtol=1e-5)
    assert decided_labels(masks, (1, 5), background_below=0)[0].tolist() == [[1, 2, 1, 255, 255]]
    assert decided_labels(masks, (1, 5), object_above=0.75)[0].tolist() == [[1, 2, 255, 0, 0]]
    assert decided_labels(masks, (1, 5), min_score=0.1, background_below=0.4)[0].tolist() == [[1, 2, 1, 255, 255]]
    assert decided_labels(masks[::-1], (1, 5), background_below=0.4)[0].tolist() == [[1, 2, 1, 255, 255]]
    unsure = [(Prompt(1), row(0.8), 0.5), (Prompt(2), row(0.45), 1.0)]  # the second is stronger and no object
    assert decided_labels(unsure, (1, 1))[0].tolist() == [[1]]
    assert decided_labels([(Prompt(1), row(0.9), 0.0)], (1, 1), min_score=0)[0].tolist() == [[1]]
    assert decided_labels([], (1, 2))[0].tolist() == [[0, 0]]


def test_the_object_of_a_box_stays_inside():
    box = np.array([1.0, 0.0, 2.0, 0.0])
    sure = row(0.9, 0.9, 0.2, 0.9)
    assert decided_labels([(Prompt(4, box), sure, 0.9)], (1, 4))[0].tolist() == [[0, 4, 0, 0]]
    lost = decided_labels([(Prompt(4, box), row(0, 0, 0, 0), 0.4)], (1, 4))[0]
    assert lost.tolist() == [[0, 255, 255, 0]]  # its score is too low, so nobody knows
    everywhere = decided_labels([(Prompt(4, box), sure, 0.9)], (1, 4), object_above=0, background_below=0)[0]
    assert everywhere.tolist() == [[255, 4, 4, 255]]


def test_prompts_by_hand():
    labels = WeakAnnotations(
        points=[[2, 2], [9, 9], [5.4, 5], [3, 3]],
        point_labels=[1, 1, 0, 2],
        polylines=[[[20, 0], [26, 0]], [[4, 4], [4, 4]]],
        polyline_labels=[2, 2],
        boxes=[[0, 0, 5, 5], [0, 0, 10, 10], [2, 2, 4, 4]],
        box_labels=[1, 1, 2],
    )
    found = [
        (
            prompt.label,
            None if prompt.box is None else prompt.box.tolist(),
            prompt.points.tolist(),
            list(prompt.positive),
        )
        for prompt in prompts_of(labels, points_per_scribble=2)
    ]
    assert found == [
        (1, [0, 0, 10, 10], [[9, 9], [5.4, 5], [3, 3], [4, 4]], [1, 0, 0, 0]),
        (1, [0, 0, 5, 5], [[2, 2], [5.4, 5], [3, 3], [4, 4]], [1, 0, 0, 0]),
        (2, [2, 2, 4, 4], [[3, 3], [4, 4], [2, 2]], [1, 1, 0]),
        (0, None, [[5.4, 5], [2, 2], [9, 9], [3, 3], [21.5, 0], [24.5, 0], [4, 4]], [1, 0, 0, 0, 0, 0, 0]),
        (2, None, [[21.5, 0], [24.5, 0], [2, 2], [9, 9], [5.4, 5]], [1, 1, 0, 0, 0]),
    ]
    positive = prompts_of(labels, negative=False, points_per_scribble=2)
    assert [list(prompt.positive) for prompt in positive] == [[1], [1], [1, 1], [1], [1, 1]]
    assert prompts_of(WeakAnnotations()) == []
    corner = spread_points(np.array([[0.0, 0.0], [3.0, 0.0], [3.0, 3.0]]), 3)
    np.testing.assert_allclose(corner, [[1, 0], [3, 0], [3, 2]], atol=1e-12)
    assert spread_points(np.array([[7.0, 8.0]]), 3).tolist() == [[7, 8]]


def test_written_labels_are_the_decision_of_the_masks(dataset, sam, tmp_path):
    settings = PromptSettings(model=sam, empty_images=True, background_below=0.45)
    summary = write_prompted_labels(dataset, tmp_path / 'out', settings)
    assert (summary['images'], summary['prompts']) == (4, 6)
    model = PromptableModel(sam)
    unsure = 0
    for key, annotations in LABELS.items():
        image = read_picture(tmp_path / f'img/{key}.png')
        below = 0.45 if key in ('boxes', 'none') else 0.0
        labels, confidence = decided_labels(model.masks(image, prompts_of(annotations)), SIZE, background_below=below)
        for (x, y), label in zip(annotations.points, annotations.point_labels, strict=True):
            labels[round(y), round(x)], confidence[round(y), round(x)] = label, 1
        assert np.array_equal(read_picture(tmp_path / f'out/masks/{key}.png'), labels)
        np.testing.assert_allclose(read_picture(tmp_path / f'out/confidence/{key}.png') / 255, confidence, atol=0.003)
        unsure += (labels == 255).mean() / 4
    assert summary['unsure'] == pytest.approx(unsure, abs=1e-4)
    assert set(np.unique(read_picture(tmp_path / 'out/masks/boxes.png'))) >= {0, 1}
    outside = np.ones(SIZE, bool)
    outside[2:21, 2:31] = outside[4:29, 20:39] = False
    assert not read_picture(tmp_path / 'out/masks/boxes.png')[outside].any()
    assert (read_picture(tmp_path / 'out/masks/lines.png') == 0).sum() == 0
    assert not read_picture(tmp_path / 'out/masks/none.png').any()
    index = read_index(tmp_path / 'out')
    assert index.classes == CLASSES
    assert {key: index.source[key] for key in ('from', 'model', 'rest')} == {
        'from': 'prompts',
        'model': sam,
        'rest': None,
    }


def test_what_is_used_and_filled_can_be_chosen(dataset, sam, tmp_path):
    def written(**settings):
        write_prompted_labels(dataset, tmp_path / 'out', PromptSettings(model=sam, empty_images=True, **settings))
        return {key: read_picture(tmp_path / f'out/masks/{key}.png') for key in LABELS}

    assert (written(rest='unlabelled', kinds=['boxes'])['boxes'] == 0).sum() == 0
    only = written(kinds=['boxes'])
    assert not only['lines'].any()  # has no box, so it is empty
    assert (written(rest='background', background_below=0.5)['clicks'] == 255).sum() == 0
    assert not written(min_score=1.0)['none'].any()
    lost = written(min_score=1.0)['clicks']
    assert sorted(lost[lost != 255].tolist()) == [0, 1, 2]  # the clicks remain
    assert (lost[6, 5], lost[21, 30], lost[29, 0]) == (1, 2, 0)
    assert (written(unsure_border=2)['boxes'] == 255).sum() > (written()['boxes'] == 255).sum()


def test_a_cut_stage_goes_on(dataset, sam, tmp_path, monkeypatch):
    task = TASK_UTILS.build({'type': 'WritePromptedLabels', 'dataset': dataset, 'model': sam, 'empty_images': 'skip'})
    contexts = [
        StageContext('sam', tmp_path / 'out', None, logging.getLogger('test'), resumed) for resumed in (False, True)
    ]
    expected = task.run(contexts[0])
    assert (expected['images'], expected['prompts']) == (3, 6)
    whole = {path: path.read_bytes() for path in (tmp_path / 'out').rglob('*.*')}
    (tmp_path / 'out/masks/clicks.png').unlink()
    labelled = []
    monkeypatch.setattr(
        prompted_masks,
        'decided_labels',
        lambda *args, **settings: labelled.append(1) or decided_labels(*args, **settings),
    )
    assert task.run(contexts[1]) == expected
    assert len(labelled) == 1
    assert {path: path.read_bytes() for path in (tmp_path / 'out').rglob('*.*')} == whole


def test_bad_settings(dataset, sam, tmp_path, monkeypatch):
    for settings, message in [
        ({'kinds': ['tags']}, r"kinds must be some of points, scribbles, boxes, got \('tags',\)"),
        ({'min_score': 1.5}, r'min_score must be in \[0, 1\], got 1.5'),
        ({'background_below': 0.6}, 'background_below must not be above object_above = 0.5, got 0.6'),
        ({'rest': 'ignore'}, "rest must be 'background', 'unlabelled' or None, got 'ignore'"),
        ({'points_per_scribble': 0}, 'points_per_scribble must be a positive integer, got 0'),
        ({'batch': 0}, 'batch must be a positive integer, got 0'),
        ({'unsure_border': -1}, 'unsure borders must be a non-negative integer'),
        ({'empty_images': 'leave'}, "empty_images must be False, True or 'skip', got 'leave'"),
    ]:
        with pytest.raises(ValueError, match=message):
            PromptSettings(model=sam, **settings)
    with pytest.raises(ValueError, match=r'none.png has no points or scribbles or boxes \(1 of 4 images\): label them'):
        write_prompted_labels(dataset, tmp_path / 'out', PromptSettings(model=sam))
    monkeypatch.setattr(promptable_model, 'find_spec', lambda name: None)
    with pytest.raises(ImportError, match='SAM needs the library transformers'):
        TASK_UTILS.build({'type': 'WritePromptedLabels', 'dataset': dataset, 'model': sam})


def test_command(dataset, sam, tmp_path, capsys, monkeypatch):
    out = tmp_path / 'out'
    labels = [dataset['weak_labels'], '--images', dataset['data_prefix']['img_path'], '-o', str(out)]
    prompted = ['masks', *labels, '--method', 'sam', '--model', sam, '--empty-images', 'skip']
    assert main([*prompted, '--min-score', '0.6', '--no-negative', '--rest', 'unlabelled', '--unsure-border', '1']) == 0
    share = json.loads((out / 'pseudo_labels.json').read_text())['source']['unsure']
    assert f'{out}: 3 images, 6 prompts, {share:.2%} of the pixels unsure' in capsys.readouterr().out
    index = read_index(out)
    assert (index.source['min_score'], index.source['rest'], index.source['unsure_border']) == (0.6, 'unlabelled', 1)
    assert main(prompted) == 2
    assert 'contains files: choose another -o, continue with --resume, or use --force' in capsys.readouterr().err
    with monkeypatch.context() as patch:
        patch.setattr(prompted_masks, 'decided_labels', None)  # nothing is left to decide
        assert main([*prompted, '--resume']) == 0
    capsys.readouterr()
    for options, message in [
        (['--method', 'sam'], '--method sam needs --model'),
        (['--min-score', '0.5'], '--min-score is an option of --method sam, but --method is grabcut'),
        (['--method', 'filled', '--unsegmented', 'unsure'], '--unsegmented is an option of --method grabcut, but'),
    ]:
        assert main(['masks', *labels, '--force', *options]) == 2
        assert message in capsys.readouterr().err
    assert main(['masks', *labels, '--force', '--method', 'filled', '--empty-images', 'skip']) == 0
    assert '1 images, 2 boxes, 0.00% of the pixels unsure' in capsys.readouterr().out
    assert main(['masks', *labels, '--force', '--unsegmented', 'unsure', '--empty-images', 'skip']) == 0
    assert '1 images, 2 boxes, 2 boxes unsure, ' in capsys.readouterr().out
    assert main(['masks', 'none.json', *labels[1:]]) == 2
    assert 'none.json is not a file: expected weak_labels.json' in capsys.readouterr().err
