"""What a terminal shows before the first iteration, and what only the log file has."""

import logging
import warnings

import pytest
from mmengine.logging import MMLogger

from mmseg_wsss.engine.short_console import ShortConsole, short_console, summary_of
from tests.helpers.own_data import own_config, write_data, write_own_config
from tests.helpers.trainings import run_tool


def message(text, level=logging.INFO):
    return logging.LogRecord('a', level, '', 0, text, (), None)


def test_listings_are_not_shown_and_errors_always_are():
    shown = ShortConsole().filter
    dashes = '-' * 60
    for text in (
        'Config:\nmodel = 1',
        f'\n{dashes}\nSystem environment:\n',
        'Hooks will be executed in the following order:\n',
    ):
        assert not shown(message(text))
        assert not shown(message(text, logging.WARNING))
        assert shown(message(text, logging.ERROR))
    for text in ('Config file', 'Iter(train) [1/4]', 'labels of a', 'Saving checkpoint at 1 iterations'):
        assert shown(message(text))


def test_the_log_file_has_what_the_terminal_does_not_show(tmp_path, capsys):
    with short_console():
        logger = MMLogger.get_instance('short', log_file=str(tmp_path / 'a.log'))
        assert MMLogger.get_instance('short') is logger
    assert 'get_instance' not in vars(MMLogger)
    assert sum(isinstance(one, ShortConsole) for one in logger.handlers[0].filters) == 1
    logger.info('Config:\nmodel = 1')
    logger.info('kept')
    assert [line[-4:] for line in capsys.readouterr().out.splitlines()] == ['kept']
    assert 'Config:\nmodel = 1' in (tmp_path / 'a.log').read_text()


def test_with_debug_nothing_is_left_out_and_errors_leave_nothing_behind():
    with short_console('DEBUG'):
        assert not any(isinstance(one, ShortConsole) for one in MMLogger.get_instance('long').handlers[0].filters)
    with pytest.raises(KeyError), short_console():
        raise KeyError
    assert 'get_instance' not in vars(MMLogger)


def test_only_known_warnings_are_hidden():
    with warnings.catch_warnings(record=True) as found, short_console():
        warnings.warn('The draw is False, it means that', UserWarning, stacklevel=1)
        warnings.warn('another', UserWarning, stacklevel=1)
    assert [str(one.message) for one in found] == ['another']


def test_a_summary(tmp_path):
    cfg = own_config(tmp_path, work_dir=str(tmp_path / 'run'))
    lines = summary_of(cfg, 'run/a.log').splitlines()
    assert lines[0] == 'the training'
    shown = {line[2:15].strip(): line[16:] for line in lines[1:]}
    assert shown['losses'] == 'loss_ce: PartialCrossEntropyLoss'
    assert shown['length'] == '1 iterations of 2 images a batch, validated every 1'
    assert (shown['seed'], shown['work dir']) == ('0', str(tmp_path / 'run'))
    assert shown['log'].startswith('run/a.log, with the environment')
    cfg = own_config(tmp_path, work_dir=str(tmp_path / 'run'), val_dataloader=None, train_cfg={'max_epochs': 3})
    assert '3 epochs of 2 images a batch, without validation' in summary_of(cfg, 'a.log')


def test_a_training_shows_one_screen_before_its_first_iteration(tmp_path, capsys):
    write_data(tmp_path)
    run_tool('train', write_own_config(tmp_path), '--work-dir', tmp_path / 'run')
    printed = capsys.readouterr().out
    before, _, _ = printed.partition('Iter(train)')
    assert 'losses        loss_ce: PartialCrossEntropyLoss' in before
    assert 'labels of' in before
    assert len(before.splitlines()) <= 30
    assert 'Hooks will be executed' not in printed
    (log,) = (tmp_path / 'run').glob('*/*.log')
    assert 'Hooks will be executed' in log.read_text()
