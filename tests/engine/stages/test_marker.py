from mmseg_wsss.engine.stages.marker import changes


def made_from(**settings):
    return {'settings': settings, 'files': {}, 'stages': {}}


def test_a_part_under_its_former_name_is_the_same_part():
    old = made_from(val_evaluator=[{'type': 'TagContourFScore', 'split': 'val', 'bound': 0.01}], model={'type': 'A'})
    new = made_from(val_evaluator=[{'type': 'ContourFScore', 'split': 'val', 'bound': 0.01}], model={'type': 'A'})
    assert changes(old, new) == changes(new, old) == []
    new['settings']['val_evaluator'][0]['bound'] = 0.02
    assert changes(old, new) == ['val_evaluator.0.bound: 0.01 -> 0.02']
    new['settings']['val_evaluator'][0].update(type='SubsetIoUMetric', bound=0.01)
    assert changes(old, new) == ['val_evaluator.0.type: "ContourFScore" -> "SubsetIoUMetric"']
