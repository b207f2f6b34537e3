"""Scores of runs as shares of those of a run on full masks."""

from types import SimpleNamespace

import pytest

from mmseg_wsss.visualization.run_comparison import class_score, compare_runs, percent, two_digits


def run(scores, classes=None, *, full=False):
    table = {'Class': list(classes or {}), 'Acc': ['1.0'] * len(classes or {}), 'IoU': list((classes or {}).values())}
    return SimpleNamespace(full=full, scores=scores, class_scores=table)


def test_shares_of_every_score_that_both_have():
    weak = run({'aAcc': 72.0, 'mIoU': 44.0, 'only_weak': 1.0}, {'sky': '40.00', 'sea': 'nan', 'cat': '5.00'})
    other = run({'mIoU': 55.0}, {'sky': '60.00'})
    full = run(
        {'mIoU': 55.0, 'aAcc': 90.0, 'only_full': 2.0}, {'sky': '80.00', 'sea': '30.00', 'cat': '0.00'}, full=True
    )
    compared = compare_runs([weak, full, other])
    assert compared.full == 1
    assert compared.weak(['weak', 'full', 'other']) == ['weak', 'other']
    assert [row.name for row in compared.scores] == ['mIoU', 'aAcc', 'only_full', 'only_weak']
    shares = {row.name: row.shares for row in (*compared.scores, *compared.classes)}
    assert shares['mIoU'] == (pytest.approx(0.8), pytest.approx(1.0))
    assert shares['aAcc'] == (pytest.approx(0.8), None)
    assert shares['only_weak'] == shares['only_full'] == (None, None)
    assert shares['sky'] == (pytest.approx(0.5), pytest.approx(0.75))
    assert shares['sea'] == shares['cat'] == (None, None)  # not measured; 0 in the run on full masks
    assert compared.classes[1].values == (None, 30.0, None)


def test_without_a_run_on_full_masks():
    compared = compare_runs([run({'mIoU': 1.0}), run({'mDice': 2.0})])
    assert (compared.full, compared.weak(['a', 'b'])) == (None, [])
    assert [(row.values, row.shares) for row in compared.scores] == [((1.0, None), ()), ((None, 2.0), ())]


def test_the_first_of_two_runs_on_full_masks_counts():
    compared = compare_runs([run({'mIoU': 50.0}, full=True), run({'mIoU': 40.0}, full=True)])
    assert (compared.full, compared.scores[0].shares) == (0, (0.8,))


def test_class_scores_and_texts():
    assert class_score({'Class': ['a'], 'Dice': ['7.5']}, 'a') == 7.5
    assert class_score({'Class': ['a'], 'IoU': ['none']}, 'a') is None
    assert class_score({}, 'a') is None
    assert (percent(0.7904), percent(None), two_digits(41.5), two_digits(None)) == ('79.0 %', '', '41.50', '')
