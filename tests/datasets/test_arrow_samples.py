"""A data set of Arrow files gives what the same labels give as JSON: samples, audits, errors, batches."""

import pickle
import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from mmengine.runner import Runner
from mmseg.registry import DATASETS, MODELS
from PIL import Image
from torch.utils.data import DataLoader, get_worker_info

from mmseg_wsss.datasets.arrow_samples import ArrowSamples
from mmseg_wsss.datasets.formats import arrow_table
from mmseg_wsss.datasets.formats.arrow_table import write_labels
from mmseg_wsss.datasets.weak_seg_dataset import WeakSegDataset
from mmseg_wsss.structures import ImageEntry, WeakAnnotations, WeakLabelSet, image_id
from tests.helpers.label_sets import CLASSES, HEIGHT, WIDTH, every_kind, same_labels
from tests.helpers.models import model_config


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))


def save_image(path, size=(WIDTH, HEIGHT), **settings):
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(len(str(path.name))).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(noise).save(path, **settings)


def save_mask(path, value=1, size=(WIDTH, HEIGHT)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full(size[::-1], value, dtype=np.uint8)).save(path)


@pytest.fixture
def root(tmp_path):
    save_mask(tmp_path / 'masks/z.png')
    labels = every_kind(str(tmp_path / 'masks/z.png'))
    named = {key: replace(entry, file_name='f.png') if key == 'f' else entry for key, entry in labels.images.items()}
    write(tmp_path, replace(labels, images=named))
    for entry in named.values():
        save_image(tmp_path / 'img' / entry.file_name)
    return tmp_path


def write(root, labels):
    for suffix in ('json', 'arrow'):
        write_labels(labels, root / f'w.{suffix}')


def write_images(root, *entries):
    write(root, WeakLabelSet(CLASSES, images={image_id(entry.file_name): entry for entry in entries}))


def build(root, suffix='arrow', **settings):
    common = {'data_root': str(root), 'data_prefix': {'img_path': 'img'}, 'pipeline': []}
    return WeakSegDataset(**{**common, 'weak_labels': f'w.{suffix}', **settings})


def plain(sample):
    """A sample as values that can be compared."""
    labels = sample.pop('weak_annotations')
    return {**sample, 'labels': labels.to_dict(), 'tags': labels.tags}


def named(text):
    """A message with one name for both files."""
    return re.sub(r'w\.(json|arrow)', 'LABELS', str(text))


def outcome(root, suffix, **settings):
    """The samples, the audit and the shares of the classes; or the error."""
    try:
        dataset = build(root, suffix, **settings)
    except (ValueError, FileNotFoundError) as error:
        return type(error).__name__, named(error)
    audit, samples = dataset.audit, [plain(dataset.get_data_info(index)) for index in range(len(dataset))]
    findings = [named(finding) for finding in audit.findings()]
    shares = None if dataset.test_mode else dataset.class_frequencies().tolist()
    return samples, audit.table(), findings, audit.contradictions, shares, dataset.metainfo


def both(root, **settings):
    as_json, as_arrow = (outcome(root, suffix, **settings) for suffix in ('json', 'arrow'))
    assert as_arrow == as_json
    return as_arrow


def test_the_same_samples_audit_and_shares(root):
    samples, table, _, contradictions, shares, metainfo = both(root)
    assert [sample['sample_id'] for sample in samples] == ['a', 'b/c', 'd', 'e.x', 'f', 'z', 'ü']
    assert samples[0]['labels'] == {'points': [{'x': 2, 'y': 1, 'class': 1}, {'x': 0.5, 'y': 5, 'class': 0}]}
    assert samples[2]['weak_label_size'] == (WIDTH, HEIGHT)  # of the image, for the file does not have it
    assert table[1].split() == ['background', '1', '1', '1', '0', '0']
    assert contradictions == (
        "image 'z': the click (7, 5) of dog lies on cat in its mask",
        "image 'z': a click of dog, and its tags are cat",
    )
    assert sum(shares) == pytest.approx(1)
    assert metainfo['palette'] == [[0, 0, 0], [1, 2, 3], [4, 5, 6]]
    assert isinstance(build(root).data_list, ArrowSamples)


def test_a_split_in_its_order_with_images_that_have_no_labels(root):
    (root / 'split.txt').write_text('z\nnew\na\nb/c\n')
    save_image(root / 'img/new.jpg')
    samples, table, *_ = both(root, ann_file='split.txt', img_suffix='.jpg')
    assert [sample['sample_id'] for sample in samples] == ['z', 'new', 'a', 'b/c']
    assert [sample['img_path'].rsplit('/', 1)[1] for sample in samples] == ['z.jpg', 'new.jpg', 'a.jpg', 'c.png']
    assert samples[1]['labels'] == {}
    assert '1 of 4 images have no label' in table


def test_suffixes_longer_than_the_extension(root):
    save_image(root / 'img/x/f_left.png')
    save_image(root / 'img/x/g.png')
    write_images(
        root,
        ImageEntry('x/f_left.png', annotations=WeakAnnotations(points=[[1, 1]], point_labels=[1])),
        ImageEntry('x/g.png'),
    )
    samples, *_ = both(root, img_suffix='_left.png')
    assert [sample['sample_id'] for sample in samples] == ['x/f', 'x/g']
    (root / 'split.txt').write_text('x/g\nx/f')
    samples, *_ = both(root, img_suffix='_left.png', ann_file='split.txt')
    assert [sample['img_path'] for sample in samples] == [str(root / f'img/x/{n}') for n in ('g.png', 'f_left.png')]


def test_the_whole_file_name_comes_before_the_id(root):
    names = {'x/g.png': 1, 'x/g_left.png': 2}
    for name in names:
        save_image(root / 'img' / name)
    write_images(
        root,
        *(ImageEntry(n, annotations=WeakAnnotations(points=[[1, 1]], point_labels=[i])) for n, i in names.items()),
    )
    (root / 'split.txt').write_text('x/g')
    samples, *_ = both(root, img_suffix='_left.png', ann_file='split.txt')
    assert [sample['img_path'] for sample in samples] == [str(root / 'img/x/g_left.png')]
    assert samples[0]['labels']['points'][0]['class'] == 2


@pytest.mark.parametrize('indices', [3, -2, [5, 0]])
def test_a_part_of_the_images(root, indices):
    samples = both(root, indices=indices)[0]
    assert len(samples) == (len(indices) if isinstance(indices, list) else abs(indices))
    halves = [build(root, suffix).get_subset(indices) for suffix in ('json', 'arrow')]
    first, second = ([plain(half.get_data_info(i)) for i in range(len(half))] for half in halves)
    assert first == second == samples


LAST = [{'type': 'RasterizeWeakAnnotations'}, {'type': 'PackWeakSegInputs'}]


@pytest.mark.parametrize(
    'settings',
    [
        {'only_classes': ['cat']},
        {'without_classes': ['dog']},
        {'use_dense_masks': True, 'data_prefix': {'img_path': 'img', 'seg_map_path': 'ann'}},
        {'test_mode': True, 'data_prefix': {'img_path': 'img', 'seg_map_path': 'ann'}},
        {'test_mode': True},
        {'weak_labels': ['w.json', 'w.arrow']},
        {'check_images': False},
        {'check_masks': False},
        {'check_masks': True},
        {'pipeline': [{'type': 'LoadImageFromFile'}, {'type': 'LoadWeakAnnotations', 'kinds': ['tags']}, *LAST]},
        {'pipeline': [{'type': 'LoadImageFromFile'}, {'type': 'LoadWeakAnnotations', 'kinds': ['mask']}, *LAST]},
    ],
)
def test_the_same_with_other_settings(root, settings):
    for key in ('a', 'b/c', 'd', 'e.x', 'f', 'z', 'ü'):
        save_mask(root / f'ann/{key}.png')
    assert len(both(root, **settings)) == 6  # no error


def clicks(*points):
    return WeakAnnotations(points=points, point_labels=[1] * len(points))


ONE = ImageEntry('a.jpg', WIDTH, HEIGHT, clicks((1, 1)))


@pytest.mark.parametrize(
    ('entry', 'expected'),
    [
        (replace(ONE, annotations=clicks((1, 1), (20, 1))), "image 'a', points[1]: (20, 1) lies outside the image"),
        (replace(ONE, annotations=WeakAnnotations(boxes=[[0, 0, 9, 1]], box_labels=[1])), 'wsss convert --clip'),
        (replace(ONE, width=9), "image 'a': width and height are 9 x 6 in the label file, but"),
        (replace(ONE, file_name='lost.jpg'), "lists 1 images, but 1 are not on disk. First: image 'lost', expected at"),
        (replace(ONE, file_name='A.jpg'), 'A file there differs in upper and lower case alone'),
        (replace(ONE, file_name='text.jpg'), 'text.jpg'),
        (replace(ONE, annotations=WeakAnnotations(mask_path='lost.png')), "image 'a': its mask"),
        (replace(ONE, annotations=WeakAnnotations(mask_path='small.png')), 'is 4 x 6, the image 8 x 6'),
        (replace(ONE, annotations=WeakAnnotations(mask_path='grey.png')), 'holds the values [77]'),
        (replace(ONE, annotations=WeakAnnotations()), 'nothing is labelled: none of the 1 images has a point'),
    ],
)
def test_the_same_errors(root, entry, expected):
    (root / 'img/text.jpg').write_text('no image')
    save_mask(root / 'small.png', size=(4, HEIGHT))
    save_mask(root / 'grey.png', 77)
    if (mask := entry.annotations.mask_path) is not None:
        entry = replace(entry, annotations=WeakAnnotations(mask_path=str(root / mask)))
    write_images(root, entry)
    _, text = both(root)
    assert expected in text


def test_the_same_errors_about_splits(root):
    (root / 'split.txt').write_text('')
    assert both(root, ann_file='split.txt')[1].startswith('WeakSegDataset has no images')
    (root / 'split.txt').write_text('u\u0308')
    assert 'another Unicode form' in both(root, ann_file='split.txt')[1]
    (root / 'split.txt').write_text('nothing')
    assert '1 are not on disk' in both(root, ann_file='split.txt')[1]


def test_a_turned_image_is_named_if_labels_lie_outside(root):
    exif = Image.Exif()
    exif[274] = 6
    save_image(root / 'img/turned.jpg', exif=exif)
    write_images(root, ImageEntry('turned.jpg', annotations=clicks((7, 1))), ONE)
    assert 'EXIF orientation' in both(root)[1]
    write_images(root, ImageEntry('turned.jpg', annotations=clicks((1, 7))), ONE)
    assert 'EXIF orientation' in ' '.join(both(root)[2])


def test_labels_just_beyond_the_edge_are_moved_to_the_border(root):
    labels = WeakAnnotations(
        points=[[8, 5.9], [3, 3]], point_labels=[1, 2], polylines=[[[-0.6, 0], [4, 6]]], polyline_labels=[1],
        boxes=[[-1, 0, 8, 6]], box_labels=[2],
    )  # fmt: skip
    save_image(root / 'img/y.jpg')
    write_images(
        root,
        replace(ONE, annotations=labels),
        ImageEntry('y.jpg', annotations=clicks((7.5, 0), (1, -0.5))),
        ImageEntry('z.jpg', annotations=clicks((7.4, 0), (-0.4, 0))),
    )
    samples = both(root)[0]
    assert [[p['x'], p['y']] for p in samples[0]['labels']['points']] == [[7, 5], [3, 3]]
    assert samples[0]['labels']['scribbles'][0]['points'] == [[0, 0], [4, 5]]
    assert samples[0]['labels']['boxes'][0]['box'] == [0, 0, 7, 5]
    assert [(p['x'], p['y']) for p in samples[1]['labels']['points']] == [(7, 0), (1, 0)]
    assert samples[2]['labels']['points'][0]['x'] == 7.4  # not beyond the edge of a pixel


PIPELINE = [
    {'type': 'LoadImageFromFile'},
    {'type': 'LoadWeakAnnotations'},
    {'type': 'WeakResize', 'scale': (64, 48), 'keep_ratio': False},
    {'type': 'WeakRandomCrop', 'crop_size': (32, 32)},
    {'type': 'WeakRandomFlip', 'prob': 0.5},
    {'type': 'RasterizeWeakAnnotations', 'draw_boxes': True},
    {'type': 'PackWeakSegInputs'},
]


def batches(root, suffix, workers, count=3):
    dataset = {
        'type': 'WeakSegDataset', 'data_root': str(root), 'data_prefix': {'img_path': 'img'},
        'weak_labels': {'path': f'w.{suffix}'}, 'pipeline': PIPELINE,
    }  # fmt: skip
    loader = Runner.build_dataloader(
        {
            'batch_size': 3, 'num_workers': workers, 'sampler': {'type': 'ResumableInfiniteSampler'},
            'dataset': dataset,
        }, seed=5,
    )  # fmt: skip
    return [batch for batch, _ in zip(loader, range(count), strict=False)]


@pytest.mark.parametrize('workers', [0, 2])
def test_the_same_training_step(root, workers):
    first, second = (batches(root, suffix, workers) for suffix in ('json', 'arrow'))
    names = set()
    for one, other in zip(first, second, strict=True):
        assert torch.equal(torch.stack(one['inputs']), torch.stack(other['inputs']))
        for a, b in zip(one['data_samples'], other['data_samples'], strict=True):
            assert str(a.metainfo) == str(b.metainfo)
            assert torch.equal(a.gt_sem_seg.data, b.gt_sem_seg.data)
            names.add(a.img_path)
    assert len(names) > 4
    losses = []
    for batch in (first[0], second[0]):
        torch.manual_seed(0)
        model = MODELS.build(model_config())
        data = model.data_preprocessor(batch, True)
        losses.append(model.loss(data['inputs'], data['data_samples']))
    assert losses[0].keys() == losses[1].keys() >= {'loss_ce', 'loss_crf'}
    assert all(torch.equal(losses[0][key], losses[1][key]) for key in losses[0])
    assert losses[0]['loss_ce'].item() > 0


class WithWorker:
    """Adds the worker that read a sample, and what it has mapped."""

    def __init__(self, dataset):
        self.dataset = dataset

    def __len__(self):
        return len(self.dataset)

    def __getitem__(self, index):
        info = self.dataset.get_data_info(index)
        return get_worker_info().id, index, info['weak_annotations'], len(self.dataset.data_list.images.files._mapped)


@pytest.mark.parametrize('start', ['fork', 'spawn'])
def test_two_workers_read_the_same_rows(root, start):
    dataset = build(root)
    order = [index for index in range(len(dataset)) for _ in range(2)]
    loader = DataLoader(
        WithWorker(dataset), batch_size=1, sampler=order, num_workers=2, collate_fn=list, multiprocessing_context=start
    )
    read = [item for batch in loader for item in batch]
    assert [index for _, index, *_ in read] == order
    assert {worker for worker, *_ in read} == {0, 1}
    expected = [build(root, 'json').get_data_info(index)['weak_annotations'] for index in range(len(dataset))]
    assert all(same_labels(labels, expected[index]) for _, index, labels, _ in read)
    assert all(mapped == 1 for *_, mapped in read)


def test_a_pickle_holds_no_labels(root):
    few = len(pickle.dumps(build(root).data_list))
    entries = {f'{index:05d}': ImageEntry('a.jpg', annotations=clicks(*[(1, 1)] * 6)) for index in range(2000)}
    images = {key: replace(entry, file_name=f'{key}.jpg') for key, entry in entries.items()}
    write(root, WeakLabelSet(CLASSES, images=images))
    many = build(root, check_images=False).data_list
    assert len(many) == 2000
    assert len(pickle.dumps(many)) - few < 2000 * 10  # the size, and whether it was moved
    assert same_labels(pickle.loads(pickle.dumps(many))[1999]['weak_annotations'], clicks(*[(1, 1)] * 6))


def test_shards_are_read_in_their_order(root, monkeypatch):
    monkeypatch.setattr(arrow_table, 'PART_ROWS', 3)
    whole = [plain(build(root).get_data_info(index)) for index in range(7)]
    labels = every_kind(str(root / 'masks/z.png'))
    named = {key: replace(entry, file_name='f.png') if key == 'f' else entry for key, entry in labels.images.items()}
    write_labels(replace(labels, images=named), root / 'part-00000.arrow')
    parts = build(root, weak_labels='part-00000.arrow')
    assert [plain(parts.get_data_info(index)) for index in range(len(parts))] == whole
    assert len(list(root.glob('part-*.arrow'))) == 3


def test_mmengine_does_not_pickle_rows_one_by_one(root):
    dataset = build(root)
    assert dataset.serialize_data is False
    assert not hasattr(dataset, 'data_bytes')
    with pytest.raises(IndexError):
        dataset.data_list[7]
    assert dataset.data_list[-1]['sample_id'] == 'ü'
    assert [sample['sample_id'] for sample in dataset.data_list[4:]] == ['f', 'z', 'ü']


def test_in_a_wrapper(root):
    settings = {'type': 'WeakSegDataset', 'data_root': str(root), 'data_prefix': {'img_path': 'img'}, 'pipeline': []}
    parts = [{**settings, 'weak_labels': f'w.{suffix}'} for suffix in ('json', 'arrow')]
    joined = DATASETS.build({'type': 'ConcatDataset', 'datasets': parts})
    assert len(joined) == 14
    ids = [joined.get_data_info(index)['sample_id'] for index in range(14)]
    assert ids[:7] == ids[7:]


def test_check_images_must_be_known(root):
    with pytest.raises(ValueError, match="check_images must be True, False or 'again', got 'maybe'"):
        build(root, check_images='maybe')
