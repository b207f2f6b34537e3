import numpy as np
import pytest

from mmseg_wsss.functional.checks import check_integer, is_integer


@pytest.mark.parametrize(('value', 'least'), [(1, 1), (0, 0), (-3, -3), (7, 2)])
def test_an_integer_is_returned(value, least):
    assert check_integer(value, 'number', least) == value
    assert is_integer(value, least)


@pytest.mark.parametrize(
    ('value', 'least', 'message'),
    [
        (0, 1, 'number must be a positive integer, got 0'),
        (-1, 0, 'number must be a non-negative integer, got -1'),
        (1, 2, 'number must be an integer of at least 2, got 1'),
        (2.0, 1, 'number must be a positive integer, got 2.0'),
        (True, 1, 'number must be a positive integer, got True'),
        ('3', 1, "number must be a positive integer, got '3'"),
        (np.float32(3), 1, 'number must be a positive integer'),
    ],
)
def test_anything_else_is_an_error(value, least, message):
    with pytest.raises(ValueError, match=message):
        check_integer(value, 'number', least)
    assert not is_integer(value, least)
