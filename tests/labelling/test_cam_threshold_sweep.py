"""The best threshold; the scores themselves are in ``test_cam_export.py``."""

from mmseg_wsss.labelling.cam_threshold_sweep import CAMSettings, best_threshold


def test_the_lowest_of_equal_thresholds_is_the_best():
    settings = CAMSettings(thresholds=(0.1, 0.3, 0.2, 0.4))
    scores = {0.1: 40.0, 0.3: 50.0, 0.2: 50.0, 0.4: 45.0}
    results = {f'{settings.name()}/threshold_{value:.2f}/mIoU': score for value, score in scores.items()}
    assert best_threshold(results, settings) == 0.2
