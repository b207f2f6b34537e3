"""A config travels as one file."""

import pytest
from mmengine.config import Config

from mmseg_wsss.cli.config import choose_config, config_root, find_configs
from mmseg_wsss.cli.main import main

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
    names = capsys.readouterr().out.splitlines()
    assert NAME in names
    assert names == sorted(names)
    assert not any('_base_' in name for name in names)


def test_default_file_is_the_name_of_the_config(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(['config', NAME]) == 0
    assert (tmp_path / 'deeplabv3plus_r34_voc_clicks.py').is_file()


@pytest.mark.parametrize('typed', ['a/net_voc', 'net_voc', 'net_voc.py', 'configs/a/net_voc.py'])
def test_names_with_and_without_folder_and_suffix(typed):
    configs = {'a/net_voc': 'here', 'b/net_coco': 'there', 'a/net_coco': 'elsewhere'}
    assert choose_config(typed, configs) == 'here'


def test_unknown_names_get_a_hint():
    configs = {'a/net_voc': 1, 'b/net_coco': 2, 'c/net_coco': 3}
    with pytest.raises(ValueError, match=r"there is no config 'net_vocc': did you mean a/net_voc"):
        choose_config('net_vocc', configs)
    with pytest.raises(ValueError, match=r'"wsss config --list" shows the names'):
        choose_config('something else entirely', configs)
    with pytest.raises(ValueError, match='several configs: b/net_coco, c/net_coco'):
        choose_config('net_coco', configs)


@pytest.mark.parametrize(
    ('argv', 'message'),
    [(['config'], 'name of a config is missing'), (['config', NAME, '-o', 'x.json'], 'must end in .py')],
)
def test_wrong_arguments(argv, message, capsys):
    assert main(argv) == 2
    assert message in capsys.readouterr().err


def test_root_in_a_clone_in_a_wheel_and_nowhere(tmp_path):
    package = tmp_path / 'site' / 'mmseg_wsss'
    wheel = package / '.mim' / 'configs' / '_base_'
    wheel.mkdir(parents=True)
    (tmp_path / 'site' / 'configs').mkdir()  # somebody else's
    with pytest.raises(FileNotFoundError, match='no configs in'):
        config_root(package)
    (wheel / 'default_runtime.py').touch()
    assert config_root(package) == wheel.parent
    clone = tmp_path / 'site' / 'configs' / '_base_'
    clone.mkdir()
    (clone / 'default_runtime.py').touch()
    assert config_root(package) == clone.parent
