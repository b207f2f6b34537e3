"""Which environment variable a missing path comes from."""

import pytest

from mmseg_wsss.engine.environment import hint_of_variables

TEXT = """
data_root = '{{$VOC_ROOT:data/voc}}'
weights = '{{ $WEIGHTS : zoo://net }}'
num = {{'$NUM:80'}}
"""


@pytest.mark.parametrize(
    ('message', 'set_to', 'hint'),
    [
        (
            'data/voc/a.txt not found',
            None,
            " ('data/voc' is the default of the environment variable VOC_ROOT, which is n",
        ),
        ('/mnt/voc/a.txt not found', '/mnt/voc', " ('/mnt/voc' is the environment variable VOC_ROOT)"),
        ('data/voc/a.txt not found', '/mnt/voc', ''),
        ('zoo://net not found', None, ''),
        ('other.txt not found', None, ''),
    ],
)
def test_the_variable_of_a_path(monkeypatch, message, set_to, hint):
    monkeypatch.delenv('VOC_ROOT', raising=False)
    if set_to is not None:
        monkeypatch.setenv('VOC_ROOT', set_to)
    found = hint_of_variables(message, TEXT)
    assert found.startswith(hint)
    assert bool(found) == bool(hint)
