"""AffinityNet: its embedding, its training, and what it refuses."""

import pytest
import torch
from mmseg.registry import MODELS

from tests.helpers.models import head_config, model_config, raw_batch
from tests.helpers.trained import SEEDS, descend

HEAD = {'type': 'AffinityHead', 'in_channels': (8, 16), 'in_index': (0, 2), 'widths': (3, 4), 'num_classes': 3}
SMALL = {**HEAD, 'in_channels': (16, 32), 'in_index': (1, 2)}


def model(**changes):
    settings = model_config(SMALL, losses={'loss_affinity': {'type': 'AffinityLoss', 'radius': 3}})
    unused = ('train_cfg', 'test_cfg')
    settings = {key: value for key, value in settings.items() if key not in unused}
    return MODELS.build({**settings, 'type': 'AffinityNetwork', **changes})


@pytest.mark.parametrize('seed', SEEDS)
def test_every_weight_learns_and_the_loss_falls(seed):
    torch.manual_seed(seed)
    network = model()
    network.init_weights()
    raw = raw_batch()
    for sample in raw['data_samples']:
        sample.gt_sem_seg.data[:, :, :20] = 0
        sample.gt_sem_seg.data[:, 16:, 20:] = 1
    data = network.data_preprocessor(raw, True)
    logged = {}

    def loss():
        total, found = network.parse_losses(network.loss(data['inputs'], data['data_samples']))
        logged.update(found)
        return total

    optimizer = torch.optim.SGD(network.decode_head.parameters(), lr=0.05)
    values = descend(loss, optimizer, until=lambda losses: losses[-1] < 0.9 * losses[0], at_most=80)
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in network.decode_head.parameters())
    terms = [float(logged[f'loss_affinity/{name}']) for name in ('background', 'foreground', 'different')]
    assert terms[0] / 4 + terms[1] / 4 + terms[2] / 2 == pytest.approx(values[-1])


def test_autocast_and_a_batch_without_labels():
    network = model().eval()
    batch = network.data_preprocessor(raw_batch(sizes=((32, 32),), clicks=0), True)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        losses = network.loss(batch['inputs'], batch['data_samples'])
    assert losses['loss_affinity'].item() == 0
    losses['loss_affinity'].backward()


def test_embedding_is_what_the_loss_sees():
    network = model().eval()
    inputs = torch.randn(1, 3, 40, 24)
    assert torch.equal(network.embed(inputs), network(inputs, None, mode='tensor'))
    assert network.embed(inputs).shape == (1, 7, 5, 3)


def test_what_is_made_for_classes_is_refused():
    with pytest.raises(
        TypeError, match=r"has no mode 'predict', because it does not predict classes: a WriteRandomWalk stage"
    ):
        model().val_step(raw_batch(sizes=((32, 32),)))
    with pytest.raises(TypeError, match='takes an AffinityHead, got FCNHead: .*WeakEncoderDecoder'):
        model(decode_head=head_config('fcn'))
    with pytest.raises(TypeError, match='losses.loss_ce is a PartialCrossEntropyLoss: an AffinityHead gives features'):
        model(losses={'loss_ce': {'type': 'PartialCrossEntropyLoss'}})
    with pytest.raises(TypeError, match='losses.loss_affinity is a AffinityLoss: a head that classifies gives'):
        MODELS.build(model_config('fcn', losses={'loss_affinity': {'type': 'AffinityLoss'}}))
    with pytest.raises(TypeError, match=r"does not use pretrained and train_cfg, got 'x.pth' and None: omit"):
        model(pretrained='x.pth')
    with pytest.raises(TypeError, match='MultiViewLoss takes a loss on class logits.*got AffinityLoss'):
        MODELS.build({'type': 'MultiViewLoss', 'loss': {'type': 'AffinityLoss'}})
    with pytest.raises(ValueError, match='must name the same levels'):
        MODELS.build({**HEAD, 'widths': (3,)})
    with pytest.raises(ValueError, match='radius must be an integer of at least 2, got 1'):
        MODELS.build({'type': 'AffinityLoss', 'radius': 1})


def test_data_of_other_classes_and_pretrained_weights_of_another_network_are_refused(tmp_path):
    network = model()
    batch = network.data_preprocessor(raw_batch(), True)
    for sample in batch['data_samples']:
        sample.set_metainfo({'num_classes': 21})
    with pytest.raises(ValueError, match=r'data has 21 classes.*num_classes is 3'):
        network.loss(**batch)
    backbone = model_config()['backbone']
    torch.save({'features.weight': torch.ones(2)}, tmp_path / 'other.pth')
    for name, error, message in (('other', ValueError, 'no weights of'), ('none', FileNotFoundError, '--cfg-options')):
        init = {'type': 'Pretrained', 'checkpoint': str(tmp_path / f'{name}.pth')}
        with pytest.raises(error, match=message):
            model(backbone={**backbone, 'init_cfg': init}).init_weights()


def test_a_neck_stands_between_backbone_and_head():
    neck = {'type': 'FPN', 'in_channels': [8, 16, 32, 64], 'out_channels': 6, 'num_outs': 4}
    network = model(neck=neck, decode_head={**SMALL, 'in_channels': (6, 6)}).eval()
    inputs = torch.randn(1, 3, 32, 32)
    expected = network.decode_head(network.neck(network.backbone(inputs)))
    torch.testing.assert_close(network.embed(inputs), expected)
    assert any(name.startswith('neck.') for name in network.state_dict())
    assert not any(name.startswith('neck.') for name in model().state_dict())
