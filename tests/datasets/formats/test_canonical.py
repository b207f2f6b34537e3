"""The JSON Schema in the package and the reader take and refuse the same files."""

import copy
import importlib.resources
import json
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from mmseg_wsss.datasets.formats import read_labels

SCHEMA = json.loads(
    importlib.resources.files('mmseg_wsss.datasets.formats').joinpath('weak_labels.schema.json').read_text()
)
VALIDATOR = Draft202012Validator(SCHEMA)
FULL = {
    'version': 1,
    'classes': [{'name': 'background', 'color': [0, 0, 0]}, {'name': 'weed', 'color': [0, 128, 255]}],
    'images': [
        {
            'file_name': 'field/1.jpg',
            'width': 640,
            'height': 480,
            'points': [{'x': 31.5, 'y': 200, 'class': 1}],
            'scribbles': [{'points': [[10, 12], [40, 18]], 'class': 0}],
            'boxes': [{'box': [100, 80, 180, 140], 'class': 1}],
            'tags': [1],
            'mask': 'masks/field_1.png',
        },
        {'file_name': 'b.jpg'},
    ],
}
# What is put in the place of a value, or under a key that is not known.
VALUES = (
    None, True, False, 0, 1, 1.0, 1.5, -1, 255, 256, 64.0, 2_000_000, '', ' ', 'a', '1', [], [1], [1, 2], [[1, 2]],
    [1, 2, 3, 4], ['1', 2], [True, 2], {}, {'x': 1}, {'x': 1, 'y': 1, 'class': 1},
)  # fmt: skip


def places(value, path=()):
    """The paths of all values of a document."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in items:
        yield from places(child, (*path, key))


PLACES = [path for path in places(FULL) if path]


def changed(path, action, value):
    document = copy.deepcopy(FULL)
    parent = document
    for key in path[:-1]:
        parent = parent[key]
    if action == 'remove':
        del parent[path[-1]]
    elif action == 'add' and isinstance(parent, dict):
        parent['other'] = value
    else:
        parent[path[-1]] = value
    return document


def outcome(tmp_path, document):
    """Whether a document is read; None where it is refused for what a schema cannot say of numbers and names."""
    path = tmp_path / 'w.json'
    path.write_text(json.dumps(document))
    try:
        read_labels(str(path))
    except ValueError as error:
        beyond = r'class \d+ is not one of|swapped corners|image .* appears twice|every class a color|names must differ'
        return None if re.search(beyond, str(error)) else False
    return True


def test_the_schema_is_a_schema_and_takes_the_example():
    Draft202012Validator.check_schema(SCHEMA)
    assert VALIDATOR.is_valid(FULL)


@pytest.mark.parametrize('path', PLACES, ids=lambda path: '.'.join(map(str, path)))
def test_schema_and_reader_agree(tmp_path, path):
    for action, values in (('remove', [None]), ('add', [1]), ('replace', VALUES)):
        for value in values:
            document = changed(path, action, value)
            assert outcome(tmp_path, document) in (None, VALIDATOR.is_valid(document)), (action, value)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_schema_and_reader_agree_on_two_changes(tmp_path, data):
    document = FULL
    for _ in range(2):
        path = data.draw(st.sampled_from([path for path in places(document) if path] or [('version',)]))
        action = data.draw(st.sampled_from(['remove', 'replace']))
        value = data.draw(st.sampled_from(VALUES))
        document = copy.deepcopy(document)
        parent = document
        for key in path[:-1]:
            parent = parent[key]
        if action == 'remove':
            del parent[path[-1]]
        else:
            parent[path[-1]] = value
    assert outcome(tmp_path, document) in (None, VALIDATOR.is_valid(document)), document
