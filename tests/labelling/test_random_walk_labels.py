"""From class activation maps to seeds, an affinity network, pseudo-labels and the last network."""

import json
import logging
import shutil
import sys

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmseg.apis import init_model
from mmseg.registry import DATASETS, TASK_UTILS
from PIL import Image

from mmseg_wsss.datasets.cam_files import ImageCAMs, grid_size, read_cams, write_cam_index, write_cams
from mmseg_wsss.datasets.index_file import FolderIndex
from mmseg_wsss.datasets.pseudo_label_files import read_index
from mmseg_wsss.datasets.shapes_drawing import CLASSES, PALETTE, draw_scene
from mmseg_wsss.engine.stages import StageContext, StagedRunner, StageTask
from mmseg_wsss.labelling import label_folder
from mmseg_wsss.labelling.cam_seeds import SeedSettings, write_seeds
from mmseg_wsss.labelling.images import prediction_dataset
from mmseg_wsss.labelling.random_walk_labels import RandomWalkSettings, write_random_walk
from mmseg_wsss.labelling.refined_cams import CAMReader, soft_masks
from tests.helpers.killing import KilledError
from tests.helpers.models import head_config, model_config
from tests.helpers.random_walk import dense_walk
from tests.helpers.same_files import assert_same_files
from tests.helpers.trained import train, training_config

SIZE = (45, 38)
NUM_IMAGES = 3
READ = [{'type': 'LoadShapesImage', 'with_mask': True}, {'type': 'PackSegInputs'}]
TRAIN = [
    {'type': 'LoadShapesImage'},
    {'type': 'LoadPseudoLabels'},
    {'type': 'RandomCrop', 'crop_size': (32, 32)},
    {'type': 'PackSegInputs'},
]
AFFINITY = {
    **model_config(
        {'type': 'AffinityHead', 'in_channels': (8, 16), 'in_index': (0, 1), 'widths': (4, 4), 'num_classes': 7},
        losses={'loss_affinity': {'type': 'AffinityLoss', 'radius': 3}},
    ),
    'type': 'AffinityNetwork',
}
AFFINITY.pop('test_cfg')


def scene_mask(index):
    return draw_scene(0, index, SIZE).mask


def cams_of(index):
    """Maps that are right, but unsure around the borders; the last picture has no tags."""
    mask = scene_mask(index)
    classes = [] if index == NUM_IMAGES - 1 else sorted(set(np.unique(mask).tolist()) - {0})
    full = np.array([mask == c for c in classes], dtype=np.float32).reshape(len(classes), *SIZE)
    small = torch.nn.functional.interpolate(torch.from_numpy(full)[None], grid_size(SIZE), mode='area')[0]
    return ImageCAMs(np.array(classes, dtype=np.int64), small.numpy().astype(np.float16), SIZE)


@TASK_UTILS.register_module(force=True)
class DrawCAMs(StageTask):
    """Takes the place of a CAM network."""

    def run(self, context):
        images = {}
        for index in range(NUM_IMAGES):
            key = f'shapes_{index:05d}'
            write_cams(context.work_dir, key, cams_of(index))
            images[key] = {'file_name': f'{key}.png', 'width': SIZE[1], 'height': SIZE[0]}
        write_cam_index(context.work_dir, FolderIndex(CLASSES, PALETTE, images, {}))


def context_of(cfg, folder, *, resumed):
    return StageContext('labels', folder, lambda name: cfg, logging.getLogger('test'), resumed)


class Folder:
    """As much of a StageContext as DrawCAMs needs."""

    def __init__(self, work_dir):
        self.work_dir = work_dir


@pytest.fixture(scope='module')
def cams(tmp_path_factory):
    folder = tmp_path_factory.mktemp('cams')
    DrawCAMs().run(Folder(folder))
    return folder


def config(work_dir, **changes):
    shapes = {'type': 'ShapesDataset', 'num_images': NUM_IMAGES, 'size': SIZE, 'labels': ['tags']}
    data = [{**shapes, 'pipeline': pipeline} for pipeline in (TRAIN, READ)]
    return training_config(work_dir, AFFINITY, *data, max_iters=2, **changes)


@pytest.fixture(scope='module')
def network(cams, tmp_path_factory):
    """An affinity network after two iterations: its config and weights."""
    work_dir = tmp_path_factory.mktemp('affinity')
    write_seeds(config(work_dir), cams, work_dir / 'seeds')
    cfg = config(work_dir)
    cfg.train_dataloader.dataset.label_root = str(work_dir / 'seeds')
    return cfg, train(cfg)


def read(folder, index, kind='masks'):
    with Image.open(folder / f'{kind}/shapes_{index:05d}.png') as image:
        return np.array(image)


def files(folder):
    return {path.relative_to(folder): path.read_bytes() for path in sorted(folder.rglob('*.png'))}


def test_seeds_are_right_where_they_are_sure(cams, tmp_path):
    summary = write_seeds(config(tmp_path), cams, tmp_path / 'seeds', SeedSettings(alpha_low=2, alpha_high=4))
    assert 0.01 < summary['unsure'] < 0.5
    assert summary == {'images': 3, 'unsure': summary['unsure'], 'split': 'train'}
    for index in range(2):
        seeds, mask = read(tmp_path / 'seeds', index), scene_mask(index)
        assert seeds.shape == SIZE
        assert (seeds == mask)[seeds != 255].mean() > 0.9
        # of the two soft masks, by definition
        low, high = (soft_masks(read_cams(cams, f'shapes_{index:05d}'), alpha)[0].numpy() for alpha in (2, 4))
        ids = np.array([0, *read_cams(cams, f'shapes_{index:05d}').classes])
        expected = np.where(high.argmax(0) == 0, 0, np.where(low.argmax(0) == 0, 255, ids[low.argmax(0)]))
        assert np.array_equal(seeds, expected)
        share = np.where(seeds == 0, high[0] / high.sum(0), low.max(0) / low.sum(0))
        assert np.abs(read(tmp_path / 'seeds', index, 'confidence') / 255 - share).max() < 0.003
    assert (read(tmp_path / 'seeds', 2) == 0).all()  # no tags: background
    assert read_index(tmp_path / 'seeds').source['alphas'] == [2.0, 4.0]


def test_refiner_of_seeds_sees_image_and_soft_masks(cams, tmp_path):
    pamr = {'type': 'PAMR', 'num_iters': 3, 'dilations': (1, 2)}
    write_seeds(config(tmp_path), cams, tmp_path / 'seeds', SeedSettings(refiner=pamr, coco_rle=True))
    reader = CAMReader(prediction_dataset(config(tmp_path), 'train'), cams, pamr)
    picture = draw_scene(0, 0, SIZE).image
    image = reader.image(reader.dataset.get_data_info(0))
    assert np.allclose(image[0].permute(1, 2, 0).numpy() * 255, picture)
    maps = read_cams(cams, 'shapes_00000')
    low, high = (reader.refiner(soft_masks(maps, alpha), image)[0].argmax(0).numpy() for alpha in (4, 24))
    ids = np.array([0, *maps.classes])
    assert np.array_equal(read(tmp_path / 'seeds', 0), np.where(high == 0, 0, np.where(low == 0, 255, ids[low])))
    assert read_index(tmp_path / 'seeds').source['refiner'] == 'PAMR'
    assert (tmp_path / 'seeds/coco_rle.json').is_file()


def test_random_walk_is_the_dense_one(network, cams, tmp_path):
    cfg, checkpoint = network
    settings = {'alpha': 3.0, 'beta': 2.0, 'log2_steps': 3}
    write_random_walk(cfg, checkpoint, cams, tmp_path / 'labels', RandomWalkSettings(**settings))
    model = init_model(cfg, str(checkpoint), device='cpu')
    data = prediction_dataset(cfg, 'train')[0]
    data = model.data_preprocessor({'inputs': [data['inputs']], 'data_samples': [data['data_samples']]}, False)
    with torch.no_grad():
        features = model.embed(data['inputs'])[0].double().numpy()
    assert features.shape == (8, 12, 10)
    maps = read_cams(cams, 'shapes_00000')
    masks = soft_masks(maps, 3.0)
    coarse = torch.nn.functional.adaptive_avg_pool2d(masks, (12, 10))[0].double().numpy()
    walked = dense_walk(coarse, features, 3, 2.0, 3)
    full = torch.nn.functional.interpolate(torch.from_numpy(walked)[None], SIZE, mode='bilinear')[0].numpy()
    shares = full / full.sum(0)
    labels = np.array([0, *maps.classes])[shares.argmax(0)]
    assert (read(tmp_path / 'labels', 0) == labels).mean() > 0.999
    assert np.abs(read(tmp_path / 'labels', 0, 'confidence') / 255 - shares.max(0)).max() < 0.003
    assert (read(tmp_path / 'labels', 2) == 0).all()
    source = read_index(tmp_path / 'labels').source
    assert {key: source[key] for key in settings} == settings
    assert source['radius'] == 3
    # pixels of little confidence
    summary = write_random_walk(
        cfg, checkpoint, cams, tmp_path / 'sure', RandomWalkSettings(unsure_below=0.9, **settings)
    )
    clear = np.abs(shares.max(0) - 0.9) > 1e-5
    assert clear.mean() > 0.99
    assert np.array_equal((read(tmp_path / 'sure', 0) == 255)[clear], (shares.max(0) < 0.9)[clear])
    assert summary['unsure'] > 0


def test_labels_are_measured_with_true_masks(network, cams, tmp_path):
    cfg, checkpoint = network
    (tmp_path / 'truth').mkdir()
    for index in (0, 1):
        Image.fromarray(scene_mask(index)).save(tmp_path / f'truth/shapes_{index:05d}.png')
    settings = {'masks': tmp_path / 'truth', 'unsure_below': 0.8}
    summary = write_random_walk(cfg, checkpoint, cams, tmp_path / 'labels', RandomWalkSettings(**settings))
    write_random_walk(cfg, checkpoint, cams, tmp_path / 'all')
    truth = np.stack([scene_mask(index) for index in (0, 1)])
    labels = np.stack([read(tmp_path / 'all', index) for index in (0, 1)])
    ious = [((truth == c) & (labels == c)).sum() / ((truth == c) | (labels == c)).sum() for c in np.unique(truth)]
    assert summary['walk_train_predicted_tags/mIoU'] == pytest.approx(100 * np.mean(ious), abs=0.01)
    pamr = {'type': 'PAMR', 'num_iters': 1, 'dilations': (1,)}
    refined = write_random_walk(
        cfg, checkpoint, cams, tmp_path / 'refined', RandomWalkSettings(masks=tmp_path / 'truth', refiner=pamr)
    )
    assert set(refined) >= {'walk_train_predicted_tags_PAMR/mIoU', 'walk_train_predicted_tags_PAMR/contour_F'}
    (tmp_path / 'list.txt').write_text('shapes_00001\n')
    chosen = {'masks': tmp_path / 'truth', 'mask_ids': tmp_path / 'list.txt'}
    summary = write_random_walk(cfg, checkpoint, cams, tmp_path / 'chosen', RandomWalkSettings(**chosen))
    (tmp_path / 'truth/shapes_00000.png').unlink()
    alone = write_random_walk(cfg, checkpoint, cams, tmp_path / 'alone', RandomWalkSettings(masks=tmp_path / 'truth'))
    assert alone == summary
    (tmp_path / 'list.txt').write_text('shapes_00007\n')
    with pytest.raises(FileNotFoundError, match='has no mask of any image that is among the 1 of mask_ids'):
        write_random_walk(cfg, checkpoint, cams, tmp_path / 'out', RandomWalkSettings(**chosen))
    (tmp_path / 'empty').mkdir()
    for folder, message in (('empty', 'has no mask of any image'), ('none', 'is not a folder: give that of the true')):
        with pytest.raises(FileNotFoundError, match=message):
            write_random_walk(cfg, checkpoint, cams, tmp_path / 'out', RandomWalkSettings(masks=tmp_path / folder))


def test_padding_is_no_part_of_the_walk(network, cams, tmp_path):
    cfg, checkpoint = network
    write_random_walk(cfg, checkpoint, cams, tmp_path / 'plain')
    padded = Config(cfg.to_dict())
    padded.model.data_preprocessor.test_cfg = {'size': (64, 96)}
    summary = write_random_walk(padded, checkpoint, cams, tmp_path / 'padded')
    assert summary['images'] == 3
    same = [(read(tmp_path / 'plain', i) == read(tmp_path / 'padded', i)).mean() for i in range(3)]
    assert min(same) > 0.9


def walks_counted(monkeypatch):
    """Which images are labelled, told by the maps that are read for it."""
    counted, original = [], CAMReader.cams

    def counting(self, info, image):
        counted.append(info['sample_id'])
        return original(self, info, image)

    monkeypatch.setattr(CAMReader, 'cams', counting)
    return counted


@pytest.mark.parametrize('unsure_below', [0.0, 0.8])
def test_scores_of_a_cut_walk_are_those_of_a_whole_one(network, cams, tmp_path, monkeypatch, unsure_below):
    cfg, checkpoint = network
    (tmp_path / 'truth').mkdir()
    for index in (0, 1):
        Image.fromarray(scene_mask(index)).save(tmp_path / f'truth/shapes_{index:05d}.png')
    settings = {'stage': 'affinity', 'checkpoint': str(checkpoint), 'cams': str(cams), 'unsure_below': unsure_below}
    task = TASK_UTILS.build({'type': 'WriteRandomWalk', 'masks': str(tmp_path / 'truth'), **settings})
    expected = task.run(context_of(cfg, tmp_path / 'out', resumed=False))
    assert 'walk_train_predicted_tags/contour_F' in expected
    whole = files(tmp_path / 'out'), read_index(tmp_path / 'out')
    (tmp_path / 'out/masks/shapes_00001.png').write_bytes(b'half')
    counted = walks_counted(monkeypatch)
    assert task.run(context_of(cfg, tmp_path / 'out', resumed=True)) == expected
    assert (files(tmp_path / 'out'), read_index(tmp_path / 'out')) == whole
    keys = [f'shapes_{index:05d}' for index in range(3)]
    assert counted == (keys if unsure_below else keys[1:2])  # labels before unsure_below are in no file


def test_cut_seeds_go_on(cams, tmp_path, monkeypatch):
    task = TASK_UTILS.build({'type': 'WriteSeeds', 'stage': 'cam', 'cams': str(cams)})
    expected = task.run(context_of(config(tmp_path), tmp_path / 'out', resumed=False))
    whole = files(tmp_path / 'out')
    (tmp_path / 'out/confidence/shapes_00002.png').unlink()
    counted = walks_counted(monkeypatch)
    assert task.run(context_of(config(tmp_path), tmp_path / 'out', resumed=True)) == expected
    assert (files(tmp_path / 'out'), counted) == (whole, ['shapes_00002'])
    match = "SeedSettings has no setting 'keep'; Choose from 'workers', 'split', 'alpha_low'"
    with pytest.raises(TypeError, match=match):
        TASK_UTILS.build({'type': 'WriteSeeds', 'stage': 'cam', 'cams': str(cams), 'keep': True})


def test_a_killed_run_without_keep_starts_again(network, cams, tmp_path, monkeypatch):
    cfg, checkpoint = network
    write_random_walk(cfg, checkpoint, cams, tmp_path / 'whole')
    written = []

    def killed(folder, key, *maps):
        if written:
            (folder / f'masks/{key}.png').write_bytes(b'half')
            raise KilledError
        written.append(key)
        original(folder, key, *maps)

    original = label_folder.write_pseudo_label
    monkeypatch.setattr(label_folder, 'write_pseudo_label', killed)
    with pytest.raises(KilledError):
        write_random_walk(cfg, checkpoint, cams, tmp_path / 'cut')
    assert not (tmp_path / 'cut/pseudo_labels.json').exists()
    monkeypatch.setattr(label_folder, 'write_pseudo_label', original)
    write_random_walk(cfg, checkpoint, cams, tmp_path / 'cut')
    assert files(tmp_path / 'cut') == files(tmp_path / 'whole')
    # written over and cut: it must not look finished
    monkeypatch.setattr(label_folder, 'write_pseudo_label', killed)
    with pytest.raises(KilledError):
        write_random_walk(cfg, checkpoint, cams, tmp_path / 'whole')
    with pytest.raises(FileNotFoundError, match='pseudo_labels.json is missing, so .* is not complete'):
        read_index(tmp_path / 'whole')
    assert len(files(tmp_path / 'cut')) == 6


def test_coco_rle_without_its_library_is_refused_before_the_work(cams, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'pycocotools', None)
    with pytest.raises(ImportError, match='COCO RLE needs pycocotools: pip install pycocotools'):
        write_seeds(config(tmp_path), cams, tmp_path / 'seeds', SeedSettings(coco_rle=True))
    assert not (tmp_path / 'seeds').exists()


def test_missing_and_stale_inputs_are_named(network, cams, tmp_path):
    cfg, checkpoint = network
    usual = {'cfg': cfg, 'checkpoint': checkpoint, 'cams': cams, 'folder': tmp_path / 'out'}

    def call(**changes):
        write_random_walk(**{**usual, **changes})

    with pytest.raises(FileNotFoundError, match='no checkpoint at none.pth: .*only=affinity'):
        call(checkpoint='none.pth')
    with pytest.raises(FileNotFoundError, match=r'cams.json is missing.*wsss cams CONFIG CHECKPOINT'):
        call(cams=tmp_path)
    more = Config(cfg.to_dict())
    more.train_dataloader.dataset.update(num_images=4, label_root=None)
    with pytest.raises(
        ValueError, match=r'maps of 3 images, but not of 1 of the 4 .*\(first: shapes_00003\).*WriteCAMs'
    ):
        call(cfg=more)
    broken = shutil.copytree(cams, tmp_path / 'broken')
    (broken / 'cams/shapes_00001.npz').unlink()
    with pytest.raises(FileNotFoundError, match='shapes_00001.npz is missing: .*WriteCAMs stage'):
        call(cams=broken)
    other = ImageCAMs(np.array([1]), np.zeros((1, 10, 10), dtype=np.float16), (40, 40))
    write_cams(broken, 'shapes_00001', other)
    with pytest.raises(ValueError, match=r"maps of 'shapes_00001' .* of 40 x 40 .* has 38 x 45: it was replaced"):
        call(cams=broken)
    index = FolderIndex(('background', 'cat'), PALETTE[:2], {}, {})
    write_cam_index(broken, index)
    with pytest.raises(ValueError, match='have the classes background, cat, but the data set has background'):
        call(cams=broken)
    classifier = Config(cfg.to_dict())
    classifier.model = model_config(head_config('fcn', 7), num_classes=7)
    with pytest.raises(TypeError, match='expected a network of type AffinityNetwork, got WeakEncoderDecoder'):
        call(cfg=classifier)
    wider = Config(cfg.to_dict())
    wider.model.decode_head.widths = (4, 8)
    with pytest.raises(ValueError, match=r'does not fit AffinityNetwork: 2 of another shape: decode_head'):
        call(cfg=wider)
    for changes, message in (
        ({'alpha': 0}, 'alpha must be a finite'),
        ({'unsure_below': 2}, r'unsure_below must be in'),
    ):
        with pytest.raises(ValueError, match=message):
            write_random_walk(cfg, checkpoint, cams, tmp_path / 'out', RandomWalkSettings(**changes))
    with pytest.raises(ValueError, match='alpha_low must be below alpha_high, got 4 and 4'):
        write_seeds(cfg, cams, tmp_path / 'out', SeedSettings(alpha_low=4, alpha_high=4))


def test_grey_photos_in_files(cams, tmp_path):
    Image.fromarray(np.random.default_rng(0).integers(0, 255, SIZE, dtype=np.uint8)).save(tmp_path / 'shapes_00000.png')
    cfg = config(tmp_path)
    data = {'type': 'WeakSegDataset', 'data_prefix': {'img_path': str(tmp_path)}, 'img_suffix': '.png'}
    load = {'type': 'LoadImageFromFile', 'color_type': 'grayscale', 'imdecode_backend': 'pillow'}
    data = {**data, 'metainfo': {'classes': CLASSES, 'palette': PALETTE}, 'test_mode': True}
    cfg.test_dataloader.dataset = {**data, 'pipeline': [load, {'type': 'PackSegInputs'}]}
    pamr = {'type': 'PAMR', 'num_iters': 1, 'dilations': (1,)}
    assert write_seeds(cfg, cams, tmp_path / 'seeds', SeedSettings(split='test', refiner=pamr))['images'] == 1
    assert read(tmp_path / 'seeds', 0).shape == SIZE


def test_shapes_with_labels_of_other_pictures(cams, tmp_path):
    write_seeds(config(tmp_path), cams, tmp_path / 'seeds')
    shapes = {
        'type': 'ShapesDataset',
        'size': SIZE,
        'labels': [],
        'label_root': str(tmp_path / 'seeds'),
        'pipeline': TRAIN[:2],
    }
    sample = DATASETS.build({**shapes, 'num_images': 2})[1]
    assert np.array_equal(sample['gt_seg_map'], read(tmp_path / 'seeds', 1))
    with pytest.raises(ValueError, match=r'labels of 3 pictures, but not of 2 of the 5 here \(first: shapes_00003\)'):
        DATASETS.build({**shapes, 'num_images': 5})
    with pytest.raises(FileNotFoundError, match='pseudo_labels.json is missing'):
        DATASETS.build({**shapes, 'label_root': str(tmp_path / 'none')})


def test_all_stages(tmp_path):
    cfg = config(tmp_path / 'work', runner_type='StagedRunner')
    head = {'type': 'LargeFOVHead', 'in_channels': 64, 'in_index': 3, 'channels': 8, 'dilation': 2, 'num_classes': 7}
    classifier = {**model_config(head, losses={'loss_ce': {'type': 'PartialCrossEntropyLoss'}}), '_delete_': True}
    walk = {'type': 'WriteRandomWalk', 'stage': 'affinity', 'checkpoint': '{stages.affinity}', 'cams': '{stages.cams}'}
    masks = {'labels': ['mask'], 'pipeline': READ}
    cfg.stages = {
        'cam': {'model': classifier, 'train_dataloader': {'dataset': masks, 'batch_size': 1}, 'val_cfg': None},
        'cams': {'task': {'type': 'DrawCAMs'}},
        'seeds': {'task': {'type': 'WriteSeeds', 'stage': 'cam', 'cams': '{stages.cams}'}},
        'affinity': {'train_dataloader': {'dataset': {'label_root': '{stages.seeds}'}}},
        'labels': {'task': walk},
        'final': {'model': classifier, 'train_dataloader': {'dataset': {'label_root': '{stages.labels}'}}},
    }
    results = StagedRunner.from_cfg(cfg).train()
    assert read_index(results['labels']).source['checkpoint'] == str(results['affinity'])
    weights = torch.load(results['final'], weights_only=False)['state_dict']
    assert weights['decode_head.conv_seg.weight'].shape == (7, 8, 1, 1)
    before = files(results['labels'])
    shutil.rmtree(results['labels'])
    shutil.rmtree(results['final'].parent)
    assert files(StagedRunner.from_cfg(cfg).train()['labels']) == before
    # the affinity network's config, which the labels are made with, names the seeds
    shutil.rmtree(results['seeds'])
    cfg.only = 'labels'
    marker = json.loads((results['labels'] / 'stage.json').read_text())
    (results['labels'] / 'stage.json').write_text(json.dumps({**marker, 'done': False}))
    for _ in ('cut', 'not begun'):
        with pytest.raises(
            ValueError, match="'labels' needs the result of stage 'seeds', which .*only=seeds"
        ) as caught:
            StagedRunner.from_cfg(cfg).train()
        assert 'rm -r' not in str(caught.value)
        shutil.rmtree(results['labels'], ignore_errors=True)


def test_two_workers_write_the_same_files_and_scores(network, cams, tmp_path):
    cfg, checkpoint = network
    (tmp_path / 'truth').mkdir()
    for index in (0, 1):
        Image.fromarray(scene_mask(index)).save(tmp_path / f'truth/shapes_{index:05d}.png')
    settings = {'masks': tmp_path / 'truth', 'unsure_below': 0.8}

    def walk(folder, workers):
        return write_random_walk(cfg, checkpoint, cams, folder, RandomWalkSettings(**settings, workers=workers))

    def seeds(folder, workers):
        return write_seeds(cfg, cams, folder, SeedSettings(workers=workers))

    assert_same_files(walk, tmp_path / 'walk')
    assert_same_files(seeds, tmp_path / 'seeds')
