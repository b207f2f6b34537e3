"""Soft masks and class ids of maps; reading them is in ``test_random_walk_labels.py``."""

import numpy as np
import torch

from mmseg_wsss.datasets.cam_files import ImageCAMs
from mmseg_wsss.labelling.refined_cams import class_ids_of, soft_masks


def test_an_image_without_classes_is_background():
    maps = ImageCAMs(np.zeros(0, np.int64), np.zeros((0, 1, 1), np.float16), (2, 4))
    torch.testing.assert_close(soft_masks(maps, 1.0), torch.ones(1, 1, 2, 4))


def test_channels_become_class_ids():
    maps = ImageCAMs(np.array([3, 7]), np.ones((2, 1, 1), np.float16), (1, 4))
    assert soft_masks(maps, 1.0).shape == (1, 3, 1, 4)
    assert class_ids_of(torch.tensor([0, 1, 2, 255]), maps).tolist() == [0, 3, 7, 255]
