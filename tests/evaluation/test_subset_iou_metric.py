import pytest
import torch

from mmseg_wsss.evaluation.metrics import SubsetIoUMetric


def evaluate(classes):
    metric = SubsetIoUMetric(classes=classes)
    metric.dataset_meta = {'classes': ('background', 'cat', 'dog')}
    pred = torch.tensor([[0, 0, 1, 1], [2, 1, 1, 0]])
    truth = torch.tensor([[0, 1, 1, 1], [1, 1, 255, 255]])
    metric.process({}, [{'pred_sem_seg': {'data': pred}, 'gt_sem_seg': {'data': truth}}])
    return metric.compute_metrics(metric.results)


def test_mean_over_the_subset_by_hand():
    metrics = evaluate(['background', 'cat'])
    assert metrics['mIoU_subset'] == round((1 / 2 + 3 / 5) / 2 * 100, 2)
    assert metrics['mIoU'] == round((1 / 2 + 3 / 5 + 0) / 3 * 100, 2)


def test_predictions_for_a_server_are_written_and_not_measured(tmp_path):
    metric = SubsetIoUMetric(classes=['cat'], format_only=True, output_dir=str(tmp_path))
    metric.dataset_meta = {'classes': ('background', 'cat', 'dog')}
    pred = torch.tensor([[[0, 1], [2, 1]]])
    metric.process({}, [{'pred_sem_seg': {'data': pred}, 'img_path': 'a.jpg'}])
    assert metric.compute_metrics(metric.results) == {}
    assert (tmp_path / 'a.png').exists()


def test_unknown_class_is_named():
    with pytest.raises(ValueError, match=r"\['horse'\] are no classes"):
        evaluate(['horse'])
