import os

import numpy as np
import pytest
from mmcv.transforms import LoadImageFromFile
from PIL import Image

from mmseg_wsss.datasets import arrow_pictures
from mmseg_wsss.datasets.arrow_pictures import PictureChecks
from mmseg_wsss.datasets.formats import read_labels
from mmseg_wsss.datasets.formats.arrow_table import write_labels
from mmseg_wsss.datasets.weak_seg_dataset import WeakSegDataset
from mmseg_wsss.structures import ImageEntry, WeakAnnotations, WeakLabelSet

CLICK = WeakAnnotations(points=[[1, 1]], point_labels=[1])
NAMES = [f'{folder}/{number:02d}.png' for folder in 'ab' for number in range(10)]


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))


@pytest.fixture
def root(tmp_path):
    for name in NAMES:
        save(tmp_path / 'img' / name)
    write(tmp_path, [ImageEntry(name, 8, 6, CLICK) for name in NAMES])
    return tmp_path


def save(path, size=(8, 6), mode='RGB'):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size).save(path)


def write(root, entries):
    images = {entry.file_name.removesuffix('.png'): entry for entry in entries}
    write_labels(WeakLabelSet(('background', 'cat'), None, images), root / 'w.arrow')


@pytest.fixture
def reads(monkeypatch):
    """The paths whose headers are read."""
    paths = []
    read = arrow_pictures.read_header
    monkeypatch.setattr(arrow_pictures, 'read_header', lambda path: paths.append(path) or read(path))
    return paths


def pipeline(colours):
    steps = ({'type': name} for name in ('LoadWeakAnnotations', 'RasterizeWeakAnnotations', 'PackWeakSegInputs'))
    return [{'type': 'LoadImageFromFile', 'color_type': colours}, *steps]


def build(root, **settings):
    common = {'weak_labels': str(root / 'w.arrow'), 'data_prefix': {'img_path': str(root / 'img')}, 'pipeline': []}
    return WeakSegDataset(**{**common, **settings})


def test_files_are_read_by_the_first_process_alone(root, reads):
    build(root)
    assert sorted(reads) == [str(root / 'img' / name) for name in NAMES]
    reads.clear()
    dataset = build(root)
    assert reads == []
    assert dataset.get_data_info(3)['weak_label_size'] == (8, 6)
    build(root, check_images=False)
    assert reads == []
    build(root, check_images='again')
    assert len(reads) == 20


def test_they_are_read_again_if_anything_has_changed(root, reads):
    build(root)
    reads.clear()
    (root / 'split.txt').write_text('a/01\na/02')
    build(root, ann_file=str(root / 'split.txt'), img_suffix='.png')
    assert len(reads) == 2
    reads.clear()
    (root / 'split.txt').write_text('a/03\na/02')
    build(root, ann_file=str(root / 'split.txt'), img_suffix='.png')
    assert len(reads) == 2
    reads.clear()
    build(root, pipeline=pipeline('grayscale'))
    assert len(reads) == 20
    reads.clear()
    write(root, [ImageEntry(name, 8, 6, CLICK if name < 'b' else WeakAnnotations()) for name in NAMES])
    build(root)
    assert len(reads) == 20
    reads.clear()
    save(root / 'img/b/new.png')  # is not in the label file
    build(root)
    assert reads == []
    (root / 'img').rename(root / 'moved')
    build(root, data_prefix={'img_path': str(root / 'moved')})
    assert len(reads) == 20


def test_an_image_that_is_removed_is_noticed(root):
    build(root)
    (root / 'img/b/07.png').unlink()
    with pytest.raises(FileNotFoundError, match="lists 20 images, but 1 are not on disk. First: image 'b/07'"):
        build(root)
    save(root / 'img/b/07.png', (9, 6))
    with pytest.raises(ValueError, match=r"image 'b/07': width and height are 8 x 6 .* is 9 x 6.*\(1 images differ"):
        build(root)


@pytest.mark.parametrize('change', ['time', 'size'])
@pytest.mark.parametrize('split', [False, True])
def test_an_image_that_is_written_over_is_noticed(root, reads, change, split):
    """In its place, so that its folder does not change; by one of the same number of bytes, or at the same time."""
    (root / 'split.txt').write_text('b/07\na/02\n')
    settings = {'ann_file': str(root / 'split.txt'), 'img_suffix': '.png'} if split else {}
    build(root, **settings)
    reads.clear()
    path = root / 'img/b/07.png'
    folder, before = path.parent.stat(), path.stat()
    replaced = path.read_bytes()
    path.write_bytes(replaced if change == 'time' else replaced + b' ')
    if change == 'size':
        os.utime(path, ns=(before.st_mtime_ns, before.st_mtime_ns))
    assert path.parent.stat().st_mtime_ns == folder.st_mtime_ns
    build(root, **settings)
    assert len(reads) == (2 if split else 20)


def test_what_is_found_of_the_images_is_remembered_too(root):
    save(root / 'img/a/00.png', mode='RGBA')
    for _ in range(2):
        dataset = build(root, pipeline=pipeline('unchanged'), lazy_init=True)
        with pytest.raises(ValueError, match='images are loaded with different numbers of channels'):
            dataset.full_init()


@pytest.mark.parametrize('chunk', [1, 7, 2000])
def test_several_processes_find_the_same_as_one(root, monkeypatch, reads, chunk):
    monkeypatch.setattr(arrow_pictures, 'CHUNK', chunk)
    monkeypatch.setattr(os, 'sched_getaffinity', lambda pid: {0, 1})
    sizes = {'a/03.png': (5, 6), 'b/09.png': (8, 7)}
    for name, size in sizes.items():
        save(root / 'img' / name, size)
    write(root, [ImageEntry(name, annotations=CLICK) for name in NAMES])
    images = read_labels(str(root / 'w.arrow')).images
    checks = PictureChecks(images, str(root / 'img'), 'w.arrow', LoadImageFromFile())
    found, findings = checks.check(np.zeros((20, 2), dtype=np.int32))
    assert found.tolist() == [list(sizes.get(name, (8, 6))) for name in NAMES]
    assert findings == []
    assert len(reads) == (20 if chunk == 2000 else 0)  # forked processes have lists of their own
    (root / 'img/b/02.png').unlink()
    with pytest.raises(FileNotFoundError, match="1 are not on disk. First: image 'b/02'"):
        checks.check(np.zeros((20, 2), dtype=np.int32))
    (root / 'img/b/02.png').write_text('no picture')
    with pytest.raises(ValueError, match=r'b/02\.png'):
        checks.check(np.zeros((20, 2), dtype=np.int32))


def test_masks_are_checked_with_their_images(root, reads):
    save(root / 'masks/good.png', mode='L')
    save(root / 'masks/small.png', (4, 6), mode='L')
    masks = {'a/01.png': 'good', 'b/01.png': 'good'}

    def entries():
        for name in NAMES:
            mask = str(root / f'masks/{masks[name]}.png') if name in masks else None
            yield ImageEntry(name, 8, 6, WeakAnnotations(mask_path=mask))

    write(root, entries())
    assert build(root).audit.counts.images['mask'] == 2
    masks['b/01.png'] = 'small'
    write(root, entries())
    with pytest.raises(ValueError, match=r"image 'b/01': its mask .*small\.png is 4 x 6, the image 8 x 6"):
        build(root)
    assert len(build(root, check_masks=False)) == 20
    save(root / 'masks/small.png', (8, 6), mode='L')  # written over
    assert build(root).audit.counts.images['mask'] == 2
    save(root / 'masks/small.png', (4, 6), mode='L')
    with pytest.raises(ValueError, match=r"image 'b/01': its mask .*small\.png is 4 x 6, the image 8 x 6"):
        build(root)
    masks['b/01.png'] = 'lost'
    write(root, entries())
    with pytest.raises(FileNotFoundError, match=r"image 'b/01': its mask .*lost\.png is not on disk"):
        build(root)
