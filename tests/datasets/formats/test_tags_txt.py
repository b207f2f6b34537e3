"""Text files of image tags."""

import pytest

from mmseg_wsss.datasets.formats import read_labels, recognise_format

CLASSES = ('background', 'crop', 'weed')


def read(tmp_path, text, **settings):
    (tmp_path / 'tags.txt').write_text(text)
    source = {'format': 'tags_txt', 'path': str(tmp_path / 'tags.txt'), **settings}
    return {entry.file_name: entry.annotations.tags for entry in read_labels(source, CLASSES).images.values()}


@pytest.mark.parametrize(
    ('text', 'settings'),
    [
        ('f/1.jpg weed crop\n\n2.png crop\n3.jpg\n', {}),
        ('f/1.jpg,2,1\n2.png, 1\n3.jpg,\n', {}),
        ('f\\1\t1\t0\n2.png\t0\n3\n', {'first_id': 1}),
    ],
)
def test_names_and_numbers(tmp_path, text, settings):
    assert read(tmp_path, text, **settings) == {'f/1.jpg': (1, 2), '2.png': (1,), '3.jpg': ()}


def test_names_of_images_may_have_blanks_between_commas(tmp_path):
    assert read(tmp_path, 'a.jpg copy.jpg,weed,crop\n') == {'a.jpg copy.jpg': (1, 2)}


def test_only_lines_that_name_pictures_are_recognised(tmp_path):
    read(tmp_path, 'a.jpg weed\nb.jpg 1 2\n')
    assert recognise_format(tmp_path / 'tags.txt').name == 'tags_txt'
    for text in ('a.jpg\nb.jpg\n', 'images/a.jpg masks/a.png\n', 'a weed\n'):
        (tmp_path / 'tags.txt').write_text(text)
        with pytest.raises(ValueError, match='looks like no format'):
            recognise_format(tmp_path / 'tags.txt')


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('a.jpg wede\n', "tags.txt, line 1: unknown class 'wede'; did you mean 'weed'"),
        ('a.jpg 1\nb.jpg 3\n', r"line 2: '3' is not the id of one of the 3 classes \(first_id=0\)"),
        ('a.jpg -1\n', "line 1: unknown class '-1'"),
        ('a.jpg weed,crop\n', "line 1: 'a.jpg weed' has text after the name of an image"),
        ('a photo.jpg weed\n', "line 1: 'photo.jpg' is the name of an image and no class: .* divide image and classes"),
        ('a.jpg\nb.jpg\n', 'tags.txt: no line names a class after the image: is it a split file'),
        ('a.jpg 1\na.png 1\n', "line 2: image 'a' appears twice"),
        ('../a.jpg 1\n', "line 1: the image: '../a.jpg' cannot be the name of a file"),
    ],
)
def test_wrong_lines_are_named(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        read(tmp_path, text)


def test_a_number_for_each_class_is_not_a_list_of_ids(tmp_path):
    (tmp_path / 't.txt').write_text('a.jpg 1 0 0\nb.jpg\nc.jpg 1 0 1\n')
    with pytest.raises(ValueError, match="line 1: expected class names or ids, each once, got '1 0 0'. Rows with a 0"):
        read_labels({'format': 'tags_txt', 'path': str(tmp_path / 't.txt')}, ('background', 'crop', 'weed'))


def test_a_class_for_each_object_is_read(tmp_path):
    (tmp_path / 't.txt').write_text('a.jpg 1 1\nb.jpg 1\nc.jpg 0 1\n')
    images = read_labels({'format': 'tags_txt', 'path': str(tmp_path / 't.txt')}, ('background', 'crop')).images
    assert [images[key].annotations.tags for key in 'abc'] == [(1,), (1,), (1,)]
