import pytest

from mmseg_wsss.cli.main import main


def write_config(folder, cache_dir):
    step = '' if cache_dir is None else f"dict(type='LoadPointBlots', cache_dir={cache_dir!r}),"
    (folder / 'config.py').write_text(f"""
train_dataloader = dict(dataset=dict(type='ShapesDataset', num_images=3, size=(32, 40), pipeline=[
    dict(type='LoadShapesImage'), dict(type='LoadWeakAnnotations'), {step}
    dict(type='WeakRandomCrop', crop_size=(16, 16)), dict(type='RasterizeWeakAnnotations'),
    dict(type='PackWeakSegInputs')]))
""")
    return str(folder / 'config.py')


@pytest.mark.parametrize('workers', ['1', '2'])
def test_every_image_is_cached(tmp_path, capsys, workers):
    config = write_config(tmp_path, str(tmp_path / 'cache'))
    assert main(['blots', config, '--workers', workers]) == 0
    assert len(list((tmp_path / 'cache').glob('*.png'))) == 3
    assert 'blots of 3 images; they cover' in capsys.readouterr().out


def test_blots_are_those_of_a_training_with_the_same_overrides(tmp_path):
    config = write_config(tmp_path, str(tmp_path / 'cache'))
    folder = tmp_path / 'other'
    options = [f'train_dataloader.dataset.pipeline.2.cache_dir={folder}']
    assert main(['blots', config, '--cfg-options', *options, 'train_dataloader.dataset.num_images=2']) == 0
    names = {path.name for path in folder.glob('*.png')}
    assert len(names) == 2
    assert main(['blots', config, '--cfg-options', *options, 'train_dataloader.dataset.pipeline.2.seed=1']) == 0
    assert len({path.name for path in folder.glob('*.png')} - names) == 3
    assert not (tmp_path / 'cache').exists()


def test_a_wrapped_data_set(tmp_path, capsys):
    inner = write_config(tmp_path, str(tmp_path / 'cache'))
    (tmp_path / 'wrapped.py').write_text(f"""
_base_ = {inner!r}
train_dataloader = dict(dataset=dict(
    _delete_=True, type='RepeatDataset', times=2, dataset={{{{_base_.train_dataloader.dataset}}}}))
""")
    assert main(['blots', str(tmp_path / 'wrapped.py')]) == 0
    assert 'blots of 3 images' in capsys.readouterr().out


def test_nothing_to_do_is_an_error(tmp_path, capsys):
    assert main(['blots', write_config(tmp_path, None)]) == 2
    assert 'has no LoadPointBlots with a cache_dir, so nothing to compute' in capsys.readouterr().err
    (tmp_path / 'evaluates.py').write_text('test_dataloader = dict(batch_size=1)')
    assert main(['blots', str(tmp_path / 'evaluates.py')]) == 2
    assert 'evaluates.py: the training pipeline has no LoadPointBlots' in capsys.readouterr().err
    assert main(['blots', write_config(tmp_path, str(tmp_path)), '--workers', '-1']) == 2
    assert '--workers must be at least 0 (one for each core), got -1' in capsys.readouterr().err
