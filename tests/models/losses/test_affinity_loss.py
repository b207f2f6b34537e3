import math

import torch
from mmseg.registry import MODELS

from mmseg_wsss.functional import affinity_loss, affinity_terms
from mmseg_wsss.models.losses.affinity_loss import AffinityInputs


def test_loss_is_the_functional_on_the_grid_of_the_features():
    features = torch.randn(2, 5, 3, 4)
    labels = torch.full((2, 24, 32), 255)
    grid = torch.tensor([[[0, 0, 255, 1], [0, 2, 2, 1], [255, 2, 2, 0]]] * 2)
    labels[:, 4::8, 4::8] = grid
    inputs = AffinityInputs(features, labels)
    loss = MODELS.build({'type': 'AffinityLoss', 'radius': 3, 'loss_weight': 2.0})
    assert torch.allclose(loss(inputs), 2 * affinity_loss(features, grid, radius=3))
    terms = affinity_terms(features, grid, radius=3)
    assert [loss.statistics[name] for name in terms._fields] == list(terms)
    known = [tuple(place) for place in (grid[0] != 255).nonzero().tolist()]
    near = [(p, q) for p in known for q in known if p < q and math.dist(p, q) < 3]
    assert float(loss.statistics['pairs']) == 2 * len(near)
