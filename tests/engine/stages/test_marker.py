"""What counts as a change between a finished stage and its config."""

import pytest
from mmengine.runner import Runner

from mmseg_wsss.engine.stages.marker import changes
from tests.engine.stages.test_runner import folder_state, staged_config, train

TAGS = {'score_threshold': 0.2, 'background_power': 2.0}
OLD = {'type': 'TagEncoderDecoder', **TAGS}
NEW = {'type': 'WeakEncoderDecoder', 'decision': {'type': 'TagDecision', **TAGS}}


def made_from(model, **settings):
    return {'settings': {'model': model, 'train_cfg': {'max_iters': 3}, **settings}, 'files': {}, 'stages': {}}


def test_settings_in_old_and_new_names_are_equal_if_they_mean_the_same():
    assert changes(made_from(OLD), made_from(NEW)) == []
    assert changes(made_from(NEW), made_from(OLD)) == []
    other = {**NEW, 'decision': {**NEW['decision'], 'score_threshold': 0.3}}
    assert changes(made_from(OLD), made_from(other)) == ['model.decision.score_threshold: 0.2 -> 0.3']
    switched_off = {'type': 'TagEncoderDecoder', 'score_threshold': 0.0, 'background_power': 1.0}
    without = {'type': 'WeakEncoderDecoder', 'decision': {'type': 'ArgmaxDecision'}}
    assert changes(made_from(switched_off), made_from(without)) == []


def test_a_preprocessor_that_a_runner_does_not_use_is_not_compared():
    own = {**NEW, 'data_preprocessor': {'type': 'SegDataPreProcessor', 'size': [96, 96]}}
    beside = made_from(own, data_preprocessor={'type': 'SegDataPreProcessor', 'size': [448, 448]})
    assert changes(beside, made_from(own)) == changes(made_from(own), beside) == []
    used = made_from(NEW, data_preprocessor={'type': 'SegDataPreProcessor'})
    assert changes(used, made_from(NEW)) == ['data_preprocessor: {"type": "SegDataPreProcessor"} -> (not set)']


def test_stages_finished_under_an_old_name_are_kept_under_the_new_one(tmp_path, monkeypatch):
    monkeypatch.setattr(Runner, '_log_env', lambda self, env_cfg: None)

    def config(settings):
        cfg = staged_config(tmp_path)
        cfg.model.update(settings)
        return cfg

    with pytest.warns(FutureWarning, match='TagEncoderDecoder is called WeakEncoderDecoder now'):
        results = train(config(OLD))
    before = folder_state(tmp_path)
    assert train(config(NEW)) == results
    assert folder_state(tmp_path) == before
    cfg = config(NEW)
    cfg.model.decision.background_power = 3.0
    with pytest.raises(ValueError, match=r'model.decision.background_power: 2.0 -> 3.0'):
        train(cfg)


def test_a_part_under_its_former_name_is_the_same_part():
    old = made_from(val_evaluator=[{'type': 'TagContourFScore', 'split': 'val', 'bound': 0.01}], model={'type': 'A'})
    new = made_from(val_evaluator=[{'type': 'ContourFScore', 'split': 'val', 'bound': 0.01}], model={'type': 'A'})
    assert changes(old, new) == changes(new, old) == []
    new['settings']['val_evaluator'][0]['bound'] = 0.02
    assert changes(old, new) == ['val_evaluator.0.bound: 0.01 -> 0.02']
    new['settings']['val_evaluator'][0].update(type='SubsetIoUMetric', bound=0.01)
    assert changes(old, new) == ['val_evaluator.0.type: "ContourFScore" -> "SubsetIoUMetric"']
