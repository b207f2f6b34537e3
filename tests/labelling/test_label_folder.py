"""Folders of pseudo-labels that a kill leaves half, on one process and on two."""

import json

import numpy as np
import pytest
import torch
import torch.multiprocessing as mp
from PIL import Image

from mmseg_wsss.datasets.pseudo_label_files import read_pseudo_label
from mmseg_wsss.datasets.workers import progress
from mmseg_wsss.labelling import label_folder
from mmseg_wsss.labelling.label_folder import names_of, write_label_folder
from tests.helpers.killing import KilledError

SETTINGS = {'split': 'train', 'from': 'test'}


class Pictures:
    """As much of a data set as the folder needs: seven pictures of different sizes."""

    metainfo = {'classes': ('background', 'cat'), 'palette': ((0, 0, 0), (9, 9, 9))}

    def __len__(self):
        return 7

    def get_data_info(self, index):
        return {'img_path': f'sub/p{index}.jpg', 'index': index}


class Labeller:
    """Labels pictures with numbers of their own, writes down which, and dies at one of them."""

    def __init__(self, die_at=None):
        self.die_at, self.seen = die_at, []

    def __call__(self, index, info):
        if index == self.die_at:
            raise KilledError
        self.seen.append(index)
        rng = np.random.default_rng(index)
        size = (3 + index, 5)
        return rng.choice([0, 1, 255], size), rng.random(size)


def write(folder, labeller, **settings):
    return write_label_folder(Pictures(), folder, labeller, SETTINGS, **settings)


def content(folder):
    """Of all files, the hidden ones, too."""
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob('*') if path.is_file()}


@pytest.fixture
def whole(tmp_path):
    return write(tmp_path / 'whole', Labeller()), content(tmp_path / 'whole')


def test_a_cut_run_goes_on(whole, tmp_path, monkeypatch):
    lines = []
    monkeypatch.setattr(label_folder, 'print_log', lambda line, **_: lines.append(line))
    folder = tmp_path / 'cut'
    with pytest.raises(KilledError):
        write(folder, Labeller(die_at=4))
    assert not (folder / 'pseudo_labels.json').exists()
    again, kept = Labeller(), {}
    summary = write(folder, again, keep=True, count_kept=lambda info, labels: kept.update({info['index']: labels}))
    assert again.seen == [4, 5, 6]
    assert (summary, content(folder)) == whole
    assert lines == ['4 of 7 images were finished before the interruption and are kept']
    for index, labels in kept.items():
        assert np.array_equal(labels, Labeller()(index, None)[0])
    assert list(kept) == [0, 1, 2, 3]
    # without keep, all again
    anew = Labeller()
    assert (write(folder, anew), content(folder)) == whole
    assert (anew.seen, len(lines)) == ([0, 1, 2, 3, 4, 5, 6], 1)


def cut_in_half(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def of_another_picture(path):
    path.write_bytes(path.with_name('p6.png').read_bytes())


@pytest.mark.parametrize('kind', ['masks', 'confidence'])
@pytest.mark.parametrize(
    'damage', [cut_in_half, of_another_picture, lambda path: path.write_bytes(b''), lambda path: path.unlink()]
)
def test_half_and_broken_images_are_made_again(whole, tmp_path, kind, damage):
    damage(tmp_path / f'whole/{kind}/sub/p2.png')
    again = Labeller()
    assert (write(tmp_path / 'whole', again, keep=True), content(tmp_path / 'whole')) == whole
    assert again.seen == [2]


def test_a_kill_while_an_image_is_written(whole, tmp_path, monkeypatch):
    """The mask is there and the confidence is half: neither the half file nor the image count."""
    save, saved = Image.Image.save, []

    def killed(self, file, **options):
        saved.append(file)
        if len(saved) == 6:
            file.write(b'half')
            raise KilledError
        save(self, file, **options)

    monkeypatch.setattr('PIL.Image.Image.save', killed)
    with pytest.raises(KilledError):
        write(tmp_path / 'cut', Labeller())
    monkeypatch.setattr('PIL.Image.Image.save', save)
    names = {path.relative_to(tmp_path / 'cut').as_posix() for path in (tmp_path / 'cut').rglob('*.*')}
    assert {name for name in names if 'p2' in name} == {'masks/sub/p2.png', 'confidence/sub/.p2.png.tmp'}
    again = Labeller()
    assert (write(tmp_path / 'cut', again, keep=True), content(tmp_path / 'cut')) == whole
    assert again.seen == [2, 3, 4, 5, 6]


def test_damaged_labels_are_named_with_the_command(whole, tmp_path):
    folder = tmp_path / 'whole'
    labels, confidence = read_pseudo_label(folder, 'sub/p3')
    expected = Labeller()(3, None)
    assert np.array_equal(labels, expected[0])
    assert np.abs(confidence / 255 - expected[1]).max() <= 0.5 / 255 + 1e-9
    cut_in_half(folder / 'masks/sub/p3.png')
    with pytest.raises(ValueError, match=r'masks/sub/p3.png is damaged \(.*"wsss pseudo-labels CONFIG'):
        read_pseudo_label(folder, 'sub/p3')
    of_another_picture(folder / 'masks/sub/p3.png')
    with pytest.raises(ValueError, match=r'must have the same size, got \(9, 5\) and \(6, 5\): "wsss pseudo'):
        read_pseudo_label(folder, 'sub/p3')
    with pytest.raises(FileNotFoundError):
        read_pseudo_label(folder, 'p9')


def _rank(rank, path):
    torch.distributed.init_process_group('gloo', init_method=f'file://{path / "meet"}', rank=rank, world_size=2)
    again = Labeller()
    found = write(path / 'cut', again, keep=True)
    (path / f'{rank}.json').write_text(json.dumps([again.seen, found]))
    torch.distributed.destroy_process_group()


def test_two_processes_go_on(whole, tmp_path):
    """Of two processes one had finished 0, 2 and 4, the other one 1."""
    folder = tmp_path / 'cut'
    write(folder, Labeller())
    for key in ('p3', 'p5', 'p6'):
        (folder / f'confidence/sub/{key}.png').unlink()
    mp.start_processes(_rank, (tmp_path,), nprocs=2, start_method='fork')
    found = [json.loads((tmp_path / f'{rank}.json').read_text()) for rank in range(2)]
    assert [seen for seen, _ in found] == [[6], [3, 5]]
    assert [summary for _, summary in found] == [whole[0]] * 2
    assert content(folder) == whole[1]


def test_a_kill_before_the_coco_file_leaves_no_finished_folder(tmp_path, monkeypatch):
    def killed(folder, index):
        raise KilledError

    monkeypatch.setattr(label_folder, 'write_coco', killed)
    with pytest.raises(KilledError):
        write(tmp_path, Labeller(), coco_rle=True)
    assert not (tmp_path / 'pseudo_labels.json').exists()


def test_the_bar_is_not_part_of_what_a_command_prints(capsys):
    assert list(progress([4, 0, 2], 'labels')) == [4, 0, 2]
    assert capsys.readouterr().out == ''


@pytest.mark.parametrize(
    ('info', 'prefix', 'names'),
    [
        ({'img_path': 'data/img/b/1.v2.jpg'}, {'img_path': 'data/img'}, ('b/1.v2', 'b/1.v2.jpg')),
        ({'img_path': 'data/img/b/1.jpg'}, {'img_path': 'elsewhere'}, ('1', '1.jpg')),
        ({'img_path': 'data/b/1.jpg'}, {}, ('data/b/1', 'data/b/1.jpg')),
        ({'img_path': '/data/b/1.jpg'}, None, ('1', '1.jpg')),
        ({'img_path': 'img/b/1.jpg', 'sample_id': 'c/2'}, {'img_path': 'img'}, ('c/2', 'b/1.jpg')),
        ({'img_path': 'img/b/1.jpg', 'sample_id': '/c/2'}, {'img_path': 'img'}, ('c/2', 'b/1.jpg')),
    ],
)
def test_the_names_of_an_image_of_any_data_set(info, prefix, names):
    assert names_of(info, type('DataSet', (), {'data_prefix': prefix})()) == names
    if prefix is None:
        assert names_of(info, object()) == names


@pytest.mark.parametrize('key', ['../2', 'a/../../2'])
def test_the_id_of_an_image_stays_below_the_folder(key):
    with pytest.raises(ValueError, match='below the image folder'):
        names_of({'img_path': 'img/1.jpg', 'sample_id': key}, object())
