"""A checkpoint of the authors' code becomes one of ours that computes the same."""

import argparse
import hashlib
import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from mmseg.apis import init_model
from mmseg.registry import MODELS

from mmseg_wsss.checkpoints.loading import trust_checkpoints
from mmseg_wsss.checkpoints.network import trained_network
from mmseg_wsss.checkpoints.weights import check_weights
from mmseg_wsss.cli.main import main
from mmseg_wsss.datasets.class_sets import VOC_CLASSES, VOC_PALETTE
from tests.helpers.published_cases import CASES, CONFIGS, made_up
from tests.helpers.published_networks import GatedCRFNetwork

SMALL = CASES['icam affinity']


def run(case, source_file, output, *options):
    config = str(CONFIGS / f'{case.config}.py')
    return main(['import-weights', case.source, str(source_file), '-o', str(output), '--config', config, *options])


def compare(case, network, image, output):
    """The same images make the same numbers in the network of the checkpoint, which builds from itself."""
    model, _, _ = trained_network(output)
    height, width = image.shape[2:]
    ours = case.with_maps(case.colours_here(model, image)[..., :height, :width])
    theirs = case.with_maps(case.colours_there(image))
    torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=0)
    compare_numbers(case, network, model, theirs, ours, atol=1e-4)
    compare_numbers(case, network.double(), model.double(), ours.double(), ours.double(), atol=1e-6)


@torch.no_grad()
def compare_numbers(case, network, model, theirs, ours, atol):
    """Features or logits, and what is made of them at the size of the input; in float64 no order of a sum matters."""
    expected, found = network(theirs), case.outputs_here(model, ours)
    if case.whole != 'none':
        expected, found = (
            [*expected, case.whole_there(expected, ours.shape[2:])],
            [*found, case.whole_here(model, ours)],
        )
    assert len(found) == len(expected)
    for here, there in zip(found, expected, strict=True):
        assert there.std() > 0.01  # it says something
        torch.testing.assert_close(here, there, atol=atol, rtol=0)


@pytest.mark.parametrize('name', CASES)
def test_imported_network_computes_the_same(name, tmp_path, capsys):
    case = CASES[name]
    network, image = made_up(case)
    case.save(network, tmp_path / 'theirs.pth')
    assert run(case, tmp_path / 'theirs.pth', tmp_path / 'ours.pth', *case.small_options) == 0
    needed = {
        key: x for key, x in network.state_dict().items() if x.is_floating_point() and not key.startswith('_aff.')
    }
    numbers = sum(value.numel() for value in needed.values())
    assert f'of {case.source}, {numbers:,} numbers' in capsys.readouterr().out
    compare(case, network, image, tmp_path / 'ours.pth')


@pytest.mark.slow
@pytest.mark.parametrize('name', ['single-stage ResNet-50', 'Gated CRF DeepLabv3+', 'LPG generator, 5 channels'])
def test_imported_network_of_the_published_size_computes_the_same(name, tmp_path):
    case = CASES[name]
    network, image = made_up(case, full=True)
    case.save(network, tmp_path / 'theirs.pth')
    assert run(case, tmp_path / 'theirs.pth', tmp_path / 'ours.pth') == 0
    compare(case, network, image, tmp_path / 'ours.pth')


@pytest.fixture
def affinity(tmp_path):
    """A small affinity network in a file of its authors."""
    network, _ = made_up(SMALL)
    SMALL.save(network, tmp_path / 'theirs.pth')
    return network


def test_written_file_says_where_it_comes_from(affinity, tmp_path):
    theirs, ours = tmp_path / 'theirs.pth', tmp_path / 'folder/ours.pth'
    assert run(SMALL, theirs, ours, *SMALL.small_options) == 0
    checkpoint = torch.load(ours, weights_only=True)  # plain, too
    meta = checkpoint['meta']
    assert (meta['source'], meta['network']) == ('icam', 'AffinityNet')
    assert meta['sha256'] == hashlib.sha256(theirs.read_bytes()).hexdigest()
    assert tuple(meta['classes']) == tuple(meta['dataset_meta']['classes']) == VOC_CLASSES
    assert meta['dataset_meta']['palette'] == VOC_PALETTE
    model, cfg, _ = trained_network(ours)
    assert list(checkpoint['state_dict']) == list(model.state_dict())
    assert cfg.model.backbone.base_channels == 4
    check_weights(model, str(ours))
    assert [path.name for path in ours.parent.iterdir()] == ['ours.pth']


@pytest.mark.parametrize(
    ('config', 'classes', 'options', 'expected'),
    [
        ('deeplabv3plus_r34_cityscapes_clicks', 19, [], ['road', 'sidewalk', 'building']),
        (
            'deeplabv3plus_r34_voc_clicks',
            3,
            ['val_dataloader.dataset.metainfo.classes=soil,crop,weed'],
            ['soil', 'crop', 'weed'],
        ),
        ('deeplabv3plus_r34_voc_clicks', 3, [], None),  # not known
    ],
)
def test_classes_are_those_of_the_config_or_of_their_number(tmp_path, config, classes, options, expected):
    case = CASES['Gated CRF DeepLabv3+']
    case = replace(case, config=f'gated_crf/{config}', small=lambda: GatedCRFNetwork(8, c=16, skip=6, classes=classes))
    network, _ = made_up(case)
    case.save(network, tmp_path / 'theirs.pth')
    options = [*case.small_options, f'model.decode_head.num_classes={classes}', *options]
    assert run(case, tmp_path / 'theirs.pth', tmp_path / 'ours.pth', *options) == 0
    meta = torch.load(tmp_path / 'ours.pth', weights_only=True)['meta']
    assert (meta['classes'][:3] if 'classes' in meta else None) == expected
    assert meta.get('dataset_meta', {}).get('classes') == meta.get('classes')


def test_imported_network_is_one_of_mmseg(tmp_path):
    case = CASES['LPG LargeFOV']
    network, _ = made_up(case)
    case.save(network, tmp_path / 'theirs.pth')
    assert run(case, tmp_path / 'theirs.pth', tmp_path / 'ours.pth') == 0
    model = init_model(str(CONFIGS / f'{case.config}.py'), str(tmp_path / 'ours.pth'), device='cpu')
    assert tuple(model.dataset_meta['classes']) == VOC_CLASSES
    init_cfg = {'type': 'Pretrained', 'checkpoint': str(tmp_path / 'ours.pth'), 'prefix': 'backbone'}
    backbone = MODELS.build({**model.cfg.model.backbone, 'init_cfg': init_cfg})
    backbone.init_weights()
    torch.testing.assert_close(backbone.fc6.weight, network.features[32].weight)
    torch.testing.assert_close(backbone.state_dict(), model.backbone.state_dict())


@pytest.mark.parametrize('kind', ['legacy', 'module', 'half', 'uncounted'])
def test_other_forms_of_the_same_file(affinity, tmp_path, kind):
    weights = affinity.state_dict()
    if kind == 'module':  # of DataParallel
        weights = {f'module.{name}': value for name, value in weights.items()}
    elif kind == 'half':  # precision
        weights = {name: value.half() if value.is_floating_point() else value for name, value in weights.items()}
    elif kind == 'uncounted':  # of torch before 0.4.1
        weights = {name: value for name, value in weights.items() if 'num_batches' not in name}
    torch.save(weights, tmp_path / 'other.pth', _use_new_zipfile_serialization=kind != 'legacy')
    assert run(SMALL, tmp_path / 'other.pth', tmp_path / 'ours.pth', *SMALL.small_options) == 0
    found = torch.load(tmp_path / 'ours.pth', weights_only=True)['state_dict']
    torch.testing.assert_close(found['decode_head.mix.weight'], affinity.f9.weight, atol=1e-3, rtol=0)
    assert all(value.dtype == torch.float32 for value in found.values() if value.is_floating_point())
    assert found['backbone.bn7.num_batches_tracked'] == (0 if kind == 'uncounted' else 1)


class Trap:
    """Its content would be code that runs when the file is read."""

    def __reduce__(self):
        return open, (str(Trap.path), 'w')


def refused(capsys, case, *arguments):
    assert run(case, *arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith('wsss: error: ')
    assert error.count('\n') == 1
    return error


def test_what_is_not_plain_is_refused_unless_it_is_trusted(affinity, tmp_path, capsys):
    path = tmp_path / 'theirs.pth'
    torch.save({'state_dict': affinity.state_dict(), 'hparams': argparse.Namespace(lr=1), 'x': np.float64(0.5)}, path)
    error = refused(capsys, SMALL, path, tmp_path / 'ours.pth', *SMALL.small_options)
    assert re.search(
        r'theirs\.pth holds code \(argparse\.Namespace\) besides weights .* pass --trust-checkpoint', error
    )
    assert not (tmp_path / 'ours.pth').exists()
    trusted = ('--trust-checkpoint', *SMALL.small_options)
    assert run(SMALL, path, tmp_path / 'ours.pth', *trusted) == 0
    trust_checkpoints(False)


def test_no_code_of_the_file_is_run(affinity, tmp_path, capsys):
    Trap.path = tmp_path / 'ran'
    torch.save({'state_dict': affinity.state_dict(), 'epoch': Trap()}, tmp_path / 'theirs.pth')
    assert 'theirs.pth holds code (' in refused(capsys, SMALL, tmp_path / 'theirs.pth', tmp_path / 'ours.pth')
    assert not Trap.path.exists()


@pytest.mark.parametrize('kind', ['cut', 'text', 'empty', 'absent'])
def test_files_that_cannot_be_read_are_refused(affinity, tmp_path, capsys, kind):
    path = tmp_path / 'theirs.pth'
    content = {'cut': path.read_bytes()[:5000], 'text': b'hello world', 'empty': b'', 'absent': b''}[kind]
    path.write_bytes(content)
    if kind == 'absent':
        path.unlink()
    error = refused(capsys, SMALL, path, tmp_path / 'ours.pth')
    expected = f'no checkpoint at {path}' if kind == 'absent' else f'{path} cannot be read as a checkpoint: '
    assert expected in error


def test_output_is_not_overwritten(affinity, tmp_path, capsys):
    (tmp_path / 'ours.pth').write_text('mine')
    arguments = (tmp_path / 'theirs.pth', tmp_path / 'ours.pth', *SMALL.small_options)
    assert 'ours.pth exists; choose another -o, or overwrite it with --force' in refused(capsys, SMALL, *arguments)
    assert (tmp_path / 'ours.pth').read_text() == 'mine'
    assert run(SMALL, *arguments, '--force') == 0
    assert trained_network(tmp_path / 'ours.pth')


def test_config_without_a_network_is_refused(affinity, tmp_path, capsys):
    config = CONFIGS / 'importance_sampling/pipeline_wrn38_voc_tags.py'
    files = [str(tmp_path / 'theirs.pth'), '-o', str(tmp_path / 'ours.pth')]
    assert main(['import-weights', 'icam', *files, '--config', str(config)]) == 2
    assert 'pipeline_wrn38_voc_tags.py has no model: expected the config of one network' in capsys.readouterr().err


@pytest.mark.parametrize(
    ('inputs', 'options', 'stage'), [(4, (), 1), (5, (), None), (5, ('--stage', '3'), 3), (4, ('--stage', '2'), 2)]
)
def test_stage_and_inputs_of_a_generator(tmp_path, inputs, options, stage):
    case = CASES[f'LPG generator, {inputs} channels']
    network, _ = made_up(case)
    case.save(network, tmp_path / 'theirs.pth')
    assert run(case, tmp_path / 'theirs.pth', tmp_path / 'ours.pth', *options, *case.small_options) == 0
    model, _, checkpoint = trained_network(tmp_path / 'ours.pth')
    assert (model.in_channels, model.use_probability) == (inputs, inputs == 5)
    assert checkpoint['meta'].get('lpg_stage') == stage
    assert 'classes' not in checkpoint['meta']  # it knows none


def test_stage_is_checked(affinity, tmp_path, capsys):
    arguments = (tmp_path / 'theirs.pth', tmp_path / 'ours.pth', '--stage')
    assert '--stage is only for mask generators, and the network' in refused(capsys, SMALL, *arguments, '1')
    generator = CASES['LPG generator, 4 channels']
    assert '--stage must be a positive integer, got 0' in refused(capsys, generator, *arguments, '0')
