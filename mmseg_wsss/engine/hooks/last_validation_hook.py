"""A validation that was lost by an interruption."""

from mmengine.hooks import Hook
from mmengine.runner import Runner


class LastValidationHook(Hook):
    """Validates at the start of a training that is resumed from its last iteration.

    The last checkpoint is written before the last validation. If the process is killed between the two, no iterations
    are left, and mmengine would end without the scores.

    Priority: after the hooks that prepare the training.
    """

    priority = 'VERY_LOW'

    def before_train(self, runner: Runner) -> None:
        """Validate if no iterations are left."""
        if runner.iter >= runner.max_iters and runner.val_loop is not None:
            runner.val_loop.run()
