"""From a folder to a config that builds, and nothing is overwritten."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import tifffile
from mmengine.config import Config
from mmseg.registry import DATASETS
from PIL import Image

from mmseg_wsss.cli.main import main
from mmseg_wsss.datasets.formats import read_labels
from mmseg_wsss.engine.own_data import fill_own_data
from tests.helpers.miniatures import noisy_photo, save
from tests.helpers.one_of_each import CLASSES, write_own_data


@pytest.fixture
def here(tmp_path, monkeypatch):
    (tmp_path / 'project').mkdir()
    monkeypatch.chdir(tmp_path / 'project')
    return tmp_path


def config():
    cfg = Config.fromfile('config.py')
    fill_own_data(cfg)
    return cfg


def test_a_mix_of_all_kinds(here, capsys):
    write_own_data(here / 'data')
    assert main(['init', '../data']) == 0
    printed = capsys.readouterr().out
    assert 'recipe mix_cpu: the labels are clicks on 1 images, scribbles on 1 images, boxes on 1 images' in printed
    assert '5 images are for training and 1 for validation, by the lists in ../data' in printed
    text = (here / 'project/config.py').read_text()
    assert len(text.splitlines()) <= 12
    assert f"images, masks = '{here}/data/images', '{here}/data/masks'" in text
    cfg = config()
    train, val = (DATASETS.build(cfg[f'{split}_dataloader'].dataset) for split in ('train', 'val'))
    assert (len(train), len(val)) == (5, 1)
    assert tuple(train.metainfo['classes']) == tuple(val.metainfo['classes']) == CLASSES
    assert list(cfg.model.losses) == ['loss_ce', 'loss_gated_crf', 'loss_tags']
    assert val[0]['data_samples'].gt_sem_seg.data.max() == 2


def test_nothing_is_overwritten(here, capsys):
    write_own_data(here / 'data')
    (here / 'project/train.txt').write_text('mine\n')
    assert main(['init', '../data']) == 2
    assert 'has train.txt already, and nothing is overwritten: choose another folder with -o' in capsys.readouterr().err
    assert sorted(path.name for path in (here / 'project').iterdir()) == ['train.txt']


def test_classes_without_a_background_other_unlabelled_values_and_other_suffixes(here, capsys):
    for number in range(5):
        rng = np.random.default_rng(number)
        save(here / f'data/images/{number}.png', rng.integers(0, 255, (40, 60, 3), dtype=np.uint8))
        mask = np.full((40, 60), 2, np.uint8)
        mask[:20], mask[20:30] = 0, 1
        save(here / f'data/masks/{number}.png', mask)
    assert main(['init', '../data', '--classes', 'sky,road']) == 0
    printed = capsys.readouterr().out
    assert "class 0 is 'sky', which is not a background: an empty class 'background' was added before it" in printed
    assert 'masks hold the value 2 beside the 2 classes, so it is unlabelled' in printed
    text = (here / 'project/config.py').read_text()
    assert "'masks_of_classes'" in text
    assert "img_suffix = '.png'" in text
    assert 'background = False' in text
    assert set(np.unique(Image.open('masks_of_classes/0.png'))) == {1, 2, 255}
    cfg = config()
    assert list(cfg.classes) == ['background', 'sky', 'road']
    train, val = (DATASETS.build(cfg[f'{split}_dataloader'].dataset) for split in ('train', 'val'))
    assert (len(train), len(val)) == (4, 1)
    assert set(np.unique(train[0]['data_samples'].gt_sem_seg.data)) == {1, 2, 255}
    assert set(np.unique(val[0]['data_samples'].gt_sem_seg.data)) == {1, 2, 255}


def test_boxes_alone_and_no_masks(here, capsys):
    root = write_own_data(here / 'data', kinds=('boxes',))
    for path in (root / 'masks').iterdir():
        path.unlink()
    assert main(['init', '--images', '../data/images', '--labels', '../data/weak_labels.json', '-o', 'out']) == 0
    assert 'no image has a mask: nothing will be measured' in capsys.readouterr().out
    cfg = Config.fromfile('out/config.py')
    fill_own_data(cfg)
    assert cfg.runner_type == 'StagedRunner'
    assert cfg.stages.boxes.task.dataset.data_prefix.img_path == f'{here}/data/images'
    assert cfg.val_dataloader is None
    assert list(read_labels('out/weak_labels.json').images) == ['boxes']


def test_deep_pictures_are_loaded_by_their_range(here, capsys):
    write_own_data(here / 'data', kinds=('clicks',), suffix='.png')
    for name in ('clicks', 'val'):
        deep = np.linspace(100, 3000, 48 * 64).reshape(48, 64).astype(np.uint16)
        save(here / f'data/images/{name}.png', deep)
    assert main(['init', '../data']) == 0
    assert re.search(r'1 band of 16 bits; values 11\d to 298\d become 0 to 255', capsys.readouterr().out)
    text = (here / 'project/config.py').read_text()
    assert re.search(r"loading = dict\(type='LoadDeepImage', range=\(11\d(\.\d+)?, 298\d(\.\d+)?\)\)", text)


def test_show_says_what_differs(here, capsys):
    write_own_data(here / 'data')
    main(['init', '../data'])
    path = here / 'project/config.py'
    path.write_text(path.read_text().replace('iterations = 600', 'iterations = 50'))
    capsys.readouterr()
    assert main(['init', '--show', 'config.py']) == 0
    printed = capsys.readouterr().out
    assert 'recipe mix_cpu' in printed
    assert printed.endswith('config.py has iterations = 50\n')


def test_where_is_the_data(here, capsys):
    assert main(['init']) == 2
    assert 'where is the data? wsss init DATA' in capsys.readouterr().err


def test_many_bands_train_on_the_first_three(here):
    write_own_data(here / 'data', kinds=('clicks',), suffix='.tif')
    for name in ('clicks', 'val'):
        bands = np.random.default_rng(0).integers(0, 4000, (48, 64, 6)).astype(np.uint16)
        tifffile.imwrite(here / f'data/images/{name}.tif', bands, photometric='minisblack', planarconfig='contig')
    assert main(['init', '../data']) == 0
    assert 'bands=(0, 1, 2)' in (here / 'project/config.py').read_text()
    sample = DATASETS.build(config().train_dataloader.dataset)[0]
    assert sample['inputs'].shape[0] == 3


def test_an_init_that_fails_leaves_nothing(here, monkeypatch, capsys):
    write_own_data(here / 'data')
    (here / 'project/mine').mkdir()
    (here / 'project/mine.txt').touch()
    monkeypatch.setattr('mmseg_wsss.cli.init.write_configs', failing)
    assert main(['init', '../data']) == 2
    assert 'the disk is full' in capsys.readouterr().err
    assert sorted(path.name for path in (here / 'project').iterdir()) == ['mine', 'mine.txt']
    monkeypatch.undo()
    monkeypatch.chdir(here / 'project')
    assert main(['init', '../data']) == 0


def polygon(root, key):
    """A YOLO outline of the left half, of class 0."""
    (root / 'labels').mkdir(parents=True, exist_ok=True)
    save(root / f'images/{key}.jpg', noisy_photo())
    (root / f'labels/{key}.txt').write_text('0 0 0 0.5 0 0.5 1 0 1\n')


def test_outlines_are_measured_against_and_folders_of_splits_are_kept(here, capsys):
    for split, keys in (('train', 'abc'), ('valid', 'd'), ('test', 'e')):
        for key in keys:
            polygon(here / 'data' / split, key)
    (here / 'data/data.yaml').write_text('names: [leaf]\n')
    assert main(['init', '../data']) == 0
    assert '3 images are for training and 1 for validation, by their folders; 1 others' in capsys.readouterr().out
    assert (here / 'project/val.txt').read_text() == 'valid/images/d\n'
    cfg = config()
    train, val = (DATASETS.build(cfg[f'{split}_dataloader'].dataset) for split in ('train', 'val'))
    assert (len(train), len(val)) == (3, 1)
    truth = val[0]['data_samples'].gt_sem_seg.data
    assert [int((truth == label).sum()) for label in (0, 1)] == [truth.numel() // 2] * 2


def test_colours_of_a_table_are_masks(here, capsys):
    for number in range(5):
        save(here / f'data/images/{number}.png', noisy_photo())
        mask = np.zeros((48, 64, 3), np.uint8)
        mask[:, 32:] = 0, 200, 0
        save(here / f'data/labels/{number}.png', mask)
    (here / 'data/class_dict.csv').write_text('name,r,g,b\nbackground,0,0,0\nleaf,0,200,0\n')
    assert main(['init', '../data']) == 0
    assert '1 of 5 images with masks are kept for validation, chosen by seed 0' in capsys.readouterr().out
    cfg = config()
    assert list(cfg.classes) == ['background', 'leaf']
    truth = DATASETS.build(cfg.val_dataloader.dataset)[0]['data_samples'].gt_sem_seg.data
    assert truth.unique().tolist() == [0, 1]


def test_masks_without_names_are_described(here, capsys):
    for number in range(2):
        save(here / f'data/images/{number}.png', noisy_photo())
        save(here / f'data/masks/{number}.png', np.array([[0, 1], [2, 200]], np.uint8).repeat(24, 0).repeat(32, 1))
    assert main(['init', '../data']) == 2
    printed = capsys.readouterr().err
    assert 'They hold the values 0, 1, 2, 200: for example --classes background,class1,class2\n' in printed


def failing(output, *rest):
    assert {'train.txt', 'val.txt', 'weak_labels.json'} <= {path.name for path in output.iterdir()}
    (output / 'masks_of_classes').mkdir(exist_ok=True)
    (output / 'masks_of_classes/a.png').touch()
    raise OSError('the disk is full')


def test_data_without_masks_is_checked_without_errors(here, capsys):
    root = write_own_data(here / 'data')
    for mask in (root / 'masks').iterdir():
        mask.unlink()
    content = json.loads((root / 'weak_labels.json').read_text())
    content['images'] = [{**image, 'mask': None} for image in content['images']]
    (root / 'weak_labels.json').write_text(json.dumps(content))
    assert main(['init', '../data']) == 0
    assert config().masks is None
    capsys.readouterr()
    assert main(['check', 'config.py', '--cfg-options', 'model.backbone.init_cfg=None']) == 0
    assert 'NOTE: no validation: the training is never evaluated' in capsys.readouterr().out


@pytest.mark.parametrize(
    ('suffix', 'dtype', 'unlabelled'), [('.PNG', np.uint8, 255), ('.tif', np.int32, -1), ('.png', np.uint16, 999)]
)
def test_masks_that_no_training_would_find_are_written_again(here, suffix, dtype, unlabelled):
    (here / 'data/masks').mkdir(parents=True)
    for name in 'abcde':
        save(here / f'data/images/{name}.jpg', noisy_photo())
        mask = np.eye(48, 64, dtype=dtype)
        mask[0, 1:] = unlabelled
        Image.fromarray(mask).save(here / f'data/masks/{name}{suffix}')
    assert main(['init', '../data', '--classes', 'background,line']) == 0
    labels = DATASETS.build(config().val_dataloader.dataset)[0]['data_samples'].gt_sem_seg.data
    assert (labels.shape[-2:], (labels == 1).sum(), (labels == 255).sum()) == ((48, 64), 48, 63)


@pytest.mark.parametrize(('image', 'mask'), [('{}/a.jpg', '{}_masks/a.png'), ('{}/images/a.jpg', '{}/masks/a.png')])
def test_masks_in_folders_of_splits_are_written_under_the_names_of_their_images(here, image, mask):
    """Validation reads a mask by the id of its image, below one folder."""
    for number, split in enumerate(('train', 'val'), 1):
        save(here / 'data' / image.format(split), noisy_photo())
        save(here / 'data' / mask.format(split), np.full((48, 64), number, np.uint8))
    assert main(['init', '../data', '--classes', 'background,crop,weed']) == 0
    (key,) = Path('val.txt').read_text().split()
    assert np.unique(np.asarray(Image.open(f'masks_of_classes/{key}.png'))).tolist() == [2]
    assert "'masks_of_classes'" in Path('config.py').read_text()
