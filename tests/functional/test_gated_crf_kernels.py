"""Maps of the kernels of the Gated CRF loss, against the kernel between two cells."""

import math

import pytest
import torch
import torch.nn.functional as F

from mmseg_wsss.functional import gated_crf_kernel_map
from tests.helpers.gated_crf import MIXTURE, PAPER

KERNELS = [*MIXTURE, {'weight': 0.5, 'xy': 2.5, 'depth': 0.4}]


def pair_kernel(guides, here, there):
    """The kernel of two cells (row, column), straight from equation 1."""
    total = 0.0
    for kernel in KERNELS:
        exponent = 0.0
        if 'xy' in kernel:
            exponent += math.dist(here, there) ** 2 / kernel['xy'] ** 2
        for name in kernel.keys() - {'weight', 'xy'}:
            difference = guides[name][:, here[0], here[1]] - guides[name][:, there[0], there[1]]
            exponent += float(difference.square().sum()) / kernel[name] ** 2
        total += kernel['weight'] * math.exp(-0.5 * exponent)
    return total


def test_equals_the_kernel_with_the_middle_of_each_window():
    generator = torch.Generator().manual_seed(0)
    image = torch.randn(2, 3, 14, 22, generator=generator, dtype=torch.float64)
    depth = torch.rand(2, 1, 7, 11, generator=generator, dtype=torch.float64)
    maps = gated_crf_kernel_map(image, size=(7, 11), kernels=KERNELS, radius=1, modalities={'depth': depth})
    assert maps.shape == (2, 1, 7, 11)
    for n in range(2):
        guides = {'rgb': F.avg_pool2d(image, 2)[n], 'depth': depth[n]}
        for row in range(7):
            for column in range(11):
                middle = (row // 3 * 3 + 1, column // 3 * 3 + 1)
                seen = middle[0] < 7 and middle[1] < 11 and middle != (row, column)
                expected = pair_kernel(guides, middle, (row, column)) if seen else 0
                assert maps[n, 0, row, column].item() == pytest.approx(expected, rel=1e-10)


def test_an_edge_cuts_the_kernel():
    image = torch.zeros(1, 3, 5, 5)
    image[..., 3:] = 1
    (heat,) = gated_crf_kernel_map(image, size=(5, 5), kernels=PAPER, radius=2)[0]
    assert (heat[:, 3:] < 1e-6).all()  # another colour than the middle
    assert heat[2, 1].item() == pytest.approx(math.exp(-0.5 / 36))
    assert heat[2, 2] == 0


@pytest.mark.parametrize(
    ('change', 'error', 'message'),
    [
        ({'size': (0, 3)}, ValueError, r'size must be the grid \(H, W\) of at least one cell, got \(0, 3\)'),
        ({'radius': 0}, ValueError, 'radius'),
        ({'kernels': [{'weight': 1, 'depth': 1}]}, ValueError, 'unknown keys'),
        ({'image': 3.0}, TypeError, 'image must be a tensor'),
        (
            {'kernels': KERNELS, 'modalities': {'depth': torch.ones(2, 1, 4, 4)}},
            ValueError,
            'same batch size, got 2 and 1',
        ),
    ],
)
def test_errors(change, error, message):
    arguments = {'image': torch.ones(1, 3, 4, 4), 'size': (4, 4), 'kernels': PAPER, **change}
    with pytest.raises(error, match=message):
        gated_crf_kernel_map(arguments.pop('image'), **arguments)
