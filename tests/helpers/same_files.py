"""The same folder from one process and from two."""

from unittest import mock

from mmseg_wsss.datasets import workers


def files_of(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob('*')) if path.is_file()}


def assert_same_files(write, folder):
    """Call ``write(folder, workers)`` with one worker and with two, and compare every byte and what is returned."""
    started = []
    start = workers._by_workers

    def counted(*arguments):
        started.append(arguments[2])
        return start(*arguments)

    alone = write(folder / 'alone', 1)
    with mock.patch.object(workers, '_by_workers', counted):
        shared = write(folder / 'shared', 2)
    assert started
    assert set(started) == {2}
    assert shared == alone
    files = files_of(folder / 'alone')
    assert files
    assert files_of(folder / 'shared') == files
