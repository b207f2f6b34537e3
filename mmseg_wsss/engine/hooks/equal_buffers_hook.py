"""Validation on several processes with the network of the checkpoint."""

from __future__ import annotations

from mmengine.dist import broadcast, is_distributed
from mmengine.hooks import Hook
from mmengine.runner import Runner


class EqualBuffersHook(Hook):
    """Gives every process the buffers of the first one before a validation.

    Batch normalisation keeps its running mean and variance in buffers, and each process computes them from its own
    images. A checkpoint contains those of the first process. Without this hook every process would validate with its
    own, and the logged score would not be that of the checkpoint.

    Priority: after ``EMAHook``, which puts its averaged weights in place before a validation.
    """

    priority = 'VERY_LOW'

    def before_val_epoch(self, runner: Runner) -> None:
        """Broadcast all buffers from the first process."""
        if is_distributed():
            for buffer in runner.model.buffers():
                broadcast(buffer)
