"""A config travels as one file."""

import pytest
from mmengine.config import Config

from mmseg_wsss.cli.main import main
from mmseg_wsss.engine.recipes import config_root, find_configs

LONG = 'gated-crf_deeplabv3plus-r34_1xb48-90k_voc-clicks-256x256'
NAME = 'gated_crf/deeplabv3plus_r34_voc_clicks'


@pytest.fixture
def unindented(monkeypatch):
    """Without yapf, which takes a second for each config and changes nothing but its lines."""
    monkeypatch.setattr('yapf.yapflib.yapf_api.FormatCode', lambda text, **style: (f'{text}\n', True))


def test_every_config_flattens_to_the_same_settings(tmp_path, unindented):
    for name, source in find_configs(config_root()).items():
        flat = tmp_path / f'{source.stem}.py'
        assert main(['config', name, '-o', str(flat)]) == 0
        text = flat.read_text()
        assert '_base_' not in text
        assert 'mmseg_wsss.plugin' in text
        expected = Config.fromfile(source).to_dict()
        assert Config.fromfile(flat).to_dict() == expected
        assert text.splitlines()[0] == source.read_text().splitlines()[0]


@pytest.mark.parametrize(
    ('name', 'beside'),
    [
        ('lpg/hourglass_shapes_boxes', {'hourglass_shapes.py'}),
        ('lpg/deeplab_largefov_voc_boxes', set()),
        ('lpg/mbv2_voc_boxes_networks', {'mbv2_voc_class_masks.py'}),
        (
            'importance_sampling/pipeline_shapes_tags',
            {'cam_shapes_tags.py', 'affinity_shapes_tags.py', 'deeplabv1_shapes_tags.py'},
        ),
    ],
)
def test_stages_travel_in_order_with_their_configs(tmp_path, unindented, name, beside):
    import mmseg_wsss.plugin  # noqa: F401
    from mmseg_wsss.engine.stages import StagedRunner

    def stages_of(path):
        cfg = Config.fromfile(path)
        cfg.work_dir = str(tmp_path / 'runs')
        return [(stage.name, stage.config) for stage in StagedRunner.from_cfg(cfg).stages.values()]

    target = tmp_path / 'new/mine.py'
    assert main(['config', name, '-o', str(target)]) == 0
    assert {path.name for path in target.parent.iterdir()} == {'mine.py', *beside}
    assert stages_of(target) == stages_of(find_configs(config_root())[name])
    (tmp_path / 'new/own.py').write_text("_base_ = './mine.py'\nrandomness = dict(seed=1)\n")
    assert [stage for stage, _ in stages_of(tmp_path / 'new/own.py')] == [stage for stage, _ in stages_of(target)]
    for file in beside:
        (target.parent / file).write_text('precious = 1')
    target.unlink()
    assert main(['config', name, '-o', str(target)]) == (2 if beside else 0)
    assert target.exists() == (not beside)


def test_nothing_is_overwritten_unless_forced(tmp_path, capsys):
    target = tmp_path / 'mine.py'
    target.write_text('precious = 1\n')
    assert main(['config', NAME, '-o', str(target)]) == 2
    assert 'mine.py exists' in capsys.readouterr().err
    assert target.read_text() == 'precious = 1\n'
    assert main(['config', NAME, '-o', str(target), '--force']) == 0
    assert 'precious' not in target.read_text()


def test_list_names_configs_and_no_bases(capsys):
    assert main(['config', '--list']) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [NAME, LONG] in rows
    assert ['own_data/clicks_cpu'] in rows
    names = [row[0] for row in rows]
    assert names == sorted(names)
    assert not any('_base_' in name for name in names)


def test_default_file_is_the_name_of_the_config(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in (NAME, LONG):
        assert main(['config', name, '--force']) == 0
        assert [path.name for path in tmp_path.iterdir()] == ['deeplabv3plus_r34_voc_clicks.py']


@pytest.mark.parametrize(
    ('argv', 'message'),
    [(['config'], 'name of a config is missing'), (['config', NAME, '-o', 'x.json'], 'must end in .py')],
)
def test_wrong_arguments(argv, message, capsys):
    assert main(argv) == 2
    assert message in capsys.readouterr().err
