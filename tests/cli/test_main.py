"""The front door: which subcommand, which exit code, and one line for a fault."""

import errno
import subprocess
import sys
import tempfile

import pytest

from mmseg_wsss import __version__
from mmseg_wsss.cli import config as config_command
from mmseg_wsss.cli.main import COMMANDS, build_parser, main


def raising(error):
    def run(args):
        raise error

    return run


@pytest.mark.parametrize('error', [ValueError('a bad value'), FileNotFoundError('no such file'), ImportError('no mm')])
def test_fault_of_the_user_is_one_line(monkeypatch, capsys, error):
    monkeypatch.setattr(config_command, 'run', raising(error))
    assert main(['config', 'x']) == 2
    printed = capsys.readouterr()
    assert printed.out == ''
    assert printed.err.startswith(f'wsss: error: {error}')
    assert printed.err.count('\n') == 1
    assert ('wsss doctor' in printed.err) == isinstance(error, ImportError)


def test_fault_of_the_program_is_not_hidden(monkeypatch):
    monkeypatch.setattr(config_command, 'run', raising(ZeroDivisionError()))
    with pytest.raises(ZeroDivisionError):
        main(['config', 'x'])


def test_a_command_that_is_interrupted_prints_one_line(monkeypatch, capsys):
    monkeypatch.setattr(config_command, 'run', raising(KeyboardInterrupt()))
    assert main(['config', 'x']) == 130
    assert capsys.readouterr() == ('', 'wsss: interrupted\n')


def test_exit_code_of_the_subcommand(monkeypatch):
    monkeypatch.setattr(config_command, 'run', lambda args: 1)
    assert main(['config', 'x']) == 1


@pytest.mark.parametrize('name', COMMANDS)
def test_every_subcommand_has_help(name, capsys):
    with pytest.raises(SystemExit, match='0'):
        main([name, '--help'])
    assert f'wsss {name}' in capsys.readouterr().out
    assert callable(build_parser(name).get_default('run'))


def test_help_lists_all_and_version_is_the_package_s(capsys):
    with pytest.raises(SystemExit):
        main(['--help'])
    printed = capsys.readouterr().out
    assert [
        name for name in COMMANDS if f'    {name}' not in [line[: 4 + len(name)] for line in printed.splitlines()]
    ] == []
    with pytest.raises(SystemExit):
        main(['--version'])
    assert capsys.readouterr().out == f'wsss {__version__}\n'


def test_help_of_one_command_says_its_purpose_and_imports_no_other(capsys):
    with pytest.raises(SystemExit):
        main(['predict', '--help'])
    assert 'Write masks of photos, with overlays and confidences.' in capsys.readouterr().out
    script = (
        'import sys\n'
        'from mmseg_wsss.cli.main import build_parser\n'
        'build_parser(None).format_help()\n'
        "print(*[name for name in ('torch', 'numpy', 'mmengine', 'mmcv', 'mmseg') if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, '-c', script], check=True, capture_output=True, text=True)
    assert found.stdout.strip() == ''


@pytest.mark.parametrize('argv', [['zoo'], ['config', '--list']])
def test_lists_import_neither_torch_nor_openmmlab(argv):
    script = (
        'import sys\n'
        'from mmseg_wsss.cli.main import main\n'
        f'status = main({argv})\n'
        "print(status, *[name for name in ('torch', 'mmengine', 'mmcv', 'mmseg') if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, '-c', script], check=True, capture_output=True, text=True)
    assert found.stdout.splitlines()[-1] == '0'
    assert found.stderr == ''


@pytest.mark.parametrize('argv', [[], ['fly']])
def test_unknown_or_no_subcommand(argv, capsys):
    with pytest.raises(SystemExit, match='2'):
        main(argv)
    assert 'COMMAND' in capsys.readouterr().err


def test_doctor_starts_without_openmmlab():
    script = (
        'import sys\n'
        "for name in ('torch', 'mmengine', 'mmcv', 'mmseg'): sys.modules[name] = None\n"
        'from mmseg_wsss.cli.main import build_parser\n'
        "build_parser('doctor').parse_args(['doctor'])\n"
        "build_parser('config').parse_args(['config'])"
    )
    subprocess.run([sys.executable, '-c', script], check=True)


def test_a_full_disk_without_a_name_says_where_to_look(monkeypatch, capsys):
    monkeypatch.setattr(config_command, 'run', raising(OSError(errno.ENOSPC, 'No space left on device')))
    assert main(['config', 'x']) == 2
    expected = f'No space left on device: the disk of the output or of {tempfile.gettempdir()}, or the limit of file'
    assert expected in capsys.readouterr().err
    monkeypatch.setattr(config_command, 'run', raising(OSError(errno.ENOSPC, 'No space left on device', 'a.json')))
    assert main(['config', 'x']) == 2
    assert capsys.readouterr().err.endswith("No space left on device: 'a.json'\n")


def test_a_closed_pipe_is_not_an_error():
    script = 'import sys; from mmseg_wsss.cli.main import main; sys.exit(main(["config", "--list"]))'
    with subprocess.Popen([sys.executable, '-c', script], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        assert process.stderr.read() == b''
        assert process.wait() == 1
