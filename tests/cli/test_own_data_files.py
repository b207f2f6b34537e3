"""The text of a config for own data, and which masks are written again; ``test_init.py`` has the whole command."""

import pytest
from PIL import Image

from mmseg_wsss.cli._own_data_files import config_text, loading_of, write_labels
from mmseg_wsss.datasets.own_data import Pictures, Plan
from mmseg_wsss.datasets.own_data.folders import find_folders
from mmseg_wsss.datasets.own_data.gathering import gather

PICTURES = Pictures(size=(8, 6), bits=8, bands=3, mean=(1.0, 2.0, 3.0), std=(4.0, 5.0, 6.0))
PLAN = Plan(recipe='clicks_cpu', variables={'crop': 64}, reasons=())


@pytest.mark.parametrize('suffix', ['.jpg', '.png'])
def test_only_what_differs_from_the_recipe_is_in_the_config(suffix):
    places = {'images': 'i', 'masks': None, 'img_suffix': suffix, 'background': True}
    lines = config_text(PLAN, PICTURES, places, 'head').splitlines()
    assert lines == [
        '# head',
        "_base_ = './base.py'  # own_data/clicks_cpu",
        "images, masks = 'i', None",
        *(["img_suffix = '.png'"] if suffix == '.png' else []),
        'crop = 64',
        'mean, std = [1.0, 2.0, 3.0], [4.0, 5.0, 6.0]',
    ]


@pytest.mark.parametrize(('bands', 'chosen'), [(4, ''), (5, ', bands=(0, 1, 2)')])
def test_more_than_four_bands_are_too_many_for_a_loader(bands, chosen):
    deep = Pictures(size=(8, 6), bits=16, bands=bands, mean=(1.0,), std=(1.0,), values=(10.0, 4000.0))
    assert loading_of(deep) == f"dict(type='LoadDeepImage', range=(10, 4000){chosen})"


@pytest.mark.parametrize('end', ['', '_mask'])
def test_masks_with_other_names_than_their_images_are_written_again(tmp_path, end):
    for key in ('a', 'b'):
        for folder, name, mode in (('images', f'{key}.jpg', 'RGB'), ('masks', f'{key}{end}.png', 'L')):
            (tmp_path / folder).mkdir(exist_ok=True)
            picture = Image.new(mode, (8, 6))
            if mode == 'L':
                picture.putpixel((2, 3), 1)
            picture.save(tmp_path / folder / name)
    folders = find_folders(None, tmp_path / 'images', None, tmp_path / 'masks')
    gathered = gather(folders, ('background', 'cat'))
    masks = write_labels(tmp_path / 'out', gathered, {'train': ['a'], 'val': ['b']}, folders)
    assert masks == (tmp_path / ('out/masks_of_classes' if end else 'masks'))
    assert (masks / 'b.png').is_file()
