"""Validations that would fail, or whose scores would be wrong, are named before the training."""

import numpy as np
import pytest
from PIL import Image

from mmseg_wsss.cli.main import main
from tests.helpers.own_data import own_config, save, write_data, write_own_config
from tests.helpers.trainings import run_tool

NAMES = ('background', 'crop', 'weed')
LOAD, PACK = {'type': 'LoadImageFromFile'}, {'type': 'PackSegInputs'}


@pytest.fixture
def said(tmp_path, capsys):
    """Write data and config; return what the check prints, and how a training ends."""

    def run(*, fails=True, **settings):
        config = write_own_config(tmp_path, **settings)
        status = main(['check', str(config)])
        text = capsys.readouterr().out
        assert status == fails
        if fails:
            with pytest.raises(SystemExit) as caught:
                run_tool('train', config, '--work-dir', tmp_path / 'run')
            assert not list((tmp_path / 'run').glob('*.pth'))
            return text, caught.value.code
        return text

    write_data(tmp_path)
    return run


@pytest.mark.parametrize(
    ('val', 'message'),
    [
        (
            {'metainfo': {'classes': ('background', 'weed', 'crop')}},
            "class 1 is 'crop' in the training data and 'weed' in the val data: give val_dataloader.dataset the same",
        ),
        (
            {'metainfo': {'classes': (*NAMES, 'other')}},
            'the network learns 3 classes, and the val data has 4: give val_dataloader.dataset the same classes in',
        ),
        (
            {'pipeline': [LOAD, PACK]},
            "val data: there are no masks to compare with: put dict(type='LoadAnnotations') into the pipeline of "
            'val_dataloader.dataset, or, to train without validation: val_dataloader = None, val_cfg = None, val_',
        ),
        (
            {'pipeline': [LOAD, {'type': 'LoadAnnotations'}, {'type': 'Resize', 'scale': (24, 20)}, PACK]},
            'val data: the masks have (20, 24) pixels (height, width), and predictions (40, 48), as the files: put',
        ),
        (
            {'data_prefix': {'img_path': 'images'}},
            "val data: there are no masks to compare with: set data_prefix=dict(..., seg_map_path='...') of val_datal",
        ),
    ],
)
def test_data_that_cannot_be_compared_with(said, tmp_path, val, message):
    loader = own_config(tmp_path).val_dataloader.to_dict()
    loader['dataset'] |= val
    for text in said(val_dataloader=loader):
        assert message in text


def test_other_names_are_only_a_warning(said):
    text = said(fails=False, val={'metainfo': {'classes': ('background', 'crop', 'Unkraut')}})
    assert "WARNING: class 2 is 'weed' in the training data and 'Unkraut' in the val data" in text


@pytest.mark.parametrize('pads', [False, True])
def test_images_of_two_sizes_in_a_batch(said, tmp_path, pads):
    for path in (tmp_path / 'measured/3.png', tmp_path / 'masks/3.png'):
        save(path, np.asarray(Image.open(path))[:24])
    cfg = own_config(tmp_path)
    cfg.val_dataloader.batch_size = 2
    cfg.model.data_preprocessor.test_cfg = {'size_divisor': 8} if pads else None
    settings = {key: cfg[key].to_dict() for key in ('model', 'val_dataloader')}
    size = (
        'val data: the images of a batch must have one size, and there are (40, 48) and (24, 48) (height, width): set'
    )
    found = [size in text for text in said(**settings)] if not pads else [said(fails=False, **settings).count(size)]
    assert found == ([0] if pads else [True, True])


@pytest.mark.parametrize(
    ('loader', 'message'),
    [
        ({'persistent_workers': True}, 'train_dataloader: persistent_workers option needs num_workers > 0'),
        (
            {'sampler': {'type': 'DefaultSampler', 'shuffle': True}, 'batch_size': 8, 'drop_last': True},
            '4 images make no batch of 8, and drop_last=True leaves out incomplete batches: nothing would',
        ),
        (
            {'dataset': {'type': 'RepeatDataset', 'times': 2}},
            'train_dataloader.sampler (ResumableInfiniteSampler): ResumableInfiniteSampler asks for items by',
        ),
        ({'dataset': [{'type': 'WeakSegDataset'}]}, 'train_dataloader.dataset is a list: several data sets are dict('),
    ],
)
def test_loaders_that_cannot_be(said, tmp_path, loader, message):
    own = own_config(tmp_path).train_dataloader.to_dict()
    if isinstance(loader.get('dataset'), dict):
        loader['dataset']['dataset'] = own['dataset']
    for text in said(train_dataloader={**own, **loader}):
        assert message in text


@pytest.mark.parametrize(
    ('preprocessor', 'fails', 'message'),
    [
        (
            {'size': (32, 16)},
            True,
            'ERROR: model.data_preprocessor.size=(32, 16) is smaller than crop_size=(32, 32): set',
        ),
        ({'std': [0, 0, 0]}, True, 'ERROR: model.data_preprocessor.std has a 0: every input would be NaN or infinite'),
        (
            {'mean': [0.485, 0.456, 0.406], 'std': [0.229, 0.224, 0.225]},
            False,
            'WARNING: model.data_preprocessor.mean and std are those of images from 0 to 1, and these are from 0',
        ),
        ({'mean': [0, 0, 0], 'std': [1, 1, 1]}, False, 'config.py'),
        (
            None,
            True,
            'ERROR: model.data_preprocessor is missing, so that images would not become batches: set it to dict',
        ),
    ],
)
def test_preprocessors(said, tmp_path, preprocessor, fails, message):
    model = own_config(tmp_path).model.to_dict()
    model['data_preprocessor'] = preprocessor and {**model['data_preprocessor'], **preprocessor}
    text = said(fails=fails, model=model)
    assert message in (text[0] if fails else text)
    assert fails or text.count('WARNING: model') == ('WARNING' in message)
    assert not fails or message.removeprefix('ERROR: ') in text[1]


def test_the_end_of_a_schedule_is_a_warning(said):
    schedule = [{'type': 'PolyLR', 'end': 1, 'by_epoch': False}]
    loop = {'type': 'IterBasedTrainLoop', 'max_iters': 3}
    text = said(fails=False, param_scheduler=schedule, train_cfg=loop)
    assert 'WARNING: param_scheduler.0 (PolyLR) ends at a learning rate of 0 after 1 iterations, and the' in text
