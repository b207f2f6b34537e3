"""From a checkpoint to the archive that the evaluation server of PASCAL VOC takes."""

import tarfile

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmseg.apis import init_model
from mmseg.registry import DATASETS, MODELS
from PIL import Image

from mmseg_wsss.cli.main import main
from mmseg_wsss.datasets.class_sets import VOC_PALETTE
from mmseg_wsss.labelling.voc_submission import (
    SubmissionSettings,
    unlabelled_dataset,
    without_labels,
    write_voc_submission,
)
from tests.helpers.miniatures import SIZE, SPLITS, photo, save, write_voc
from tests.helpers.models import head_config, model_config
from tests.helpers.same_files import assert_same_files

FOLDER = 'results/VOC2012/Segmentation/comp6_test_cls'
LOAD, MASK, PACK = ({'type': kind} for kind in ('LoadImageFromFile', 'LoadAnnotations', 'PackSegInputs'))
VIEWS = [
    LOAD,
    {
        'type': 'TestTimeAug',
        'transforms': [
            [{'type': 'Resize', 'scale_factor': scale, 'keep_ratio': True} for scale in (1.0, 1.5)],
            [{'type': 'RandomFlip', 'prob': prob, 'direction': 'horizontal'} for prob in (0.0, 1.0)],
            [MASK],
            [PACK],
        ],
    },
]


@pytest.fixture
def voc(tmp_path):
    """A VOC with two test photos, of which nothing but the photo is there."""
    write_voc(tmp_path)
    save(tmp_path / 'voc/JPEGImages/2008_000009.jpg', photo(9)[:30])
    (tmp_path / 'voc/ImageSets/Segmentation/test.txt').write_text('2008_000005\n2008_000009\n')
    return tmp_path


def config(root, **model):
    dataset = {
        'type': 'WeakSegDataset',
        'data_root': str(root / 'voc'),
        'metainfo': {'dataset': 'voc'},
        'ann_file': 'ImageSets/Segmentation/val.txt',
        'data_prefix': {'img_path': 'JPEGImages', 'seg_map_path': 'SegmentationClass'},
        'weak_labels': [{'format': 'voc_xml', 'path': 'Annotations', 'boxes': False, 'tags': True}],
        'test_mode': True,
        'pipeline': [LOAD, MASK, PACK],
    }
    losses = {'loss_ce': {'type': 'PartialCrossEntropyLoss'}}
    net = model_config(head_config('deeplabv3plus', 21), losses, num_classes=21, **model)
    loader = {
        'batch_size': 1,
        'num_workers': 0,
        'sampler': {'type': 'DefaultSampler', 'shuffle': False},
        'dataset': dataset,
    }
    return Config(
        {
            'default_scope': 'mmseg',
            'model': net,
            'train_dataloader': loader,
            'test_dataloader': loader,
            'tta_pipeline': VIEWS,
            'tta_model': {'type': 'WeakSegTTAModel'},
        }
    )


def saved(root, cfg):
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    model.init_weights()
    model.decode_head.conv_seg.weight.data.mul_(100)
    torch.save({'state_dict': model.state_dict(), 'meta': {}}, root / 'net.pth')
    return root / 'net.pth'


def test_pictures_are_predictions_in_the_layout_of_the_server(voc):
    cfg = config(voc)
    checkpoint = saved(voc, cfg)
    summary = write_voc_submission(cfg, checkpoint, voc / 'out')
    assert summary == {'images': 2, 'archive': str(voc / 'out/results.tgz')}
    model = init_model(cfg, str(checkpoint), device='cpu')
    dataset = DATASETS.build({**unlabelled_dataset(cfg, 'ImageSets/Segmentation/test.txt')})
    values = set()
    for index, (key, size) in enumerate({'2008_000005': SIZE, '2008_000009': (SIZE[0], 30)}.items()):
        with Image.open(voc / f'out/{FOLDER}/{key}.png') as picture:
            assert (picture.mode, picture.size) == ('P', size)
            assert picture.getpalette()[:63] == [value for colour in VOC_PALETTE for value in colour]
            labels = np.array(picture)
        (sample,) = model.test_step(pseudo_collate([dataset[index]]))
        np.testing.assert_array_equal(labels, sample.pred_sem_seg.data[0].numpy())
        values |= set(labels.flatten().tolist())
    assert len(values) > 1
    assert values <= set(range(21))
    with tarfile.open(summary['archive']) as archive:
        files = [member.name for member in archive.getmembers() if member.isfile()]
    assert sorted(files) == [f'{FOLDER}/2008_000005.png', f'{FOLDER}/2008_000009.png']


def test_views_are_averaged(voc):
    cfg = config(voc)
    checkpoint = saved(voc, cfg)
    write_voc_submission(cfg, checkpoint, voc / 'out', SubmissionSettings(tta=True))
    model = init_model(cfg, str(checkpoint), device='cpu')
    merged = MODELS.build({'type': 'WeakSegTTAModel', 'module': model}).eval()
    dataset = DATASETS.build(unlabelled_dataset(cfg, 'ImageSets/Segmentation/test.txt', tta=True))
    data = dataset[0]
    assert len(data['inputs']) == 4
    (sample,) = merged.test_step(pseudo_collate([data]))
    labels = np.array(Image.open(voc / f'out/{FOLDER}/2008_000005.png'))
    np.testing.assert_array_equal(labels, sample.pred_sem_seg.data[0].numpy())


def test_one_command_for_any_list_of_images(voc, capsys):
    cfg = config(voc)
    checkpoint = saved(voc, cfg)
    cfg.dump(voc / 'config.py')
    options = ['-o', str(voc / 'out'), '--ids', 'ImageSets/Segmentation/val.txt', '--competition', 'comp5_test_cls']
    assert main(['voc-submission', str(voc / 'config.py'), str(checkpoint), *options]) == 0
    assert f'{voc}/out/results.tgz: 2 images' in capsys.readouterr().out
    written = sorted(path.stem for path in (voc / 'out/results/VOC2012/Segmentation/comp5_test_cls').iterdir())
    assert written == SPLITS['val']
    assert main(['voc-submission', str(voc / 'config.py'), str(checkpoint), *options]) == 2
    assert 'contains files: choose another -o' in capsys.readouterr().err
    again = ['--force', '-o', str(voc / 'out')]  # another list into the same folder
    assert main(['voc-submission', str(voc / 'config.py'), str(checkpoint), *again]) == 2
    assert 'contains 4 pictures, but 2 were expected' in capsys.readouterr().err


def test_labels_are_left_out_of_a_pipeline():
    tags = [LOAD, {'type': 'LoadImageTags'}, MASK, PACK]
    assert without_labels(tags) == [LOAD, PACK]
    views = without_labels(VIEWS)
    assert [[step['type'] for step in choice] for choice in views[1]['transforms']] == [
        ['Resize', 'Resize'], ['RandomFlip', 'RandomFlip'], ['PackSegInputs']
    ]  # fmt: skip
    assert VIEWS[1]['transforms'][2] == [MASK]


def test_what_cannot_be_submitted(voc):
    cfg = config(voc)
    checkpoint = saved(voc, cfg)
    call = lambda cfg, **settings: write_voc_submission(cfg, checkpoint, voc / 'out', SubmissionSettings(**settings))  # noqa: E731
    with pytest.raises(ValueError, match='competition must be one of comp5_test_cls, comp6_test_cls, got'):
        call(cfg, competition='comp6')
    with pytest.raises(FileNotFoundError, match='nowhere.txt'):
        call(cfg, ids='nowhere.txt')
    with pytest.raises(ValueError, match='no tta_pipeline and tta_model'):
        call(Config({key: value for key, value in cfg.to_dict().items() if 'tta' not in key}), tta=True)
    tagged = config(voc, type='TagEncoderDecoder', known_tags=True)
    with pytest.raises(ValueError, match='known_tags=True, but the sample .* has no gt_tags'):
        call(tagged)
    other = config(voc)
    other.test_dataloader.dataset.metainfo = {'classes': ('background', 'cat'), 'palette': [[0, 0, 0], [1, 1, 1]]}
    with pytest.raises(ValueError, match='the 21 classes of VOC in their order, but the test data has background, cat'):
        call(other)


def test_two_workers_write_the_same_pictures(voc):
    cfg = config(voc)
    checkpoint = saved(voc, cfg)

    def write(folder, workers):
        summary = write_voc_submission(cfg, checkpoint, folder, SubmissionSettings(workers=workers))
        (folder / 'results.tgz').unlink()  # holds the time
        return summary['images']

    assert_same_files(write, voc)
