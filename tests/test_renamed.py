import warnings

import pytest
from mmengine.registry import Registry

from mmseg_wsss.renamed import REMOVED_IN, register_renamed


@pytest.fixture
def colours():
    registry = Registry('colours')
    registry.register_module(name='Mix')(lambda red, blue=0, green=0: (red, blue, green))
    return registry


def test_the_old_name_builds_the_part_and_says_what_to_write(colours):
    old = register_renamed(
        colours, 'Purple', lambda strength, **settings: {'type': 'Mix', 'blue': 2 * strength, **settings}
    )
    message = (
        rf"Purple is called Mix now, .* removed in version {REMOVED_IN}: write dict\(type='Mix', blue=6, ...\) and "
        'without strength'
    )
    with pytest.warns(FutureWarning, match=message):
        assert colours.build({'type': 'Purple', 'red': 1, 'strength': 3}) == (1, 6, 0)
    warned = pytest.warns(FutureWarning, match=r"write dict\(type='Mix', blue=2\) and without strength")
    with warned, pytest.raises(TypeError, match='red'):
        old(strength=1)
    assert (old.__name__, colours.get('Purple')) == ('Purple', old)


def test_the_new_name_is_silent_and_settings_are_not_changed(colours):
    register_renamed(colours, 'Red', lambda **settings: {'type': 'Mix', **settings})
    config = {'type': 'Red', 'red': 1, 'green': 2}
    with pytest.warns(FutureWarning, match=r"write dict\(type='Mix', ...\)$"):
        assert colours.build(config) == (1, 0, 2)
    assert config == {'type': 'Red', 'red': 1, 'green': 2}
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        assert colours.build({'type': 'Mix', 'red': 1}) == (1, 0, 0)


def test_a_name_that_is_taken_is_refused(colours):
    with pytest.raises(KeyError, match='Mix is already registered'):
        register_renamed(colours, 'Mix', lambda **settings: {'type': 'Mix', **settings})
