"""Distance fields that expand as the training improves."""

from __future__ import annotations

import math
from typing import Any

import torch
from mmengine.dist import all_reduce
from mmengine.hooks import Hook
from mmengine.runner import EpochBasedTrainLoop, Runner
from mmseg.registry import HOOKS

from ...functional import expansion_step
from ...functional.checks import is_integer
from ...models.pseudo_masks import CONFIDENCE_KEY


@HOOKS.register_module()
class ExpandingConfidenceHook(Hook):
    r"""Raises the confidence scores of ``ExpandingPseudoMasks`` after every epoch in which the loss fell.

    .. math:: \gamma = L(e-1) / L(e) - 1, \qquad E_c \leftarrow E_c + r_c \max(\min(\gamma, \eta), \omega)

    (Akiva and Dana, 2021; :math:`\eta, \omega = \pm 0.025`, and the score of the objects grows twice as fast as that
    of the background.) :math:`L` is the mean over the iterations of an epoch, each averaged over all ranks, so that
    every rank has the same scores. The first epoch does not change them. Iterations whose loss is not
    finite are left out. The scores are logged as ``background_score`` and ``object_score``.

    The scores, the last loss and the sums of the current epoch are in the message hub: every checkpoint contains them,
    ``--resume`` restores them exactly, and a training that only loads weights starts with new ones.

    Priority: before the hook that writes checkpoints.

    Args:
        epoch_length: Iterations between two steps; None means one epoch, which is suitable for an epoch-based loop. A
            step is at most 0.05 for objects, and a run of few epochs ends before the fields have expanded: use a
            twentieth to a fortieth of the run.
        max_step: :math:`\eta`.
        min_step: :math:`\omega`.
        object_rate: :math:`r_c` of all classes except the background.
        background_rate: :math:`r_c` of the background.
        initial_score: The scores before the first epoch, in [-1, 1]; the paper does not give it.
        loss_name: The log key of the loss :math:`L`. ``'loss'``, the sum of all losses, is the paper's "accumulated
            loss". If a network collapses to the background it fits its own labels better and better: this loss falls,
            and the fields expand even faster. The loss at the points rises in this case: ``'loss_points'``, if
            ``PartialCrossEntropyLoss`` has that name, or ``'loss_pmp/point_loss'``, which ``PMPLoss`` logs from its
            ``start``.

    Raises:
        ValueError: If a setting is out of range.
    """

    priority = 'NORMAL'

    def __init__(
        self,
        epoch_length: int | None = None,
        max_step: float = 0.025,
        min_step: float = -0.025,
        object_rate: float = 2.0,
        background_rate: float = 1.0,
        initial_score: float = 0.0,
        loss_name: str = 'loss',
    ) -> None:
        if epoch_length is not None and not is_integer(epoch_length):
            raise ValueError(f'epoch_length must be a positive number of iterations, or None, got {epoch_length!r}')
        if object_rate < 0 or background_rate < 0:
            raise ValueError(f'the rates must not be negative, got {object_rate} and {background_rate}')
        if not -1 <= initial_score <= 1:
            raise ValueError(f'initial_score must lie in [-1, 1], got {initial_score}')
        expansion_step(1.0, 1.0, max_step=max_step, min_step=min_step)  # checks the bounds
        self.epoch_length = epoch_length
        self.max_step = max_step
        self.min_step = min_step
        self.rates = {'background_score': background_rate, 'object_score': object_rate}
        self.initial_score = initial_score
        self.loss_name = loss_name

    def before_run(self, runner: Runner) -> None:
        """Forget what an earlier training of this process left, before a resume restores the state.

        Two trainings of one name that start in the same second share a message hub.
        """
        runner.message_hub.pop_info(CONFIDENCE_KEY, None)

    def before_train(self, runner: Runner) -> None:
        """Initialise the state, unless a resume has restored it."""
        self._length = self.epoch_length or iterations_per_epoch(runner)
        if runner.message_hub.get_info(CONFIDENCE_KEY) is None:
            scores = dict.fromkeys(self.rates, float(self.initial_score))
            self._store(runner, {**scores, 'previous_loss': None, 'loss_sum': 0.0, 'num_losses': 0})

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: dict[str, torch.Tensor] | None = None
    ) -> None:
        """Add the loss, and change the scores at the end of an epoch.

        Raises:
            ValueError: If the model does not log the loss.
        """
        if not outputs or self.loss_name not in outputs:
            raise ValueError(
                f'ExpandingConfidenceHook(loss_name={self.loss_name!r}): the model logs no such loss; choose one of '
                f'{sorted(outputs or ())}'
            )
        loss = outputs[self.loss_name].detach().float().clone()
        all_reduce(loss, 'mean')
        state = runner.message_hub.get_info(CONFIDENCE_KEY)
        if math.isfinite(loss.item()):
            state['loss_sum'] += loss.item()
            state['num_losses'] += 1
        if self.every_n_train_iters(runner, self._length):
            state = self._expanded(state)
        self._store(runner, state)
        for name in self.rates:
            runner.message_hub.update_scalar(f'train/{name}', state[name])

    def _expanded(self, state: dict[str, Any]) -> dict[str, Any]:
        """Return the state at the end of an epoch."""
        if not state['num_losses']:
            return state
        loss, previous = state['loss_sum'] / state['num_losses'], state['previous_loss']
        scores = {name: state[name] for name in self.rates}
        if previous is not None:
            step = expansion_step(previous, loss, max_step=self.max_step, min_step=self.min_step)
            # a field lies in [0, 1]: scores beyond 1 would have no effect and would only take longer to fall again
            scores = {name: min(max(state[name] + rate * step, -1.0), 1.0) for name, rate in self.rates.items()}
        return {**scores, 'previous_loss': loss, 'loss_sum': 0.0, 'num_losses': 0}

    @staticmethod
    def _store(runner: Runner, state: dict[str, Any]) -> None:
        runner.message_hub.update_info(CONFIDENCE_KEY, state, resumed=True)


def iterations_per_epoch(runner: Runner) -> int:
    """Return the number of iterations of one epoch, on all ranks together."""
    loader = runner.train_dataloader
    if isinstance(runner.train_loop, EpochBasedTrainLoop):
        return len(loader)
    # An infinite sampler does not have a length.
    iterations: int = math.ceil(len(loader.dataset) / (loader.batch_size * runner.world_size))
    return iterations
