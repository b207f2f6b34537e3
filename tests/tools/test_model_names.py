"""The long names of the metafiles say what the configs do."""

import re

import pytest
import yaml
from mmengine.config import Config

from tests.helpers.tools import load_tool
from tests.helpers.trainings import ROOT

model_names = load_tool('model_names')
MODELS = [
    model
    for path in sorted((ROOT / 'configs').glob('*/metafile.yml'))
    for model in yaml.safe_load(path.read_text())['Models']
]
NAME = re.compile(
    r'(?P<method>[a-z-]+)_(?P<network>[a-z0-9-]+)_(?:(?P<stages>stages)|1xb(?P<batch>\d+)-(?P<number>\d+)(?P<unit>k|iters|e))'
    r'_(?P<data>[a-z0-9]+)(?P<labels>(?:-[a-z]+)*?)(?:-(?P<height>\d+)x(?P<width>\d+))?'
)


def crop_size(pipeline):
    """Of the one transform that cuts crops."""
    (size,) = [step['crop_size'] for step in pipeline if 'crop_size' in step]
    return tuple(size)


@pytest.mark.parametrize('model', MODELS, ids=lambda model: model['Name'])
def test_each_part_is_that_of_the_config(model, monkeypatch):
    for name in ('ACDC_ROOT', 'VOC_ROOT', 'VOC_WEAK_ROOT', 'PSEUDO_LABEL_ROOT', 'INRIA_ROOT', 'CRAID_ROOT'):
        monkeypatch.delenv(name, raising=False)
    parts = NAME.fullmatch(model['Name'])
    assert parts, model['Name']
    cfg = Config.fromfile(ROOT / model['Config'])
    folder, _, file = model['Config'].removeprefix('configs/').removesuffix('.py').partition('/')
    assert parts['method'].replace('-', '_') == folder
    short = [parts['network'], parts['data'] + parts['labels']]
    assert '_'.join(short).replace('-', '_') == file == model['Alias'][0]
    if parts['stages']:
        assert 'stages' in cfg
        return
    train = cfg.train_dataloader
    assert int(parts['batch']) == train.batch_size
    length = int(parts['number']) * {'k': 1000, 'iters': 1, 'e': 1}[parts['unit']]
    assert length == cfg.train_cfg['max_epochs' if parts['unit'] == 'e' else 'max_iters']
    crop = (int(parts['height']), int(parts['width']))
    assert crop == crop_size(train.dataset.pipeline)
    assert parts['data'] in str(train.dataset.to_dict()).lower()


def test_the_metafiles_are_up_to_date():
    """Where this fails: python tools/model_names.py."""
    for path in (ROOT / 'configs').glob('*/metafile.yml'):
        text = path.read_text()
        assert model_names.updated(text) == text
        assert text.count('    Alias: [') == text.count('    Config: ')


def test_names_are_written_into_a_metafile():
    text = 'Models:\n  - Name: unet_shapes_clicks\n    In Collection: X\n'
    text += '    Config: configs/gated_crf/unet_shapes_clicks.py\n'
    name = 'gated-crf_unet_1xb8-600iters_shapes-clicks-96x96'
    expected = text.replace('Name: unet_shapes_clicks\n', f'Name: {name}\n    Alias: [unet_shapes_clicks]\n')
    assert model_names.updated(text) == expected
    assert model_names.updated(expected) == expected


@pytest.mark.parametrize(
    ('train_cfg', 'text'),
    [({'max_iters': 40000}, '40k'), ({'max_iters': 650}, '650iters'), ({'max_epochs': 20}, '20e')],
)
def test_the_length_of_a_training(train_cfg, text):
    assert model_names.schedule(Config(train_cfg)) == text


def test_no_name_is_that_of_two_models():
    """mmengine and mim look for models by name and alias, in small letters."""
    for model in MODELS:
        assert isinstance(model['Alias'], list)
        assert model['Name'] != model['Alias'][0]
    names = [name.lower() for model in MODELS for name in (model['Name'], *model['Alias'])]
    assert len(set(names)) == len(names)
