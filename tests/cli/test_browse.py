"""The drawn batches are those of the losses."""

import numpy as np
import pytest
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS
from PIL import Image

from mmseg_wsss.cli._arguments import load_config
from mmseg_wsss.cli.browse import training_rows
from mmseg_wsss.cli.main import main
from mmseg_wsss.datasets.shapes_drawing import draw_scene

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
            'has no train_dataloader: expected the config of one training; of a',
        ),
        (CONFIG.replace('data_preprocessor', 'preprocessor'), [], 'has no model.data_preprocessor'),
        (CONFIG, ['--num', '0'], '--num must be at least 1, got 0'),
    ],
)
def test_wrong_input_is_named(config, text, arguments, message, capsys):
    config.write_text(text)
    assert main(['browse', str(config), *arguments]) == 2
    assert message in capsys.readouterr().err


def test_missing_config(capsys):
    assert main(['browse', 'no_such_config.py']) == 2
    assert 'no_such_config.py' in capsys.readouterr().err


def test_no_batch_at_all_is_an_error(config):
    options = ['train_dataloader.batch_size=8', 'train_dataloader.drop_last=True']
    with pytest.raises(ValueError, match=r'3 images\) gives no batch of 8: lower train_dataloader.batch_size'):
        list(training_rows(load_config(str(config), options), 3, seed=0))
