"""Every known fault is named once, with its cure, and a healthy environment has none."""

from dataclasses import replace

import pytest

from mmseg_wsss.cli import doctor
from mmseg_wsss.cli.doctor_checks import CHECKS, Environment, check_config, describe_processor, release
from mmseg_wsss.cli.main import main

MODULES = frozenset({'torch', 'mmengine', 'mmcv', 'mmseg', 'pkg_resources', 'ftfy', 'regex'})
ONEDL = Environment(
    distributions={
        'torch': '2.13.0+cpu',
        'numpy': '2.2.6',
        'setuptools': '84.2.1',
        'onedl-mmengine': '0.10.12',
        'onedl-mmcv': '2.3.6',
        'onedl-mmsegmentation': '1.4.2',
    },
    modules=MODULES - {'pkg_resources', 'ftfy', 'regex'},
    mmcv_ops=False,
)
ORIGINAL = Environment(
    distributions={
        'torch': '2.1.2',
        'numpy': '1.26.4',
        'setuptools': '79.0.1',
        'mmengine': '0.10.7',
        'mmcv': '2.1.0',
        'mmsegmentation': '1.2.2',
    },
    modules=MODULES,
)


def installed(env, **versions):
    """The environment with other versions; None takes a distribution away."""
    distributions = {**env.distributions, **{name.replace('_', '-'): version for name, version in versions.items()}}
    return replace(env, distributions={name: version for name, version in distributions.items() if version})


def faults(env):
    return [fault for check in CHECKS if (fault := check(env)) is not None]


@pytest.mark.parametrize(
    'env',
    [
        ONEDL,
        ORIGINAL,
        installed(ORIGINAL, torch='2.5.1', numpy='2.1.0'),
        installed(ORIGINAL, mmcv='2.0.1'),
        installed(ORIGINAL, torch='2.6.0'),
    ],
)
def test_healthy(env):
    assert faults(env) == []


@pytest.mark.parametrize(
    ('env', 'problem', 'cure'),
    [
        (
            installed(ONEDL, mmcv='2.1.0'),
            'both lines of OpenMMLab are installed (onedl-mmengine, onedl-mmcv, onedl-mmsegmentation and mmcv)',
            'pip uninstall -y onedl-mmengine onedl-mmcv onedl-mmsegmentation mmcv, then pip install onedl-mmengine',
        ),
        (
            replace(ONEDL, modules=frozenset({'torch', 'mmengine', 'mmcv'})),
            'not installed: mmseg',
            'onedl-mmsegmentation',
        ),
        (
            replace(installed(ORIGINAL, mmcv=None, mmcv_lite='2.1.0'), mmcv_ops=False),
            'mmcv-lite has no compiled operators',
            'MMCV_WITH_OPS=1 pip install --no-build-isolation mmcv==2.1.0',
        ),
        (replace(ORIGINAL, mmcv_ops=False), 'mmcv 2.1.0 has no compiled operators', 'MMCV_WITH_OPS=1'),
        (
            installed(ORIGINAL, mmcv='2.2.0'),
            'mmsegmentation 1.2.2 needs mmcv >= 2.0.0 and < 2.2.0, found 2.2.0',
            'mmcv==2.1.0',
        ),
        (installed(ORIGINAL, mmcv='1.7.2'), 'found 1.7.2', 'mmcv==2.1.0'),
        (
            replace(installed(ORIGINAL, setuptools='82.0.0'), modules=MODULES - {'pkg_resources'}),
            'pkg_resources is missing (setuptools 82.0.0)',
            "pip install 'setuptools<80'",
        ),
        (
            replace(installed(ORIGINAL, setuptools=None), modules=MODULES - {'pkg_resources'}),
            '(no setuptools)',
            "pip install 'setuptools<80'",
        ),
        (
            replace(ORIGINAL, modules=MODULES - {'ftfy'}),
            'mmsegmentation imports ftfy without',
            'pip install ftfy regex',
        ),
        (
            installed(ORIGINAL, torch='2.2.2', numpy='2.0.0'),
            'torch 2.2.2 was built for numpy 1, found numpy 2.0.0',
            "pip install 'numpy<2'",
        ),
        (replace(ONEDL, plugin_error='KeyError: x'), 'import mmseg_wsss.plugin fails: KeyError: x', 'problems above'),
    ],
)
def test_each_fault_is_named_once(env, problem, cure):
    (fault,) = faults(env)
    assert problem in fault.problem
    assert cure in fault.cure


def test_config_that_needs_a_gpu():
    config = {
        'model': {'backbone': {'type': 'ResNet', 'norm_cfg': {'type': 'SyncBN'}}},
        'hooks': [{'type': 'A'}, {'x': ({'type': 'AmpOptimWrapper'},)}],
    }
    assert [fault.cure for fault in check_config(config, ONEDL)] == [
        "set norm_cfg=dict(type='BN')",
        "set type='BFloat16OptimWrapper' or 'OptimWrapper'",
    ]
    assert check_config(config, replace(ONEDL, cuda='a GPU')) == []
    assert check_config({'model': {'type': 'EncoderDecoder'}}, ONEDL) == []


def test_batch_of_one_image_with_a_pooled_map():
    head = {'type': 'DepthwiseSeparableASPPHead', 'norm_cfg': {'type': 'BN'}}
    config = {'model': {'decode_head': head}, 'train_dataloader': {'batch_size': 1}}
    (fault,) = check_config(config, ONEDL)
    assert fault.problem.startswith('DepthwiseSeparableASPPHead normalises a map that is pooled to one pixel')
    assert '"Expected more than 1 value per channel when training"' in fault.problem
    assert fault.cure == 'set train_dataloader.batch_size to 2 or more'
    assert check_config({**config, 'train_dataloader': {'batch_size': 2}}, ONEDL) == []
    assert check_config({**config, 'model': {'decode_head': {**head, 'type': 'FCNHead'}}}, ONEDL) == []


@pytest.mark.parametrize(
    ('version', 'numbers'),
    [('2.13.0+cpu', (2, 13)), ('0.10.7rc1', (0, 10, 7)), ('2', (2,)), ('2.0.0', (2,)), ('unknown', ())],
)
def test_release_numbers(version, numbers):
    assert release(version) == numbers


@pytest.mark.parametrize(
    ('flags', 'expected'),
    [
        ('sse2 avx512_bf16 amx_tile', 'One, with avx512_bf16: --amp (bfloat16) saves time on it'),
        ('amx_bf16', 'One, with amx_bf16: --amp (bfloat16) saves time on it'),
        ('sse2 avx2', 'One, without avx512_bf16 and amx_bf16: without a GPU, --amp (bfloat16) is slower'),
    ],
)
def test_processor(flags, expected):
    cores = f'processor\t: 0\nmodel name\t: One\nflags\t\t: {flags}\n\n' * 2
    assert describe_processor(cores).startswith(expected)
    assert describe_processor('').startswith('not known, without')


def test_command_reports_this_installation(capsys):
    code = main(['doctor'])
    printed = capsys.readouterr().out
    assert code == (1 if 'FAULT' in printed else 0)
    assert ('all checks passed' in printed) == (code == 0)
    assert 'mmseg_wsss.plugin fails' not in printed
    assert 'WeakEncoderDecoder' in printed
    assert ('processor: ' in printed) == doctor.CPUINFO.is_file()
    assert 'ShapesDataset' in printed


def test_command_fails_with_a_fault(capsys, monkeypatch, tmp_path):
    config = tmp_path / 'config.py'
    config.write_text("norm_cfg = dict(type='SyncBN')\n")
    monkeypatch.setattr(doctor, 'inspect_environment', lambda: installed(ONEDL, mmcv='2.1.0'))
    assert main(['doctor', str(config)]) == 1
    printed = capsys.readouterr().out
    assert 'FAULT: both lines' in printed
    assert 'FAULT: the config has SyncBN' in printed
    assert '2 fault(s)' in printed


def test_plugin_that_cannot_be_imported_is_reported(monkeypatch):
    def fail(name):
        raise RuntimeError('broken library')

    monkeypatch.setattr(doctor.importlib, 'import_module', fail)
    env = doctor.inspect_environment()
    assert env.plugin_error == 'RuntimeError: broken library'
    assert env.registered == {}
