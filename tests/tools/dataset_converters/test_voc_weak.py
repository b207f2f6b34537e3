"""The sample of VOC, from archives of a few made-up photographs in their official layout."""

import hashlib
import json
import re

import numpy as np
import pytest
from mmengine.config import Config
from mmseg.registry import DATASETS
from PIL import Image
from scipy.io import savemat

from mmseg_wsss.datasets.class_sets import CLASS_SETS
from tests.helpers.trainings import ROOT

SIZES = {'2007_000063': (500, 375), '2008_000008': (333, 500), '2008_000096': (320, 250)}
SPLITS = {'train': ['2007_000063'], 'val': ['2008_000096'], 'train_aug': ['2007_000063', '2008_000008']}
BOXES = {
    '2007_000063': [('dog', 123, 115, 379, 275, 0), ('chair', 75, 1, 428, 375, 0)],
    '2008_000008': [('horse', 53, 87, 300, 420, 0), ('person', 158, 44, 200, 167, 1)],
    '2008_000096': [('cat', 10, 20, 30, 40, 0)],
}
CLICKS = {'2007_000063': [{'y': 318.75, 'x': 335.140625, 'rank': 1, 'cls': 9}], 'other': [{'y': 1, 'x': 1, 'cls': 1}]}
BACKGROUND = {'2008_000008': [{'x': 0.0, 'y': 499.0, 'cls': 0}]}


@pytest.fixture
def voc_weak(load_converter):
    return load_converter('voc_weak')


@pytest.fixture
def archives(tmp_path):
    """VOC 2012, SBD and the clicks; the photograph of train_aug alone has its mask in SBD."""
    voc, sbd, clicks = tmp_path / 'VOCdevkit/VOC2012', tmp_path / 'benchmark_RELEASE', tmp_path / 'clicks'
    for folder in (*(voc / name for name in ('JPEGImages', 'SegmentationClass', 'Annotations')), sbd / 'dataset/cls'):
        folder.mkdir(parents=True)
    clicks.mkdir()
    rng = np.random.default_rng(0)
    for name, (width, height) in SIZES.items():
        photo = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
        Image.fromarray(photo).resize((width, height)).save(voc / f'JPEGImages/{name}.jpg', quality=95)
        mask = np.zeros((height, width), np.uint8)
        mask[: height // 2, : width // 2] = 12
        if name == '2008_000008':
            content = {'Segmentation': mask, 'Boundaries': np.zeros(3), 'CategoriesPresent': np.array([12])}
            savemat(sbd / f'dataset/cls/{name}.mat', {'GTcls': content})
        else:
            mask[:5] = 255
            image = Image.fromarray(mask, 'L')
            image.putpalette(np.array(CLASS_SETS['voc']['palette'] + [[0, 0, 0]] * 235).ravel().tolist())
            image.save(voc / f'SegmentationClass/{name}.png')
        (voc / f'Annotations/{name}.xml').write_text(annotation(BOXES[name]))
    (clicks / 'voc_whats_the_point.json').write_text(json.dumps(CLICKS))
    (clicks / 'voc_whats_the_point_bg_from_scribbles.json').write_text(json.dumps(BACKGROUND))
    ids = tmp_path / 'ids'
    ids.mkdir()
    for split, names in SPLITS.items():
        (ids / f'{split}.txt').write_text(''.join(f'{name}\n' for name in names))
    return voc, sbd, clicks, ids


def annotation(boxes):
    """A file as VOC has it; the part of a person has a box of its own, which is not one of the object."""
    text = ''
    for name, *corners, difficult in boxes:
        tags = zip(('xmin', 'ymin', 'xmax', 'ymax'), corners, strict=True)
        box = ''.join(f'<{tag}>{value}</{tag}>' for tag, value in tags)
        part = f'<part><name>head</name><bndbox>{box}</bndbox></part>'
        text += f'<object><name>{name}</name><difficult>{difficult}</difficult><bndbox>{box}</bndbox>{part}</object>'
    return f'<annotation><folder>VOC2012</folder>{text}</annotation>'


@pytest.fixture
def sample(archives, voc_weak, tmp_path):
    voc, sbd, clicks, ids = archives
    voc_weak.write_sample(voc, sbd, clicks, tmp_path / 'out', ids)
    return tmp_path / 'out'


def test_photographs_and_masks_have_a_longer_side_of_320(sample):
    expected = {'2007_000063': (320, 240), '2008_000008': (213, 320), '2008_000096': (320, 250)}
    for name, size in expected.items():
        with (
            Image.open(sample / f'JPEGImages/{name}.jpg') as photo,
            Image.open(sample / f'SegmentationClass/{name}.png') as mask,
        ):
            assert (photo.size, photo.mode, mask.size, mask.mode) == (size, 'RGB', size, 'P')
            assert photo.quantization[0][0] == 4  # of quality 87: 16 * (200 - 2 * 87) / 100
            assert mask.getpalette()[36:39] == [64, 0, 128]  # dog
            labels = np.array(mask)
        assert labels[size[1] // 4, size[0] // 4] == 12
        assert set(np.unique(labels)) == ({0, 12} if name == '2008_000008' else {0, 12, 255})
        assert np.mean(labels[:, : size[0] // 2 - 1][size[1] // 2 + 1 :] == 0) == 1


def test_the_photograph_is_resized_with_lanczos(archives, sample):
    with Image.open(archives[0] / 'JPEGImages/2007_000063.jpg') as photo:
        expected, other = (
            photo.resize((320, 240), how) for how in (Image.Resampling.LANCZOS, Image.Resampling.BICUBIC)
        )
    found = (sample / 'JPEGImages/2007_000063.jpg').read_bytes()
    for image, same in ((expected, True), (other, False)):
        image.save(sample / 'as.jpg', quality=87)
        assert ((sample / 'as.jpg').read_bytes() == found) is same


def test_clicks_have_two_digits_and_photographs_without_clicks_an_empty_list(sample):
    text = (sample / 'points/voc_whats_the_point.json').read_text()
    assert text == '{"2007_000063":[{"y":204.0,"x":214.49,"rank":1,"cls":9}],"2008_000008":[],"2008_000096":[]}'
    background = json.loads((sample / 'points/voc_whats_the_point_bg_from_scribbles.json').read_text())
    assert background['2008_000008'] == [{'x': 0.0, 'y': 319.36, 'cls': 0}]


@pytest.mark.parametrize(
    ('click', 'size', 'reduced', 'expected'),
    [
        # Published clicks, and the same clicks of the sample that was measured.
        ((18.795505617977526, 168.05393258426966), (500, 328), (320, 210), (12.03, 107.6)),
        ((292.8370786516854, 195.5056179775281), (500, 375), (320, 240), (187.42, 125.12)),
        ((472.6896948121357, 302.8505086464405), (500, 328), (320, 210), (302.52, 193.9)),
        ((232.58426966292137, 256.17977528089887), (333, 500), (213, 320), (148.77, 163.96)),
        ((30.0, 40.0), (182, 250), (182, 250), (30.0, 40.0)),
    ],
)
def test_the_rule_of_clicks(voc_weak, click, size, reduced, expected):
    found = voc_weak.scale_click({'x': click[0], 'y': click[1]}, size, reduced)
    assert (found['x'], found['y']) == expected


@pytest.mark.parametrize(
    ('box', 'size', 'expected'),
    [
        # Published boxes, and the same boxes of the sample that was measured.
        ((119, 12, 425, 375), (500, 375), (77, 8, 272, 240)),
        ((214, 70, 500, 299), (500, 375), (137, 45, 320, 191)),
        ((1, 74, 86, 207), (500, 375), (1, 48, 55, 132)),
        ((249, 201, 277, 253), (500, 375), (160, 129, 177, 162)),
    ],
)
def test_the_rule_of_boxes(voc_weak, box, size, expected):
    assert voc_weak.scale_box(box, size, voc_weak.reduced_size(size)) == expected


def test_boxes_without_the_difficult_ones(sample):
    text = (sample / 'Annotations/2008_000008.xml').read_text()
    assert re.findall(r'<name>(\w+)</name>', text) == ['horse']
    assert re.findall(r'<xmin>(\d+)</xmin><ymin>(\d+)</ymin><xmax>(\d+)</xmax><ymax>(\d+)</ymax>', text) == [
        ('34', '56', '192', '269')
    ]
    assert (sample / 'Annotations/2007_000063.xml').read_text() == (
        '<annotation>\n  <folder>voc_weak</folder>\n  <filename>2007_000063.jpg</filename>\n'
        '  <size><width>320</width><height>240</height><depth>3</depth></size>\n  <segmented>1</segmented>\n'
        '  <object><name>dog</name><bndbox><xmin>79</xmin><ymin>74</ymin><xmax>243</xmax><ymax>176</ymax></bndbox>'
        '</object>\n'
        '  <object><name>chair</name><bndbox><xmin>48</xmin><ymin>1</ymin><xmax>274</xmax><ymax>240</ymax></bndbox>'
        '</object>\n</annotation>\n'
    )


def test_tags_are_the_classes_of_the_boxes(sample):
    with np.load(sample / 'labels/cls_labels.npz') as file:
        assert file['ids'].tolist() == sorted(SIZES)
        assert [np.flatnonzero(row).tolist() for row in file['labels']] == [[8, 11], [12], [7]]
        assert file['labels'].dtype == np.uint8


def test_a_recipe_reads_the_sample(sample, monkeypatch):
    monkeypatch.setenv('VOC_WEAK_ROOT', str(sample))
    cfg = Config.fromfile(ROOT / 'configs/gated_crf/deeplabv3plus_mbv2_voc_clicks.py')
    train, val = (DATASETS.build(cfg[f'{name}_dataloader'].dataset) for name in ('train', 'val'))
    assert (len(train), len(val)) == (1, 1)
    annotations = train.get_data_info(0)['weak_annotations']
    assert annotations.points[:, :2].tolist() == [[pytest.approx(214.49), pytest.approx(204.0)]]
    assert val[0]['data_samples'].gt_sem_seg.data.max() == 255


def test_the_palette_is_that_of_voc(voc_weak):
    colours = np.reshape(voc_weak.palette(), (256, 3)).tolist()
    assert colours[:21] == [list(colour) for colour in CLASS_SETS['voc']['palette']]
    assert (colours[21], colours[255]) == ([128, 64, 128], [224, 224, 192])


def test_masks_that_do_not_fit(archives, voc_weak, tmp_path):
    voc, sbd, clicks, ids = archives
    Image.new('L', (10, 10)).save(voc / 'SegmentationClass/2007_000063.png')
    with pytest.raises(SystemExit, match=r'2007_000063\.png: a mask of \(10, 10\) for a photograph of \(500, 375\)'):
        voc_weak.write_sample(voc, sbd, clicks, tmp_path / 'out', ids)


def run(module, monkeypatch, *arguments):
    monkeypatch.setattr('sys.argv', ['program', *map(str, arguments)])
    module.main()


def test_the_command_line(archives, voc_weak, tmp_path, monkeypatch, capsys):
    voc, sbd, clicks, ids = archives
    words = [voc, '--sbd', sbd, '--clicks', clicks, '-o', tmp_path / 'out', '--ids', ids]
    run(voc_weak, monkeypatch, *words)
    assert (tmp_path / 'out/ImageSets/Segmentation/train_aug.txt').read_text() == '2007_000063\n2008_000008\n'
    (clicks / 'voc_whats_the_point.json').unlink()
    with pytest.raises(SystemExit, match='2'):
        run(voc_weak, monkeypatch, *words)
    assert 'voc_whats_the_point.json does not exist: docs/how_to/sample_data.md names' in capsys.readouterr().err
    with pytest.raises(SystemExit, match='2'):
        run(voc_weak, monkeypatch, sbd, *words[1:])
    assert 'give the folder VOCdevkit/VOC2012' in capsys.readouterr().err
    with pytest.raises(SystemExit, match='2'):
        run(voc_weak, monkeypatch, voc)
    assert 'VOC, --sbd, --clicks and -o are needed, or --check' in capsys.readouterr().err


def test_the_lists_are_those_of_the_results(voc_weak):
    """The page and the files in the repository have the same sums, and the table has each id once."""
    page = (ROOT / 'docs/results.md').read_text()
    sums = dict(line.split()[::-1] for line in (voc_weak.SUMS / 'files.sha256').read_text().splitlines())
    assert len(sums) == 6
    assert [name for name, value in sums.items() if value not in page] == []
    counts = {'train': 437, 'val': 445, 'train_aug': 3131}
    for split, count in counts.items():
        text = (voc_weak.SUMS / f'{split}.txt').read_bytes()
        assert hashlib.sha256(text).hexdigest() == sums[f'ImageSets/Segmentation/{split}.txt']
        assert len(text.split()) == count
