"""Configs are found by short and long names, in a clone and in a wheel."""

import pytest

from mmseg_wsss.engine.recipes import choose_config, config_file, config_root, find_configs, long_names
from tests.helpers.trainings import ROOT

LONG = 'gated-crf_deeplabv3plus-r34_1xb48-90k_voc-clicks-256x256'
SHORT = 'gated_crf/deeplabv3plus_r34_voc_clicks'


@pytest.mark.parametrize('typed', ['a/net_voc', 'net_voc', 'net_voc.py', 'configs/a/net_voc.py'])
def test_names_with_and_without_folder_and_suffix(typed):
    configs = {'a/net_voc': 'here', 'b/net_coco': 'there', 'a/net_coco': 'elsewhere'}
    assert choose_config(typed, configs) == 'here'


def test_unknown_names_get_a_hint():
    configs = {'a/net_voc': 1, 'b/net_coco': 2, 'c/net_coco': 3}
    with pytest.raises(ValueError, match=r"'net_vocc' is not the name of a config: did you mean a/net_voc"):
        choose_config('net_vocc', configs)
    with pytest.raises(ValueError, match=r'"wsss config --list" shows the names'):
        choose_config('something else entirely', configs)
    with pytest.raises(ValueError, match='several configs: b/net_coco, c/net_coco'):
        choose_config('net_coco', configs)


def test_long_names():
    configs = {'a/net_voc': 'here', 'b/net_voc': 'there'}
    long = {'method_net_1xb8-2k_voc-64x64': 'b/net_voc'}
    for typed in ('method_net_1xb8-2k_voc-64x64', 'method_net_1xb8-2k_voc-64x64.py'):
        assert choose_config(typed, configs, long) == 'there'
    with pytest.raises(ValueError, match='did you mean method_net_1xb8-2k_voc-64x64'):
        choose_config('method_net_1xb8-4k_voc-64x64', configs, long)


def test_the_names_of_the_metafiles():
    names = long_names(ROOT / 'configs')
    assert names[LONG] == SHORT
    assert len(names) == len(set(names.values())) > 50
    assert set(names.values()) <= set(find_configs(ROOT / 'configs'))


def test_a_file_or_a_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    expected = str(ROOT / f'configs/{SHORT}.py')
    assert [config_file(name) for name in (LONG, SHORT, SHORT.split('/')[1], expected)] == [expected] * 4
    (tmp_path / 'unet_shapes_clicks').touch()
    assert config_file('unet_shapes_clicks') == 'unet_shapes_clicks'  # a file is one, whatever its name
    with pytest.raises(ValueError, match=r'^unet_acdc_full\.py: the config file does not exist$'):
        config_file('unet_acdc_full.py')
    with pytest.raises(
        ValueError, match=r"'unet_acdc_ful' is not the name of a config: did you mean gated_crf/unet_acdc_full"
    ):
        config_file('unet_acdc_ful')


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
