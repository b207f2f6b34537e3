import errno
import json
import os
from unittest.mock import Mock

import numpy as np
import pytest
from PIL import Image

from mmseg_wsss.cli.main import build_parser
from mmseg_wsss.datasets import InriaDataset
from mmseg_wsss.datasets.formats import read_labels
from tests.helpers.same_files import assert_same_files


def wsss(*arguments):
    args = build_parser(arguments[0]).parse_args([str(argument) for argument in arguments])
    return args.run(args)


def save(path, values):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(values).astype(np.uint16 if np.max(values) > 255 else np.uint8)).save(path)


@pytest.fixture
def root(tmp_path):
    for name in 'ab':
        save(tmp_path / f'img/{name}.jpg', np.zeros((30, 40, 3)))
        mask = np.zeros((30, 40))
        mask[5:20, 5:30] = 1
        mask[22, 22] = 1
        save(tmp_path / f'ann/{name}.png', mask)
    return tmp_path


def test_simulate_then_check(root, capsys):
    out = root / 'out/w.json'
    common = ('--masks', root / 'ann', '--images', root / 'img', '--classes', 'background,cat')
    assert wsss('simulate', *common, '--kinds', 'points,scribbles,boxes,tags', '--seed', 3, '-o', out) == 0
    labels = read_labels(str(out))
    assert labels.classes == ('background', 'cat')
    entry = labels.images['a']
    assert entry.size == (40, 30)
    assert entry.annotations.boxes.tolist() == [[5, 5, 29, 19]]
    assert entry.annotations.tags == (1,)
    assert entry.annotations.points.tolist() != labels.images['b'].annotations.points.tolist()
    assert '2 images, 2 classes' in capsys.readouterr().out
    with pytest.raises(ValueError, match=r'w.json exists; choose another -o, or overwrite it with --force'):
        wsss('simulate', *common, '-o', out)
    (root / 'split.txt').write_text('b')
    arguments = ('--kinds', 'points,scribbles,boxes,tags', '--seed', 3, '--split', root / 'split.txt', '-o', out)
    wsss('simulate', *common, *arguments, '--force')
    again = read_labels(str(out))
    assert list(again.images) == ['b']
    assert again.images['b'].annotations.to_dict() == labels.images['b'].annotations.to_dict()
    capsys.readouterr()
    assert wsss('check', out, '--images', root / 'img') == 0
    assert 'w.json is fine: 1 images, 2 classes\n' in capsys.readouterr().out


def test_simulate_names_the_mask_that_does_not_fit(root):
    save(root / 'ann/b.png', np.full((30, 40), 7))
    arguments = ('--masks', root / 'ann', '--images', root / 'img', '-o', root / 'w.json')
    with pytest.raises(ValueError, match=r'ann/b.png: the mask holds the values \[7\]'):
        wsss('simulate', *arguments, '--classes', 'background,cat')
    assert not (root / 'w.json').exists()
    with pytest.raises(ValueError, match="--classes 'vco' is neither a known set"):
        wsss('simulate', *arguments, '--classes', 'vco')


def test_simulate_takes_instances(root):
    instances = np.zeros((30, 40))
    instances[5:20, 5:15], instances[5:20, 15:30] = 1, 2
    for name in 'ab':
        save(root / f'inst/{name}.png', instances)
    common = ('--masks', root / 'ann', '--images', root / 'img', '--classes', 'background,cat', '--kinds', 'boxes')
    wsss('simulate', *common, '--instances', root / 'inst', '-o', root / 'w.json')
    boxes = read_labels(str(root / 'w.json')).images['a'].annotations.boxes
    assert boxes.tolist() == [[5, 5, 14, 19], [15, 5, 29, 19]]


def test_convert_points_with_sizes_colours_and_a_split(root, capsys):
    (root / 'fg.json').write_text(json.dumps({k: [{'x': 1, 'y': 2, 'cls': 8, 'rank': 1}] for k in 'abz'}))
    (root / 'bg.json').write_text(json.dumps({'a': [{'x': 40, 'y': 0, 'cls': 0}]}))
    (root / 'split.txt').write_text('a\nb')
    arguments = ('convert', 'whats_the_point', root / 'fg.json', '--background', root / 'bg.json', '--classes', 'voc')
    wsss(*arguments, '--images', root / 'img', '--split', root / 'split.txt', '-o', root / 'w.json')
    labels = read_labels(str(root / 'w.json'))
    assert list(labels.images) == ['a', 'b']
    assert labels.palette[8] == (64, 0, 0)
    assert labels.images['a'].size == (40, 30)
    assert labels.images['a'].annotations.points.tolist() == [[1, 2], [39, 0]]
    assert '       2 cat' in capsys.readouterr().out
    with pytest.raises(FileNotFoundError, match="image 'z'"):
        wsss(*arguments, '--images', root / 'img', '-o', root / 'x.json')
    (root / 'split.txt').write_text('q')
    with pytest.raises(ValueError, match='have no image ids in common'):
        wsss(*arguments, '--split', root / 'split.txt', '-o', root / 'x.json')


def test_convert_index_png_takes_classes_from_a_file(root):
    (root / 'classes.txt').write_text('background\ncat\n')
    arguments = ('convert', 'index_png', root / 'ann', '--classes', root / 'classes.txt', '--unlabelled', 0)
    wsss(*arguments, '-o', root / 'w.json')
    entry = read_labels(str(root / 'w.json')).images['a']
    assert len(entry.annotations.points) == 15 * 25 + 1
    assert entry.size == (40, 30)


def test_convert_voc_boxes_and_scribbles(root):
    (root / 'xml').mkdir()
    (root / 'xml/a.xml').write_text(
        '<annotation><object><name>cat</name><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>8</xmax><ymax>6</ymax></bndbox>'
        '</object><polygon><tag>dog</tag><point><X>1</X><Y>2</Y></point></polygon></annotation>'
    )
    wsss('convert', 'voc_xml', root / 'xml', '--classes', 'voc', '--tags', '--no-boxes', '-o', root / 'tags.json')
    annotations = read_labels(str(root / 'tags.json')).images['a'].annotations
    assert annotations.to_dict() == {'tags': [8]}
    wsss('convert', 'scribblesup', root / 'xml', '--classes', 'voc', '-o', root / 'lines.json')
    annotations = read_labels(str(root / 'lines.json')).images['a'].annotations
    assert annotations.to_dict() == {'scribbles': [{'points': [[1, 2]], 'class': 12}]}


def test_convert_cityscapes_clicks(root):
    instances = np.zeros((60, 80))
    instances[40:] = 7
    instances[10:20, 10:20] = 26001
    instances[0:5, 0:5] = 11
    save(root / 'gt/ulm/ulm_0_gtFine_instanceIds.png', instances)
    wsss('convert', 'cityscapes-clicks', '--gtfine', root / 'gt', '-o', root / 'w.json')
    labels = read_labels(str(root / 'w.json'))
    assert labels.classes[:2] == ('road', 'sidewalk')
    entry = labels.images['ulm/ulm_0_leftImg8bit']
    assert (entry.file_name, entry.size) == ('ulm/ulm_0_leftImg8bit.png', (80, 60))
    assert entry.annotations.points.tolist() == [[40, 50], [14, 14]]
    assert entry.annotations.point_labels.tolist() == [0, 13]


def test_convert_cityscapes_clicks_at_random_depends_on_the_seed(root):
    instances = np.zeros((60, 80))
    instances[5:55, 5:75] = 24001
    instances[8:52, 8:72] = 0  # a ring, whose centroid is beside it
    save(root / 'gt/ulm/ulm_0_gtFine_instanceIds.png', instances)
    clicked = []
    for rule, seed in (('first', 0), ('first', 1), ('random', 0), ('random', 1), ('random', 2)):
        options = ('--rule', rule, '--seed', seed, '-o', root / 'w.json', '--force')
        wsss('convert', 'cityscapes-clicks', '--gtfine', root / 'gt', *options)
        clicked.append(read_labels(str(root / 'w.json')).images['ulm/ulm_0_leftImg8bit'].annotations.points.tolist())
    assert clicked[0] == clicked[1]
    assert len({str(points) for points in clicked[2:]}) > 1


def test_convert_background_scribbles_to_clicks(root):
    (root / 'xml').mkdir()
    points = ''.join(f'<point><X>{x}</X><Y>2</Y></point>' for x in (1, 9))
    text = f'<annotation><polygon><tag>background</tag>{points}</polygon></annotation>'
    (root / 'xml/a.xml').write_text(text)
    wsss('convert', 'scribblesup', root / 'xml', '--classes', 'voc', '--background-clicks', '-o', root / 'w.json')
    annotations = read_labels(str(root / 'w.json')).images['a'].annotations
    assert annotations.to_dict() == {'points': [{'x': 3, 'y': 2, 'class': 0}, {'x': 7, 'y': 2, 'class': 0}]}


def test_check_names_classes_that_no_mask_has_either(root, capsys):
    classes = [{'name': name} for name in ('background', 'cat', 'dog', 'cow')]
    images = [{'file_name': 'a.jpg', 'mask': 'ann/a.png'}, {'file_name': 'b.jpg', 'tags': [3]}]
    (root / 'w.json').write_text(json.dumps({'version': 1, 'classes': classes, 'images': images}))
    assert wsss('check', root / 'w.json', '--images', root / 'img') == 0
    assert 'no image is labelled with dog: a model' in capsys.readouterr().out


def test_check_reports_what_the_data_set_would(root, capsys):
    image = {'file_name': 'a.jpg', 'points': [{'x': 99, 'y': 0, 'class': 0}]}
    content = {'version': 1, 'classes': [{'name': 'background'}, {'name': 'cat'}], 'images': [image]}
    (root / 'w.json').write_text(json.dumps(content))
    assert wsss('check', root / 'w.json', '--images', root / 'img') == 1
    assert 'ERROR: ' in (text := capsys.readouterr().out)
    assert "image 'a', points[0]: (99, 0) lies outside" in text


def test_convert_boxes_to_their_centres(root):
    (root / 'xml').mkdir()
    (root / 'xml/a.xml').write_text(
        '<annotation><object><name>cat</name><bndbox><xmin>2</xmin><ymin>3</ymin><xmax>8</xmax><ymax>7</ymax></bndbox>'
        '</object></annotation>'
    )
    common = ('convert', 'voc_xml', root / 'xml', '--classes', 'voc', '--box-centres', 4)
    with pytest.raises(ValueError, match="--box-centres needs the size of image 'a'.*add --images"):
        wsss(*common, '-o', root / 'points.json')
    wsss(*common, '--images', root / 'img', '-o', root / 'points.json')
    annotations = read_labels(str(root / 'points.json')).images['a'].annotations
    assert annotations.points[0].tolist() == [4, 4]
    assert annotations.point_labels.tolist() == [8, 0, 0, 0, 0]
    assert len(annotations.boxes) == 0
    wsss(*common, '--images', root / 'img', '--force', '-o', root / 'points.json')
    again = read_labels(str(root / 'points.json')).images['a'].annotations
    assert again.points.tolist() == annotations.points.tolist()


def test_simulate_points_by_boxes(root):
    common = ('--masks', root / 'ann', '--images', root / 'img', '--classes', 'background,cat')
    wsss('simulate', *common, '--points', 'box-centres', '-o', root / 'w.json')
    annotations = read_labels(str(root / 'w.json')).images['a'].annotations
    assert annotations.points[0].tolist() == [17, 12]
    assert annotations.point_labels.tolist() == [1, 0, 0, 0, 0]


def test_convert_inria_cuts_tiles_and_clicks_on_buildings(root, capsys):
    mask = np.zeros((25, 30), np.uint8)
    mask[2:5, 2:5] = mask[12:18, 12:22] = 255
    for name in ('austin5', 'austin6'):
        image = np.random.default_rng(0).integers(0, 255, (25, 30, 3))
        for folder, values in (('images', image), ('gt', mask)):
            (root / 'inria' / folder).mkdir(parents=True, exist_ok=True)
            Image.fromarray(values.astype(np.uint8)).save(root / f'inria/{folder}/{name}.tif')
    out = root / 'tiles'
    wsss('convert', 'inria', root / 'inria', '--tiles', out, '--tile', 20, '-o', out / 'w.json')
    keys = [f'austin6_{top}_{left}' for top in (0, 20) for left in (0, 20)]
    assert (out / 'train.txt').read_text().split() == keys
    assert (out / 'val.txt').read_text().split() == [key.replace('6', '5', 1) for key in keys]
    labels = read_labels(str(out / 'w.json'))
    for key in keys:
        top, left = (int(part) for part in key.split('_')[1:])
        tile = np.asarray(Image.open(out / f'masks/{key}.png'))
        np.testing.assert_array_equal(tile, mask[top : top + 20, left : left + 20] // 255)
        np.testing.assert_array_equal(
            np.asarray(Image.open(out / f'images/{key}.png')), image.astype(np.uint8)[top : top + 20, left : left + 20]
        )
        entry = labels.images[key].annotations
        x, y = entry.points.astype(int).T
        np.testing.assert_array_equal(tile[y, x], entry.point_labels)
    counts = {key: np.bincount(labels.images[key].annotations.point_labels).tolist() for key in keys}
    assert counts == {'austin6_0_0': [8, 2], 'austin6_0_20': [4, 1], 'austin6_20_0': [1], 'austin6_20_20': [1]}
    folders = {'img_path': 'images', 'seg_map_path': 'masks'}
    common = {'data_root': str(out), 'data_prefix': folders, 'img_suffix': '.png', 'pipeline': []}
    train = InriaDataset('w.json', ann_file='train.txt', **common)
    assert train.metainfo['classes'] == ('background', 'building')
    assert (
        train[0]['weak_annotations'].point_labels.tolist() == labels.images[keys[0]].annotations.point_labels.tolist()
    )
    assert len(InriaDataset(ann_file='val.txt', test_mode=True, check_masks=True, **common)) == 4
    save(root / 'inria/gt/austin6.tif', np.ones((25, 30)))
    with pytest.raises(ValueError, match=r'austin6.tif: expected a mask of 0 and 255.*the values \[1\]'):
        wsss('convert', 'inria', root / 'inria', '--tiles', out, '-o', root / 'v.json')
    for option in ('--tile', '--stride'):
        with pytest.raises(ValueError, match=r'tile and stride must be positive numbers of pixels, got \d+ and 0'):
            wsss('convert', 'inria', root / 'inria', '--tiles', out, option, 0, '-o', root / 'v.json')


def test_inria_tiles_of_pmp_and_tiles_that_overlap(root):
    for folder in ('images', 'gt'):
        (root / 'inria' / folder).mkdir(parents=True, exist_ok=True)
        Image.new('RGB' if folder == 'images' else 'L', (5000, 40)).save(root / f'inria/{folder}/wien7.tif')

    def lefts(*options):
        out = root / 'cut' / '_'.join(map(str, options))
        wsss('convert', 'inria', root / 'inria', '--tiles', out, *options, '-o', out / 'w.json')
        return sorted(int(key.rsplit('_', 1)[1]) for key in (out / 'train.txt').read_text().split())

    assert len(lefts('--tile', 384)) == 14  # the last of 8 pixels
    with pytest.raises(ValueError, match='wien7.tif: a side of 40 pixels is smaller than a tile of 384: use smaller'):
        lefts('--tile', 384, '--whole')
    Image.new('RGB', (5000, 400)).save(root / 'inria/images/wien7.tif')
    Image.new('L', (5000, 400)).save(root / 'inria/gt/wien7.tif')
    assert lefts('--tile', 384, '--whole') == [384 * n for n in range(13)]  # 13 x 13 x 180 = 30,420
    assert lefts('--tile', 400, '--stride', 1000, '--whole') == [0, 1000, 2000, 3000, 4000]
    assert lefts('--tile', 1500, '--stride', 1000) == [0, 1000, 2000, 3000, 4000]


def test_convert_coco_writes_masks_too(root, capsys):
    content = {
        'images': [{'id': 5, 'file_name': 'f.jpg', 'width': 6, 'height': 4}],
        'annotations': [
            {'id': 1, 'image_id': 5, 'category_id': 1, 'bbox': [1, 1, 3, 2], 'segmentation': [[1, 1, 4, 1, 4, 3, 1, 3]]}
        ],
        'categories': [{'id': 1, 'name': 'dog'}, {'id': 2, 'name': 'kite'}],
    }
    (root / 'coco.json').write_text(json.dumps(content))
    options = ['--classes', 'background,cat,dog', '--only-classes', '--masks', str(root / 'out')]
    assert wsss('convert', 'coco', str(root / 'coco.json'), *options, '-o', str(root / 'w.json')) == 0
    assert f'{root / "out"}: 1 masks' in capsys.readouterr().out
    expected = np.zeros((4, 6), dtype=int)
    expected[1:3, 1:4] = 2
    assert np.asarray(Image.open(root / 'out/f.png')).tolist() == expected.tolist()
    boxes = json.loads((root / 'w.json').read_text())['images'][0]['boxes']
    assert [box['box'] for box in boxes] == [[1, 1, 3, 2]]


def voc_of(root):
    (root / 'xml').mkdir()
    (root / 'xml/a.xml').write_text(
        '<annotation><object><name>cat</name><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>8</xmax><ymax>6</ymax></bndbox>'
        '</object></annotation>'
    )


def test_convert_auto_finds_the_format(root, capsys):
    voc_of(root)
    wsss('convert', 'auto', root / 'xml', '--classes', 'voc', '--tags', '--no-boxes', '-o', root / 'w.json')
    assert read_labels(str(root / 'w.json')).images['a'].annotations.to_dict() == {'tags': [8]}
    assert 'xml: PASCAL VOC XML boxes (voc_xml)' in capsys.readouterr().out
    with pytest.raises(ValueError, match='xml is read as voc_xml, which has no --max-rank'):
        wsss('convert', 'auto', root / 'xml', '--classes', 'voc', '--max-rank', 1, '-o', root / 'x.json')
    with pytest.raises(ValueError, match='img looks like no format'):
        wsss('convert', 'auto', root / 'img', '--classes', 'voc', '-o', root / 'x.json')
    wsss('convert', 'auto', root / 'ann', '--classes', 'background,cat', '--unlabelled', 0, '-o', root / 'x.json')
    assert set(read_labels(str(root / 'x.json')).images) == {'a', 'b'}


def test_convert_tells_what_was_left_out(root, capsys):
    content = {
        'images': [{'id': 5, 'file_name': 'f.jpg', 'width': 6, 'height': 4}],
        'annotations': [{'id': 7, 'image_id': 5, 'category_id': 1, 'bbox': [1, 1, 3, 2], 'iscrowd': 1}],
        'categories': [{'id': 1, 'name': 'cat'}],
    }
    (root / 'coco.json').write_text(json.dumps(content))
    common = ('convert', 'coco', root / 'coco.json', '--classes', 'background,cat', '-o', root / 'w.json', '--force')
    wsss(*common, '--report', root / 'report.json')
    assert 'left out: 1 annotations with iscrowd, which --crowd (crowd=True) keeps (' in capsys.readouterr().out
    report = json.loads((root / 'report.json').read_text())
    assert report['format'] == 'coco'
    assert [found['count'] for found in report['left_out'].values()] == [1]


def test_convert_overwrites_no_masks(root):
    (root / 'coco.json').write_text('{"images": [], "annotations": [], "categories": []}')
    with pytest.raises(ValueError, match='ann has files; choose another --masks, or overwrite them with --force'):
        wsss(
            'convert', 'coco', root / 'coco.json', '--classes', 'background,cat',
            '--masks', root / 'ann', '-o', root / 'w.json',
        )  # fmt: skip


def test_convert_takes_the_classes_of_the_files(root, capsys):
    voc_of(root)
    wsss('convert', 'auto', root / 'xml', '-o', root / 'w.json')
    assert read_labels(str(root / 'w.json')).classes == ('background', 'cat')
    with pytest.raises(ValueError, match="ann: the format 'index_png' does not name its classes: give them"):
        wsss('convert', 'auto', root / 'ann', '-o', root / 'x.json')


def test_simulate_without_a_background(root, capsys):
    common = (
        'simulate',
        '--masks',
        root / 'ann',
        '--images',
        root / 'img',
        '--classes',
        'sky,road',
        '--kinds',
        'points',
    )
    wsss(*common, '-o', root / 'w.json')
    assert (
        "of the clicks are on 'sky'. If it is a class as the others are, use --no-background" in capsys.readouterr().out
    )
    wsss(*common, '--no-background', '-o', root / 'x.json')
    assert 'no-background' not in capsys.readouterr().out
    labels = read_labels(str(root / 'x.json'))
    assert labels.classes == ('background', 'sky', 'road')
    assert set(labels.images['a'].annotations.point_labels.tolist()) == {1, 2}


def outlines(root, *points):
    """LabelMe files of one outline each; one that is not a list of points ends the conversion."""
    for index, ring in enumerate(points):
        shape = {'label': 'cat', 'points': ring, 'shape_type': 'polygon'}
        content = {'shapes': [shape], 'imagePath': f'{index}.jpg', 'imageHeight': 20, 'imageWidth': 20}
        (root / 'labelme').mkdir(exist_ok=True)
        (root / f'labelme/{index}.json').write_text(json.dumps(content))
    return ('convert', 'labelme', root / 'labelme', '--masks', root / 'out/masks', '-o', root / 'w.json')


RING = [[1, 1], [9, 1], [9, 9]]


@pytest.mark.parametrize('classes', [(), ('--classes', 'background,cat')])
@pytest.mark.parametrize('older', [False, True])
def test_a_conversion_that_fails_leaves_no_masks(root, classes, older):
    command = (*outlines(root, RING, 'none'), *classes, '--force')
    if older:
        save(root / 'out/masks/0.png', np.full((20, 20), 7))
        save(root / 'out/masks/other.png', np.full((20, 20), 8))
    with pytest.raises(ValueError, match=r'1\.json'):
        wsss(*command)
    there = sorted(path.relative_to(root).as_posix() for path in root.glob('out/**/*'))
    assert there == (['out/masks', 'out/masks/0.png', 'out/masks/other.png'] if older else [])
    assert not older or (np.asarray(Image.open(root / 'out/masks/0.png')) == 7).all()
    assert not (root / 'w.json').exists()


def test_masks_are_written_with_the_labels_or_not_at_all(root, monkeypatch):
    command = outlines(root, RING, RING)
    full = Mock(side_effect=OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
    with monkeypatch.context() as context:
        context.setattr('mmseg_wsss.cli.convert.write_labels', full)
        with pytest.raises(OSError, match='No space left'):
            wsss(*command)
    assert not (root / 'out').exists()
    save(root / 'out/masks/other.png', np.full((20, 20), 8))
    wsss(*command, '--force', '--report', root / 'report.json')
    masks = [json.loads((root / 'w.json').read_text())['images'][index]['mask'] for index in range(2)]
    assert masks == ['out/masks/0.png', 'out/masks/1.png']
    assert np.asarray(Image.open(root / masks[0])).sum() > 20
    assert sorted(path.name for path in (root / 'out/masks').iterdir()) == ['0.png', '1.png', 'other.png']
    assert json.loads((root / 'report.json').read_text())['masks'] == str(root / 'out/masks')


def test_tiles_are_written_with_the_labels_or_not_at_all(root):
    for name in ('images', 'gt'):
        Image.new('RGB' if name == 'images' else 'L', (40, 40)).save(root / 'x.tif')
        for city in ('austin1', 'wien7'):
            (root / 'inria' / name).mkdir(parents=True, exist_ok=True)
            (root / f'inria/{name}/{city}.tif').write_bytes((root / 'x.tif').read_bytes())
    Image.new('L', (41, 40)).save(root / 'inria/gt/wien7.tif')
    with pytest.raises(ValueError, match='wien7.tif: expected a mask of 0 and 255 and of the shape'):
        wsss('convert', 'inria', root / 'inria', '--tiles', root / 'tiles', '--tile', 20, '-o', root / 'w.json')
    (root / 'inria/images/austin1.tif').write_bytes(b'II*')
    with pytest.raises(ValueError, match='austin1.tif is not an image that can be read'):
        wsss('convert', 'inria', root / 'inria', '--tiles', root / 'tiles', '--tile', 20, '-o', root / 'w.json')
    assert not (root / 'tiles').exists()


@pytest.mark.parametrize(
    'command',
    [
        ('simulate', '--masks', 'ann', '--images', 'img', '--kinds', 'points,scribbles,boxes,tags'),
        ('convert', 'index_png', 'ann', '--unlabelled', '255', '--masks', 'MASKS'),
    ],
    ids=lambda command: command[0],
)
def test_two_workers_write_the_same_labels(root, monkeypatch, capsys, command):
    monkeypatch.chdir(root)

    def write(folder, workers):
        folder.mkdir()
        words = [word.replace('MASKS', str(folder / 'masks')) for word in command]
        options = ('--classes', 'background,cat', '-o', folder / 'w.json', '--workers', workers)
        capsys.readouterr()
        assert wsss(*words, *options) == 0
        (folder / 'w.json').write_text((folder / 'w.json').read_text().replace(folder.name, ''))
        return capsys.readouterr().out.replace(folder.name, '')

    assert_same_files(write, root)


@pytest.mark.parametrize('workers', [1, 2])
def test_simulate_refuses_masks_of_0_and_255(root, workers):
    for name in 'ab':
        save(root / f'ann/{name}.png', np.arange(1200).reshape(30, 40) // 600 * 255)
    common = ('--masks', root / 'ann', '--images', root / 'img', '--classes', 'background,cat', '-o', root / 'w.json')
    with pytest.raises(ValueError, match='the masks hold only 0 and 255'):
        wsss('simulate', *common, '--workers', workers)
