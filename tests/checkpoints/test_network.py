"""Networks of checkpoints; what a checkpoint may not name is in ``tests/test_untrusted_files.py``."""

import logging
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmseg.registry import MODELS

from mmseg_wsss.checkpoints.loading import CheckpointError
from mmseg_wsss.checkpoints.network import build_network, config_of, trained_network
from mmseg_wsss.checkpoints.weights import load_weights
from mmseg_wsss.engine.stages.config import listed_stages
from tests.helpers.models import model_config
from tests.helpers.trainings import plain_text

CONFIGS = Path(__file__).parents[2] / 'configs'


def listed(cfg):
    """The stages of a config, those of a part among them."""
    return listed_stages(cfg).values() if 'stages' in cfg else ()


def test_checkpoints_of_every_recipe_name_nothing_foreign():
    configs = [Config.fromfile(path) for path in CONFIGS.rglob('*.py') if '_base_' not in path.parts]
    assert len(configs) > 40
    for cfg in configs:
        for part in (cfg, *(Config(stage) for stage in listed(cfg) if 'task' not in stage)):
            assert config_of({'meta': {'cfg': plain_text(part)}}, 'a.pth').to_dict() == part.to_dict()


def test_a_network_is_built_for_its_weights_alone(tmp_path):
    cfg = Config({'model': model_config(pretrained='none.pth', train_cfg={'a': 1})})
    network = build_network(cfg)
    assert not network.training
    assert cfg.model.pretrained == 'none.pth'
    other = MODELS.build(model_config())
    torch.save({'state_dict': other.state_dict()}, tmp_path / 'bare.pth')  # no meta, which mmseg would need
    load_weights(network, tmp_path / 'bare.pth')
    expected = other.state_dict()
    assert [name for name, value in network.state_dict().items() if not torch.equal(value, expected[name])] == []
    torch.save({'state_dict': {}}, tmp_path / 'bare.pth')
    with pytest.raises(CheckpointError, match=r'bare.pth does not fit WeakEncoderDecoder: \d+ missing: backbone.conv1'):
        load_weights(network, tmp_path / 'bare.pth')


@pytest.mark.filterwarnings('error:Default ``avg_non_ignore``')
def test_a_network_is_loaded_in_silence(tmp_path, monkeypatch):
    """mmseg warns about the average of a loss that nobody computes here, and mmengine logs each file that it reads."""
    cfg = Config({'model': model_config()})
    torch.save({'state_dict': build_network(cfg).state_dict()}, tmp_path / 'net.pth')
    Config(cfg.to_dict()).dump(tmp_path / 'config.py')
    records = []
    monkeypatch.setattr(MMLogger, 'callHandlers', lambda _, record: records.append(record))
    MMLogger.get_current_instance().info('heard')
    load_weights(build_network(cfg), tmp_path / 'net.pth')
    trained_network({'checkpoint': tmp_path / 'net.pth', 'config': tmp_path / 'config.py'})
    assert [record.getMessage() for record in records if record.levelno >= logging.INFO] == ['heard']


def test_a_network_without_settings_of_training_is_built():
    """Such as a generator of masks, which takes neither ``pretrained`` nor ``train_cfg``."""
    model = {key: value for key, value in model_config().items() if key != 'train_cfg'}
    assert type(build_network(Config({'model': model}))).__name__ == 'WeakEncoderDecoder'
