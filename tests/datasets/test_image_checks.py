import numpy as np
from PIL import Image

from mmseg_wsss.datasets.image_checks import image_size, spread


def save_image(path, size, **settings):
    Image.fromarray(np.zeros((size[1], size[0], 3), dtype=np.uint8)).save(path, **settings)


def test_image_size_is_that_of_the_decoded_image_even_when_exif_turns_it(tmp_path):
    exif = Image.Exif()
    exif[274] = 6
    save_image(tmp_path / 'turned.jpg', (8, 6), exif=exif)
    save_image(tmp_path / 'plain.jpg', (8, 6))
    assert image_size(tmp_path / 'turned.jpg') == (6, 8)
    assert image_size(tmp_path / 'plain.jpg') == (8, 6)


def test_keys_are_spread_from_the_first_to_the_last():
    assert spread('abcdefg', 3) == ['a', 'd', 'g']
    assert spread('abc', 3) == ['a', 'b', 'c']
