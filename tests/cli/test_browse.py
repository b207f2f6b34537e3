"""The drawn batches are those of the losses."""

import numpy as np
import pytest
import torch
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS
from PIL import Image

from mmseg_wsss.cli._arguments import load_config
from mmseg_wsss.cli.browse import training_rows
from mmseg_wsss.cli.main import main
from mmseg_wsss.datasets.shapes_drawing import draw_scene
from mmseg_wsss.functional import gated_crf_kernel_map
from mmseg_wsss.structures.loss_inputs import IMAGENET_MEAN, IMAGENET_STD
from mmseg_wsss.visualization.heat_maps import heat_colours

SIZE = (64, 64)
CONFIG = """
train_dataloader = dict(
    batch_size=2,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='ShapesDataset', num_images=3, size=(64, 64), labels=['mask'],
        pipeline=[dict(type='LoadShapesImage'), dict(type='PackSegInputs')],
    ),
)
model = dict(
    data_preprocessor=dict(
        type='SegDataPreProcessor', mean=[120.0, 110.0, 100.0], std=[60.0, 50.0, 40.0], bgr_to_rgb=True, size=(80, 96),
    ),
)
"""


@TRANSFORMS.register_module()
class Unlabel(BaseTransform):
    def transform(self, results):
        results['gt_seg_map'][:] = 255
        return results


@pytest.fixture
def config(tmp_path):
    path = tmp_path / 'config.py'
    path.write_text(CONFIG)
    return path


def test_rows_hold_the_image_of_the_loss_and_the_padding_crossed_out(config):
    rows = list(training_rows(load_config(str(config), []), 3, seed=0))
    assert [name for name, *_ in rows] == ['shapes_00000.png', 'shapes_00001.png', 'shapes_00002.png']
    for index, (_, row, labelled, size) in enumerate(rows):
        scene = draw_scene(0, index, SIZE)
        assert labelled == size == 64 * 64
        panel = row[20 : 20 + 160, :192]  # 80 x 96, twice as large
        # inside, away from borders and from interpolation between neighbours: the mean of four cells
        cells = panel[:128, :128].reshape(64, 2, 64, 2, 3).mean(axis=(1, 3))
        assert np.abs(cells - scene.image)[2:-2, 2:-2].mean() < 4
        assert set(np.unique(panel[128:])) == {110, 200}
        assert set(np.unique(panel[:, 128:])) == {110, 200}


def test_command_writes_a_sheet_and_counts_labels(config, tmp_path, capsys):
    sheet = tmp_path / 'sheet.png'
    arguments = ['browse', str(config), '-o', str(sheet), '--num', '5']
    assert main([*arguments, '--cfg-options', 'train_dataloader.dataset.num_images=2']) == 0
    printed = capsys.readouterr().out
    assert printed.count('4096 of 4096 pixels labelled (100.00%)') == 5  # the loader starts again
    assert 'shapes_00002.png' not in printed
    assert '5 images, 4096.0 labelled pixels each, 0 without any' in printed
    assert np.asarray(Image.open(sheet)).shape[1] > 700


def test_kernels_are_those_of_the_loss(config, tmp_path, capsys):
    kernels = "losses=dict(loss_crf=dict(type='GatedCRFLoss', radius=2, kernels=[dict(weight=2.0, xy=3.0, rgb=0.5)])),"
    config.write_text(CONFIG.replace('model = dict(', f'model = dict(\n    {kernels}'))
    cfg = load_config(str(config), ['train_dataloader.batch_size=1'])
    (_, plain, _, _), (_, row, _, _) = (next(training_rows(cfg, 1, seed=0, kernel_stride=s)) for s in (None, 4))
    np.testing.assert_array_equal(row[: plain.shape[0], : plain.shape[1]], plain)
    drawn = row[20 : 20 + 160, plain.shape[1] + 4 :][:, :192]  # 80 x 96, twice as large
    image = torch.zeros(1, 3, 80, 96)
    image[..., :64, :64] = torch.from_numpy(draw_scene(0, 0, SIZE).image.copy()).permute(2, 0, 1) / 255
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (IMAGENET_MEAN, IMAGENET_STD))
    image[..., 64:, :] = image[..., 64:] = torch.tensor([120.0, 110.0, 100.0]).view(3, 1, 1) / 255  # the padding
    heat = gated_crf_kernel_map(
        (image - mean) / std, size=(20, 24), kernels=[dict(weight=1.0, xy=3.0, rgb=0.5)], radius=2
    )
    expected = heat_colours(heat[0, 0].numpy()).repeat(8, axis=0).repeat(8, axis=1).astype(int)
    assert np.abs(drawn - expected).max() <= 6  # a level of the colours
    sheet = tmp_path / 'sheet.png'
    assert main(['browse', str(config), '-o', str(sheet), '-n', '1', '--kernels', '8']) == 0
    assert sheet.exists()


def test_kernels_need_a_gated_crf_loss(config, capsys):
    assert main(['browse', str(config), '--kernels']) == 2
    assert 'model.losses of the config has none' in capsys.readouterr().err
    assert main(['browse', str(config), '--kernels', '0']) == 2
    assert '--kernels must be at least 1 pixel, got 0' in capsys.readouterr().err


def test_images_without_labels_are_counted(config, tmp_path, capsys):
    config.write_text(CONFIG.replace("dict(type='PackSeg", "dict(type='Unlabel'), dict(type='PackSeg"))
    assert main(['browse', str(config), '-o', str(tmp_path / 'sheet.png'), '-n', '2']) == 0
    assert '2 images, 0.0 labelled pixels each, 2 without any' in capsys.readouterr().out


@pytest.mark.parametrize(
    ('text', 'arguments', 'message'),
    [
        (
            CONFIG.replace('train_dataloader', 'loader'),
            [],
            'has no train_dataloader: expected the config of one training; for a',
        ),
        (CONFIG.replace('data_preprocessor', 'preprocessor'), [], 'has no model.data_preprocessor'),
        (CONFIG, ['--num', '0'], '--num must be at least 1, got 0'),
        (CONFIG, ['-o', 'sheet.xyz'], "-o must end in one of .png, .jpg, .jpeg, .html, got 'sheet.xyz'"),
    ],
)
def test_wrong_input_is_named(config, text, arguments, message, capsys):
    config.write_text(text)
    assert main(['browse', str(config), *arguments]) == 2
    assert message in capsys.readouterr().err


def test_a_picture_is_not_overwritten_unless_asked_for(config, tmp_path, capsys):
    sheet = tmp_path / 'sheet.png'
    sheet.write_text('mine')
    assert main(['browse', str(config), '-o', str(sheet), '-n', '1']) == 2
    assert f'{sheet} exists; choose another -o, or overwrite it with --force' in capsys.readouterr().err
    assert sheet.read_text() == 'mine'
    assert main(['browse', str(config), '-o', str(sheet), '-n', '1', '--force']) == 0
    assert Image.open(sheet).format == 'PNG'


def test_missing_config(capsys):
    assert main(['browse', 'no_such_config.py']) == 2
    assert 'no_such_config.py' in capsys.readouterr().err


def test_no_batch_at_all_is_an_error(config):
    options = ['train_dataloader.batch_size=8', 'train_dataloader.drop_last=True']
    with pytest.raises(ValueError, match=r'3 images\) cannot fill a batch of 8: lower train_dataloader.batch_size'):
        list(training_rows(load_config(str(config), options), 3, seed=0))


def test_a_label_file_needs_its_photos(tmp_path, capsys):
    (tmp_path / 'labels.json').write_text('{}')
    assert main(['browse', str(tmp_path / 'labels.json'), '-o', str(tmp_path / 'b.png')]) == 2
    assert (
        'labels.json is not a config; the labels of a file are drawn on photos with --images' in capsys.readouterr().err
    )
