"""Maps over photos: what is where on the pictures."""

import numpy as np
import pytest
from PIL import Image

from mmseg_wsss.cli.main import main
from mmseg_wsss.datasets.cam_files import ImageCAMs, grid_size, write_cam_index, write_cams
from mmseg_wsss.datasets.shapes_drawing import draw_scene
from mmseg_wsss.labelling.cam_overlays import write_cam_overlays
from mmseg_wsss.labelling.images import prediction_dataset
from mmseg_wsss.labelling.label_folder import image_entry, make_index
from mmseg_wsss.visualization.heat_maps import overlay_heat_map
from tests.labelling.test_cam_export import config, saved

SIZE = (40, 56)
TITLE, SIDE, GAP = 20, 224, 4


def write_maps(cfg, folder):
    """A map of class 3 that is 1 on the left, and one of class 5 that is 1 everywhere, for every image but the last."""
    dataset = prediction_dataset(cfg, 'train')
    rows = {}
    scores = np.zeros((2, *grid_size(SIZE)), np.float16)
    scores[0, :, :7], scores[1] = 1, 1
    for index in range(len(dataset)):
        key, entry = image_entry(dataset.get_data_info(index), dataset, SIZE)
        rows[key] = entry
        last = index == len(dataset) - 1
        classes = np.array([] if last else [3, 5], dtype=np.int64)
        write_cams(folder, key, ImageCAMs(classes, scores[: len(classes)], SIZE))
    write_cam_index(folder, make_index(dataset, rows, {'known_tags': True}))
    return list(rows)


def test_every_class_lies_over_its_photo(tmp_path):
    cfg = config(tmp_path)
    keys = write_maps(cfg, tmp_path / 'cams')
    assert write_cam_overlays(cfg, tmp_path / 'cams', tmp_path / 'out') == len(keys) == 4
    photo = draw_scene(3, 0, SIZE).image.repeat(4, axis=0).repeat(4, axis=1)
    picture = np.asarray(Image.open(tmp_path / f'out/overlays/{keys[0]}.jpg')).astype(int)
    assert picture.shape == (TITLE + 160 + GAP, 3 * (SIDE + GAP), 3)
    panels = [picture[TITLE : TITLE + 160, n * (SIDE + GAP) : n * (SIDE + GAP) + SIDE] for n in range(3)]
    red, blue = (overlay_heat_map(photo, np.full((160, SIDE), value)).astype(int) for value in (1.0, 0.0))
    # The photo was enlarged and compressed: compare means of large parts.
    for drawn, expected in ((panels[0], photo.astype(int)), (panels[2], red)):
        assert np.abs(drawn.mean(axis=(0, 1)) - expected.mean(axis=(0, 1))).max() < 3
    left, right = panels[1][:, :90], panels[1][:, 140:]
    assert np.abs(left.mean(axis=(0, 1)) - red[:, :90].mean(axis=(0, 1))).max() < 4
    assert np.abs(right.mean(axis=(0, 1)) - blue[:, 140:].mean(axis=(0, 1))).max() < 4
    alone = np.asarray(Image.open(tmp_path / f'out/overlays/{keys[-1]}.jpg'))
    assert alone.shape[1] == SIDE + GAP  # nothing but the photo


def test_command_writes_them_beside_the_maps(tmp_path, capsys):
    cfg = config(tmp_path)
    checkpoint, _ = saved(tmp_path, cfg)
    cfg.dump(tmp_path / 'config.py')
    options = ['-o', str(tmp_path / 'cams'), '--known-tags', '--scales', '1', '--no-flip', '--overlays']
    assert main(['cams', str(tmp_path / 'config.py'), str(checkpoint), *options]) == 0
    written = sorted(path.name for path in (tmp_path / 'cams/overlays').iterdir())
    assert written == [f'shapes_0000{index}.jpg' for index in range(4)]
    assert f'{tmp_path}/cams/overlays: 4 pictures' in capsys.readouterr().out


def test_maps_must_be_there(tmp_path):
    with pytest.raises(FileNotFoundError, match='cams.json is missing'):
        write_cam_overlays(config(tmp_path), tmp_path, tmp_path)
