"""The processes of a launcher: their connection, and decisions of the first process."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Callable
from typing import Any, TypeVar

import torch.distributed
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.dist import broadcast_object_list, init_dist, is_distributed, is_main_process
from mmengine.utils.dl_utils import set_multi_processing

Result = TypeVar('Result')
PR_SET_PDEATHSIG = 1
"""Option of prctl(2): the signal that a process gets when its parent ends."""


def connect(cfg: Config) -> None:
    """Connect the processes of a launcher before the first Runner, which would do it, is built.

    On a machine without an accelerator, where mmengine would need a GPU, they are connected by gloo. A process of
    torchrun ends when torchrun is killed.

    Args:
        cfg: The config; without an accelerator it gets the ``model_wrapper_cfg`` of a model on the CPU.
    """
    launcher, environment = cfg.get('launcher', 'none'), cfg.get('env_cfg', {})
    if launcher != 'none' and not is_distributed():
        set_multi_processing(**environment.get('mp_cfg', {}), distributed=True)
        if launcher == 'pytorch':
            _end_with_parent()
        if launcher == 'pytorch' and get_device() == 'cpu':
            torch.distributed.init_process_group('gloo')
        else:
            init_dist(launcher, **environment.get('dist_cfg', {'backend': 'nccl'}))
    wrap_on_cpu(cfg)


def wrap_on_cpu(cfg: Config) -> None:
    """Set the wrapper of a model that several processes train on the CPU; mmengine's default needs a GPU."""
    if is_distributed() and get_device() == 'cpu' and cfg.get('model_wrapper_cfg') is None:
        cfg.model_wrapper_cfg = {
            'type': 'MMDistributedDataParallel',
            'device_ids': None,
            'broadcast_buffers': False,
            'find_unused_parameters': cfg.get('find_unused_parameters', False),
        }


def disconnect() -> None:
    """Wait for all processes and close their connection, because one that ends early would stop the others."""
    if is_distributed():
        torch.distributed.barrier()
        torch.distributed.destroy_process_group()


def agree(decide: Callable[[], Result]) -> Result:
    """Let the first process decide and inform the others; its errors are raised on all processes."""
    decision: list[Any] = [None, None]
    if is_main_process():
        try:
            decision[0] = decide()
        except (ValueError, OSError) as error:
            decision[1] = error
    broadcast_object_list(decision)
    if decision[1] is not None:
        raise decision[1]
    decided: Result = decision[0]
    return decided


def _end_with_parent() -> None:
    """Ask Linux to end this process when its parent is killed, because torchrun cannot stop its processes then."""
    if sys.platform != 'linux':
        return
    parent = os.getppid()
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # the parent has already ended
        os.kill(os.getpid(), signal.SIGTERM)
