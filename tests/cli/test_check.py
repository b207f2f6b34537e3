"""``wsss check``: every fault with its message and the exit status."""

import json
import re
import shutil
import unicodedata
from copy import deepcopy

import numpy as np
import pytest
import tifffile
from PIL import Image

from mmseg_wsss.cli.main import main
from tests.helpers.models import head_config, model_config
from tests.helpers.own_data import BOXES, CLICKS, SIZE, own_config, save, write_data, write_labels, write_own_config
from tests.helpers.trainings import write_config

TAGS = {'loss_tags': {'type': 'ImageTagLoss'}}


@pytest.fixture
def check(tmp_path, capsys):
    """Write data and config, check the config, and return the exit status and what was printed."""

    def run(*arguments, **settings):
        if not (tmp_path / 'weak_labels.json').exists():
            write_data(tmp_path)
        path = write_own_config(tmp_path, **settings)
        status = main(['check', str(path), *map(str, arguments)])
        return status, capsys.readouterr().out

    return run


def test_a_config_that_is_fine(check, tmp_path):
    status, text = check('--strict', '--json', tmp_path / 'out.json', '--decode', '--all-masks')
    assert status == 0
    assert text.splitlines()[0] == f'{tmp_path}/config.py is fine'
    lines = [line.strip() for line in text.splitlines()]
    assert 'class                     clicks' in lines
    assert 'losses                   loss_ce' in lines
    assert '0 of 200 training crops drawn hold no labelled pixel' in lines
    content = json.loads((tmp_path / 'out.json').read_text())
    assert (content['exit_status'], content['errors'], content['warnings']) == (0, [], [])
    assert content['data']['training data']['labels'] == {'points': {'background': 4, 'crop': 4, 'weed': 4}}
    assert content['data']['training data']['losses'] == {'points': ['loss_ce']}


@pytest.mark.parametrize(
    ('entry', 'settings', 'text'),
    [
        ({'boxes': BOXES}, {}, '8 boxes (4 crop, 4 weed) in 4 of 4 images, and no loss uses them: .*draw_boxes=False'),
        ({'tags': [1, 2]}, {}, '8 tags (4 crop, 4 weed) in 4 of 4 images, and no loss uses them: .*nothing would be'),
        ({'tags': [1, 2], 'points': CLICKS}, {}, '8 tags (4 crop, 4 weed) in 4 of 4 images, and no loss uses them'),
        ({'boxes': BOXES, 'points': CLICKS}, {}, "no loss uses them.*or unused_labels='warn'"),
        ({'points': CLICKS, 'tags': [1, 2]}, {'losses': TAGS}, '12 clicks .* and no loss uses them'),
    ],
)
def test_labels_that_nothing_uses(check, tmp_path, entry, settings, text):
    write_data(tmp_path, entry)
    status, printed = check(**settings)
    assert status == 1
    assert 'ERROR: ' in printed
    assert re.search(text.replace('(', r'\(').replace(')', r'\)'), printed)


@pytest.mark.parametrize(
    ('entry', 'settings'),
    [
        ({'boxes': BOXES, 'points': CLICKS}, {'draw': {'draw_boxes': True}}),
        ({'boxes': BOXES, 'points': CLICKS}, {'load': {'kinds': ['points']}}),
        ({'boxes': BOXES}, {'losses': TAGS}),
        ({'tags': [1, 2]}, {'losses': TAGS, 'load': {'kinds': ['tags']}}),
        ({'tags': [1, 2], 'points': CLICKS}, {'losses': {**TAGS, 'loss_ce': {'type': 'PartialCrossEntropyLoss'}}}),
    ],
)
def test_labels_that_something_uses(check, tmp_path, entry, settings):
    write_data(tmp_path, entry)
    if 'points' not in entry or settings.get('load'):
        settings = {**settings, 'steps': []}
    assert check('--strict', **settings)[0] == 0


def test_unused_labels_on_purpose(check, tmp_path):
    write_data(tmp_path, {'boxes': BOXES, 'points': CLICKS})
    status, text = check(train={'unused_labels': 'warn'})
    assert (status, 'WARNING' in text) == (0, True)
    assert check('--strict', train={'unused_labels': 'warn'})[0] == 1


def to_255(root, number=4):
    for index in range(number):
        mask = np.zeros(SIZE[::-1], np.uint8)
        mask[5:16, 5:21] = 255
        save(root / f'masks/{index}.png', mask)


def test_masks_of_0_and_255(check, tmp_path):
    write_data(tmp_path)
    to_255(tmp_path)
    status, text = check()
    assert status == 1
    assert f'{tmp_path}/masks: the 4 masks hold the values 0 and 255 alone' in text
    assert 'Is 255 the object?' in text
    status, text = check(
        train={'use_dense_masks': True, 'data_prefix': {'img_path': 'images', 'seg_map_path': 'masks'}}
    )
    assert (status, text.count('Is 255 the object?')) == (1, 2)


@pytest.mark.parametrize(
    ('values', 'text'),
    [
        ((0, 128, 255), r'holds the values [128], which are neither ids of the 3 classes'),
        ((1, 2, 3), 'They may count the classes from 1'),
        ((255, 255, 255), 'every pixel of the 4 masks is 255'),
        ((0, 0, 0), 'hold no pixel of crop, weed: their IoU will be nan'),
    ],
)
def test_other_values_of_masks(check, tmp_path, values, text):
    write_data(tmp_path)
    for index in range(4):
        mask = np.full(SIZE[::-1], values[0], np.uint8)
        mask[5:16, 5:21], mask[25:36, 25:41] = values[1:]
        save(tmp_path / f'masks/{index}.png', mask)
    status, printed = check('--strict')
    assert status == 1
    assert text in printed


def test_masks_of_colours(check, tmp_path):
    write_data(tmp_path)
    save(tmp_path / 'masks/2.png', np.zeros((*SIZE[::-1], 3), np.uint8))
    status, text = check()
    assert status == 1
    assert 'colours are not class ids' in text


def test_clicks_on_objects_alone(check, tmp_path):
    write_data(tmp_path, {'points': CLICKS[1:]})
    status, text = check()
    assert status == 0
    assert 'WARNING: ' in text
    assert 'nothing is labelled background (class 0)' in text
    assert check('--strict')[0] == 1


def test_one_class(check, tmp_path):
    write_data(tmp_path, {'points': CLICKS[:1]}, classes=('weed',))
    one = {'metainfo': {'classes': ('weed',)}}
    status, text = check(train=one, val=one)
    assert status == 1
    assert 'there is one class (weed), and class 0 is the background' in text


def test_classes_of_network_metrics_and_data(check):
    status, text = check(model=model_config('fcn', num_classes=5))
    assert status == 1
    assert 'the training data has 3 classes with the background, but model.decode_head.num_classes is 5' in text
    status, text = check(val_evaluator={'type': 'SubsetIoUMetric', 'classes': ['background', 'cat']})
    assert status == 1
    assert 'val_evaluator: ' in text
    assert 'cat' in text


def test_crops_without_labels_and_larger_than_the_images(check, tmp_path):
    write_data(tmp_path, {'points': CLICKS[:1]})
    status, text = check(steps=[{'type': 'WeakRandomCrop', 'crop_size': (8, 8)}])
    assert status == 0
    assert 'of the training crops hold no labelled pixel: give WeakRandomCrop min_labels=1' in text
    status, text = check(steps=[{'type': 'WeakRandomCrop', 'crop_size': (512, 512)}])
    assert 'WARNING: 100% of the training crops are smaller than crop_size=(512, 512)' in text


@pytest.mark.parametrize('head', ['deeplabv3plus', 'psp', 'uper'])
def test_batches_of_one_image_with_pooled_batch_norm(check, head):
    cfg = {'batch_size': 1, 'sampler': {'type': 'ResumableInfiniteSampler'}}
    loader = own_config_loader(check, cfg)
    status, text = check(model=model_config(head), train_dataloader=loader)
    assert status == 1
    assert 'batch normalisation of a pooled map needs two images, and a batch has one: decode_head.' in text
    assert check(model=model_config(head))[0] == 0
    assert check(model=model_config(head_config('fcn')), train_dataloader=loader)[0] == 0


def own_config_loader(check, changes):
    """The training data of the config with other settings of its loader."""
    root = check.__closure__[[*check.__code__.co_freevars].index('tmp_path')].cell_contents
    return {**own_config(root).to_dict()['train_dataloader'], **changes}


def test_one_image_that_is_left_over(check, tmp_path):
    write_data(tmp_path, number=5)
    plain = {'sampler': {'type': 'DefaultSampler', 'shuffle': True}}
    status, text = check(model=model_config('psp'), train_dataloader=own_config_loader(check, plain))
    assert (status, 'a batch has one' in text) == (1, True)
    loader = own_config_loader(check, {**plain, 'drop_last': True})
    assert check(model=model_config('psp'), train_dataloader=loader)[0] == 0


def test_files_of_weights(check, tmp_path):
    model = model_config('fcn')
    model['backbone']['init_cfg'] = {'type': 'Pretrained', 'checkpoint': 'none.pth'}
    status, text = check(model=model, load_from=str(tmp_path / 'x.pth'))
    assert status == 1
    assert "model.backbone.init_cfg.checkpoint='none.pth' is not there: correct the path" in text
    assert f"load_from='{tmp_path}/x.pth' is not there" in text
    model = deepcopy(model)
    model['backbone']['init_cfg']['checkpoint'] = 'torchvision://resnet18'
    status, text = check(model=model)
    assert status == 0
    assert (
        "NOTE: model.backbone.init_cfg.checkpoint='torchvision://resnet18' is downloaded when the training starts"
        in text
    )


def test_validation_without_masks(check, tmp_path):
    lines = 'to train without validation: val_dataloader = None, val_cfg = None, val_evaluator = None'
    status, text = check(val={'data_prefix': {'img_path': 'images'}})
    assert status == 1
    assert 'val data: there are no masks to compare with' in text
    assert lines in text
    (tmp_path / 'masks/3.png').unlink()
    status, text = check()
    assert (status, lines in text, '3.png is not on disk' in text) == (1, True, True)
    status, text = check(val_dataloader=None)
    assert status == 1
    assert (
        'val_dataloader is None, and the others are not: set all or none: val_dataloader = None, val_cfg = None' in text
    )
    nothing = {'val_dataloader': None, 'val_cfg': None, 'val_evaluator': None}
    status, text = check(**nothing)
    assert (status, 'NOTE: no validation' in text) == (0, True)


def test_damaged_images(check, tmp_path):
    write_data(tmp_path)
    for index in (1, 3):
        content = (tmp_path / f'images/{index}.png').read_bytes()
        (tmp_path / f'images/{index}.png').write_bytes(content[: len(content) // 2])
    assert check()[0] == 0
    status, text = check('--decode')
    assert status == 1
    assert "image '1': " in text
    assert "image '3': " in text
    (tmp_path / 'images/0.png').write_bytes(b'')
    status, text = check('--decode')
    assert status == 1
    assert 'images/0.png is not an image: it is empty' in text
    assert "image '3': " in text


def test_deep_pictures(check, tmp_path):
    write_data(tmp_path)
    for index in range(4):
        for number, folder in enumerate(('images', 'measured')):
            deep = np.linspace(1 - number, 4000, 40 * 48).astype(np.uint16).reshape(40, 48)
            save(tmp_path / f'{folder}/{index}.png', deep)
    status, text = check()
    assert status == 1
    assert "dict(type='LoadDeepImage', range=(1, 4000)) instead of LoadImageFromFile" in text
    cfg = own_config(tmp_path)
    for loader in (cfg.train_dataloader, cfg.val_dataloader):
        loader.dataset.pipeline[0] = {'type': 'LoadDeepImage', 'range': (0, 4095)}
    assert main(['check', str(write_config(cfg, tmp_path / 'deep.py')), '--strict', '--decode']) == 0


def test_a_validation_on_training_images(check, tmp_path):
    write_data(tmp_path)
    prefix = {'img_path': 'images', 'seg_map_path': 'masks'}
    status, text = check(val={'data_prefix': prefix})
    message = 'WARNING: {} of 4 images of the validation are training images, too (first: {}/{}/0.png): their scores'
    assert (status, message.format(4, tmp_path, 'images') in text) == (0, True)
    assert check('--strict', val={'data_prefix': prefix})[0] == 1
    shutil.copy(tmp_path / 'images/3.png', tmp_path / 'measured/0.png')  # under another name
    assert message.format(1, tmp_path, 'measured') in check()[1]
    (tmp_path / 'train.txt').write_text('0\n1\n')
    (tmp_path / 'val.txt').write_text('2\n3\n')
    assert (
        check('--strict', train={'ann_file': 'train.txt'}, val={'ann_file': 'val.txt', 'data_prefix': prefix})[0] == 0
    )


def test_masks_of_a_data_set_of_mmseg(check, tmp_path):
    write_data(tmp_path)
    cfg = own_config(tmp_path)
    plain = {key: cfg.val_dataloader.dataset[key] for key in ('data_root', 'metainfo', 'img_suffix', 'pipeline')}
    prefix = {'img_path': 'measured', 'seg_map_path': 'masks'}
    plain = {**plain, 'type': 'BaseSegDataset', 'seg_map_suffix': '.png', 'data_prefix': prefix, 'test_mode': True}
    loader = {**cfg.val_dataloader, 'dataset': plain}
    assert check('--strict', val_dataloader=loader)[0] == 0
    to_255(tmp_path)
    status, text = check(val_dataloader=loader)
    assert (status, 'Is 255 the object?' in text) == (1, True)


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('model = dict(', "line 1: '(' was never closed"),
        ("_base_ = './none.py'", 'the config cannot be read: '),
        (
            "custom_imports = dict(imports=['no_such_module'], allow_failed_imports=False)",
            'the config cannot be read: ',
        ),
    ],
)
def test_configs_that_cannot_be_read(tmp_path, capsys, text, message):
    (tmp_path / 'c.py').write_text(text + '\n')
    assert main(['check', str(tmp_path / 'c.py')]) == 1
    assert message in capsys.readouterr().out


def test_faults_of_the_model_have_their_key(check):
    losses = {'loss_crf': {'type': 'GatedCRFLoss', 'loss_wieght': 1.0}}
    status, text = check(losses=losses)
    assert status == 1
    assert "ERROR: model.losses.loss_crf (GatedCRFLoss): unknown key 'loss_wieght'; did you mean 'loss_weight'?" in text


def test_stages(tmp_path, capsys):
    write_data(tmp_path, {'boxes': BOXES})
    first = own_config(tmp_path).to_dict()
    second = own_config(tmp_path, train={'weak_labels': '{stages.a.dir}/w.json'}).to_dict()
    (tmp_path / 'c.py').write_text(f"runner_type = 'StagedRunner'\nstages = dict(a={first!r}, b={second!r})\n")
    assert main(['check', str(tmp_path / 'c.py')]) == 1
    text = capsys.readouterr().out
    assert '8 boxes (4 crop, 4 weed)' in text
    assert "NOTE: stage 2/2 'b' learns from what other stages write" in text


# ---------------------------------------------------------------- labels


def labels(root, *arguments):
    return main(['check', str(root / 'weak_labels.json'), '--images', str(root / 'images'), *map(str, arguments)])


def test_boxes_alone_are_fine_and_want_a_recipe(tmp_path, capsys):
    write_data(tmp_path, {'boxes': BOXES})
    assert labels(tmp_path, '--strict', '--json', tmp_path / 'out.json') == 0
    text = capsys.readouterr().out
    assert 'weak_labels.json is fine: 4 images, 3 classes\n' in text
    assert 'NOTE: no label here labels a pixel, so recipes for clicks learn nothing from them: boxes need' in text
    assert json.loads((tmp_path / 'out.json').read_text())['data']['labels']['pipeline'] == {'boxes': ['boxes', 'tags']}


@pytest.mark.parametrize('orientation', [3, 6])
def test_pictures_that_are_turned(tmp_path, capsys, orientation):
    write_data(tmp_path)
    exif = Image.Exif()
    exif[274] = orientation
    for index in range(4):
        Image.new('RGB', SIZE).save(tmp_path / f'images/{index}.png', exif=exif)
    status = labels(tmp_path)
    text = capsys.readouterr().out
    assert (status, 'EXIF orientation' in text) == ((0 if orientation == 3 else 1), True)
    # without sizes in the labels, a click outside the turned image tells
    write_labels(tmp_path, [{'file_name': '0.png', 'points': [{'x': 45, 'y': 20, 'class': 1}]}])
    status = labels(tmp_path)
    assert (status, 'EXIF orientation' in capsys.readouterr().out) == ((0 if orientation == 3 else 1), True)


@pytest.mark.parametrize(
    ('array', 'text'),
    [
        (np.zeros((40, 48, 5), np.uint8), '5 bands: only 1, 3 or 4 can be loaded'),
        (np.ones((40, 48), np.float32) * np.linspace(0, 1, 48, dtype=np.float32), 'LoadDeepImage(range=(low, high))'),
        (np.arange(1920, dtype=np.uint16).reshape(40, 48), 'LoadImageFromFile leaves 8 grey levels, 0 to 7 of 255'),
    ],
)
def test_tiff_that_the_loader_does_not_take(tmp_path, capsys, array, text):
    write_data(tmp_path, number=1, suffix='.tif')
    planar = {'planarconfig': 'contig'} if array.ndim == 3 else {}
    tifffile.imwrite(tmp_path / 'images/0.tif', array, photometric='minisblack', **planar)
    assert labels(tmp_path, '--img-suffix', '.tif') == 1
    assert text in capsys.readouterr().out


def test_names_that_differ_in_their_unicode_form(tmp_path, capsys):
    write_data(tmp_path, number=1)
    name = 'größe.png'
    (tmp_path / 'images/0.png').rename(tmp_path / 'images' / unicodedata.normalize('NFD', name))
    write_labels(tmp_path, [{'file_name': unicodedata.normalize('NFC', name), 'points': CLICKS}])
    assert labels(tmp_path) == 1
    assert 'the same name in another Unicode form: NFD on disk' in capsys.readouterr().out


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (
            ['none.json'],
            'none.json is not a file: expected weak_labels.json, a folder of pseudo-labels, or the config of a',
        ),
        (['{root}/weak_labels.json'], 'labels are checked against their images: add --images DIR'),
        (['{root}/empty.py'], 'has no model or no train_dataloader'),
        (['{root}/empty.py', '--cfg-options', 'model'], "--cfg-options must be KEY=VALUE, got 'model'"),
        (
            ['{root}/weak_labels.json', '--images', '{root}', '--json', '{root}/weak_labels.json'],
            'weak_labels.json exists and is not a report of wsss check; choose another --json',
        ),
    ],
)
def test_wrong_calls(tmp_path, capsys, arguments, message):
    write_data(tmp_path)
    (tmp_path / 'empty.py').write_text('')
    assert main(['check', *(argument.format(root=tmp_path) for argument in arguments)]) == 2
    assert message in capsys.readouterr().err
    with pytest.raises(SystemExit, match='2'):
        main(['check'])


def test_settings_of_the_training_are_checked(check):
    status, text = check(val_evaluator={'type': 'IoUMetric', 'iou_metrics': ['miou']})
    assert status == 1
    assert "val_evaluator.iou_metrics: unknown metric 'miou'; Choose from 'mIoU'" in text
