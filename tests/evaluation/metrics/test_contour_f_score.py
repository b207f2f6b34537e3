import math

import numpy as np
import pytest
import torch
from mmseg.evaluation import IoUMetric
from mmseg.registry import METRICS

from mmseg_wsss.functional import boundary_matches

CLASSES = ('background', 'cat', 'dog', 'horse')


def build(**settings):
    metric = METRICS.build({'type': 'ContourFScore', **settings})
    metric.dataset_meta = {'classes': CLASSES}
    return metric


def sample(pred, truth):
    maps = {'pred_sem_seg': pred, 'gt_sem_seg': truth}
    return {key: {'data': torch.as_tensor(values)[None]} for key, values in maps.items()}


def random_samples(count=5, seed=0):
    rng = np.random.default_rng(seed)
    samples = []
    for index in range(count):
        size = (6 + index, 9)
        truth = rng.choice([0, 0, 0, 1, 2, 255], size)
        samples.append(sample(np.where(rng.random(size) < 0.8, truth % 255, rng.integers(0, 3, size)), truth))
    return samples


def evaluate(metric, samples):
    metric.process({}, samples)
    return metric.evaluate(len(samples))


def loop_scores(samples, classes, bound):
    """P, R and F of each class, with the counts summed over the data set."""
    scores = []
    for c in classes:
        counts = np.zeros(4)
        for s in samples:
            pred, truth = (s[key]['data'][0].numpy() for key in ('pred_sem_seg', 'gt_sem_seg'))
            truth = np.where(truth == 255, 0, truth)
            counts += boundary_matches(pred == c, truth == c, bound=bound)
        precision, recall = counts[0] / counts[2], counts[1] / counts[3]
        scores.append((2 * precision * recall / (precision + recall), precision, recall))
    return 100 * np.mean(scores, axis=0)


@pytest.mark.parametrize('bound', [0.0, 0.008])
def test_equals_the_loop_with_iou_in_one_pass(bound):
    samples = random_samples()
    metrics = evaluate(build(classes=['cat', 'dog'], bound=bound), samples)
    expected = loop_scores(samples, (1, 2), bound)
    found = [metrics[f'contour_{name}'] for name in 'FPR']
    assert found == pytest.approx(expected.tolist(), abs=0.006)
    assert 20 < found[0] < 100
    plain = IoUMetric()
    plain.dataset_meta = {'classes': CLASSES}
    plain = evaluate(plain, samples)
    assert {key: metrics[key] for key in plain} == pytest.approx(plain, nan_ok=True)
    assert set(metrics) == {*plain, 'mIoU_subset', 'contour_F', 'contour_P', 'contour_R'}


def test_by_hand():
    truth = np.zeros((40, 60), dtype=int)
    truth[:, :20] = 1
    truth[:, 40:] = 255
    pred = np.zeros_like(truth)
    pred[:, :21] = 1
    pred[:20, 50:] = 2
    metrics = evaluate(build(), [sample(pred, truth)])
    # cat: all 40 pixels within one pixel; dog only predicted: P 0, R 1; horse in neither: 1
    assert metrics['contour_F'] == pytest.approx(100 * (1 + 0 + 1) / 3, abs=0.01)
    assert metrics['contour_P'] == pytest.approx(100 * (1 + 0 + 1) / 3, abs=0.01)
    assert metrics['contour_R'] == pytest.approx(100, abs=0.01)
    assert 'mIoU_subset' not in metrics
    for absent_score, expected in ((None, 50.0), (0.0, 100 / 3)):
        metrics = evaluate(build(absent_score=absent_score), [sample(pred, truth)])
        assert metrics['contour_F'] == pytest.approx(expected, abs=0.01)
    metrics = evaluate(build(classes=['background', 'cat']), [sample(pred, truth)])
    assert metrics['contour_F'] == 100  # the background is not a foreground class
    metrics = evaluate(build(classes=['horse'], absent_score=None), [sample(pred, truth)])
    assert math.isnan(metrics['contour_F'])


def test_several_ranks_give_the_result_of_one():
    samples = random_samples(5)
    expected = evaluate(build(), samples)
    # mmengine deals the images out in turn, tops up the last rank and drops what is too much after collecting
    parts = [build(), build()]
    parts[0].process({}, samples[0::2])
    parts[1].process({}, samples[1::2])
    parts[1].process({}, samples[:1])
    interleaved = [result for pair in zip(*(part.results for part in parts), strict=True) for result in pair]
    assert build().compute_metrics(interleaved[:5]) == pytest.approx(expected, nan_ok=True)
    one_by_one = build()
    for item in samples:
        one_by_one.process({}, [item])
    assert one_by_one.evaluate(5) == pytest.approx(expected, nan_ok=True)


def test_an_image_one_pixel_high():
    metrics = evaluate(build(classes=['cat']), [sample([[0, 1, 1]], [[0, 1, 1]])])
    assert metrics['contour_F'] == 100


def test_predictions_for_a_server_are_written_and_not_measured(tmp_path):
    metric = build(format_only=True, output_dir=str(tmp_path))
    metric.process({}, [{**sample([[0, 1]], [[0, 1]]), 'img_path': 'a.jpg'}])
    assert metric.compute_metrics(metric.results) == {}
    assert (tmp_path / 'a.png').exists()


@pytest.mark.parametrize(
    ('settings', 'message'),
    [
        ({'bound': 2}, 'bound is a fraction of the diagonal'),
        ({'absent_score': 100}, r'absent_score must be in \[0, 1\] or None, got 100'),
    ],
)
def test_bad_settings(settings, message):
    with pytest.raises(ValueError, match=message):
        build(**settings)
