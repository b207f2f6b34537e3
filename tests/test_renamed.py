"""Old names of registered types, on a registry of this test."""

import pytest
from mmengine.registry import Registry

from mmseg_wsss.renamed import in_new_names, register_equal, register_renamed

PARTS = Registry('parts of a test', scope='mmseg')


@PARTS.register_module()
class NewPart:
    def __init__(self, size, inner=None):
        self.size = size
        self.inner = inner


def halved(settings):
    return {**{key: value for key, value in settings.items() if key != 'double'}, 'type': 'NewPart',
            'size': settings['double'] // 2}  # fmt: skip


register_renamed(PARTS, 'OldPartOfATest', halved)


def test_an_old_name_builds_the_new_type_with_a_warning():
    settings = {'type': 'OldPartOfATest', 'double': 6, 'inner': (1, 2)}
    with pytest.warns(FutureWarning, match=r"OldPartOfATest is an old name.*write dict\(type='NewPart', size=3\)"):
        part = PARTS.build(settings)
    assert type(part) is NewPart
    assert (part.size, part.inner) == (3, (1, 2))
    assert settings == {'type': 'OldPartOfATest', 'double': 6, 'inner': (1, 2)}
    assert PARTS.get('OldPartOfATest').__module__ == 'mmseg_wsss.renamed'


def test_nested_settings_are_compared_in_new_names():
    old = {'a': [{'type': 'OldPartOfATest', 'double': 4, 'inner': {'type': 'OldPartOfATest', 'double': 2}}, 'x', None]}
    assert in_new_names(old) == {
        'a': [{'type': 'NewPart', 'size': 2, 'inner': {'type': 'NewPart', 'size': 1}}, 'x', None]
    }
    assert in_new_names({'type': 5, 'OldPartOfATest': 1}) == {'type': 5, 'OldPartOfATest': 1}
    register_equal('NewPart', lambda settings: {**settings, 'size': settings['size'] % 10})
    try:
        assert in_new_names({'type': 'NewPart', 'size': 12}) == in_new_names({'type': 'NewPart', 'size': 2})
        assert in_new_names({'type': 'OldPartOfATest', 'double': 24}) == {'type': 'NewPart', 'size': 2}
    finally:
        register_equal('NewPart', dict)
