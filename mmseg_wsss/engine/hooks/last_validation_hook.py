"""The validation that a kill took away."""

from mmengine.hooks import Hook
from mmengine.runner import Runner


class LastValidationHook(Hook):
    """Validates at the start of a training that goes on from its last iteration.

    The last checkpoint is written before the last validation. After a kill between the two no iteration is left, and
    mmengine would end without its scores.

    Priority: after the hooks that get ready for the training.
    """

    priority = 'VERY_LOW'

    def before_train(self, runner: Runner) -> None:
        """Validate if nothing is left to train."""
        if runner.iter >= runner.max_iters and runner.val_loop is not None:
            runner.val_loop.run()
