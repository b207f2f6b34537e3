"""Images that are in two data sets."""

import os
from types import SimpleNamespace

import pytest

from mmseg_wsss.datasets import shared_images as module
from mmseg_wsss.datasets.shared_images import shared_finding, shared_images


@pytest.fixture
def files(tmp_path):
    for name, content in (('a', b'one'), ('b', b'two'), ('c', b'two'), ('d', b'six'), ('e', b'other')):
        (tmp_path / name).write_bytes(content)
    os.symlink(tmp_path / 'a', tmp_path / 'link')
    return {name: str(tmp_path / name) for name in ('a', 'b', 'c', 'd', 'e', 'link')}


class Listed(list):
    """A data set of files."""

    def get_data_info(self, index):
        return {'img_path': self[index]}


@pytest.mark.parametrize(
    ('train', 'evaluated', 'shared'),
    [
        ('ab', ['a'], ['a']),
        ('ab', ['link'], ['link']),
        ('ab', ['c', 'd', 'e'], ['c']),
        ('ab', ['d', 'e'], []),
        ('', ['a'], []),
    ],
)
def test_the_same_file_and_copies(files, train, evaluated, shared):
    found = shared_images([files[name] for name in train], [files[name] for name in evaluated])
    assert found == [files[name] for name in shared]


def test_files_with_the_same_middle_are_compared_as_a_whole(tmp_path):
    middle = bytes(3 * module.SAMPLE)
    for name, content in (('a', b'1' + middle), ('b', b'2' + middle), ('c', b'2' + middle)):
        (tmp_path / name).write_bytes(content)
    files = {name: str(tmp_path / name) for name in 'abc'}
    assert shared_images([files['a']], [files['b']]) == []
    assert shared_images([files['a'], files['b']], [files['c']]) == [files['c']]


def test_a_warning_names_the_first_also_inside_of_wrappers(files, monkeypatch):
    train, evaluated = Listed([files['a'], files['b']]), Listed([files['d'], files['c']])
    (finding,) = shared_finding(train, SimpleNamespace(datasets=[evaluated, Listed([files['a'], '/nowhere'])]))
    assert (finding.level, finding.text) == (
        'warning', f'2 of 3 images of the validation are training images, too (first: {files["c"]})'
    )  # fmt: skip
    assert shared_finding(train, Listed([files['e']])) == []
    monkeypatch.setattr(module, 'MOST_IMAGES', 1)
    assert shared_finding(train, evaluated) == []
