import gc
import importlib.util
import logging
import os
import sys

import hypothesis
import pytest
import torch

# Triton reads this when it is imported: without a GPU its kernels run in its interpreter. Imported here, for some tests
# take the variable away for a while.
if not torch.cuda.is_available():
    os.environ['TRITON_INTERPRET'] = '1'
if importlib.util.find_spec('triton'):
    importlib.import_module('triton')

from mmengine.logging import MessageHub, MMLogger
from mmengine.registry import init_default_scope
from mmengine.visualization import Visualizer
from mmseg.visualization import SegLocalVisualizer

import mmseg_wsss.plugin  # noqa: F401

# The same examples on every run and machine, and no limit of time.
hypothesis.settings.register_profile('everywhere', derandomize=True, deadline=None)
hypothesis.settings.load_profile('everywhere')


def pytest_collection_finish():
    # What was imported stays: without it, every collection of garbage after a training takes a third of a second.
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _fresh_start():
    """Every test starts with the same seed and threads, in the default scope and outside a training."""
    torch.set_num_threads(int(os.environ.get('OMP_NUM_THREADS', '1')))
    init_default_scope('mmseg')
    # trainings of one name that start in the same second would share what an earlier test left in them
    for manager in (MessageHub, MMLogger, Visualizer, SegLocalVisualizer):
        manager._instance_dict.clear()
    for handler in MMLogger.get_current_instance().handlers:
        if type(handler) is logging.StreamHandler:  # the one of an earlier test may be closed with its captured output
            handler.stream = sys.__stdout__
    torch.manual_seed(0)
