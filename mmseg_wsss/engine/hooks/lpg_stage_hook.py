"""Rounds and partner networks, in training with a learned generator of pseudo-masks."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

from mmengine.dataset import BaseDataset
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from mmseg.registry import HOOKS

from ...checkpoints.network import Source, check_trained_classes, trained_network
from ...checkpoints.weights import ROUND_KEY
from ...datasets import ClassMaskDataset
from ...models.segmentors import MaskGenerator, check_generator_checkpoint

CHANNELS_KEY = 'lpg_in_channels'


@HOOKS.register_module()
class LPGStageHook(Hook):
    """Loads the partner for the training of a ``MaskGenerator`` (E-step) and records the round.

    Before a training, validation or test, it loads the frozen segmentor of the previous round and passes it to the
    generator. Every checkpoint has in its ``meta`` the round (``lpg_stage``) and the number of input channels
    (``lpg_in_channels``). A generator resumes from a checkpoint of its own round or starts from that of the previous
    round; a checkpoint of another round or with other inputs is an error.

    In the training of a segmentor (M-step) it records the round in log and checkpoint; there is no partner.

    Args:
        round: The number of the round, starting at 1.
        num_rounds: The number of rounds.
        partner: Checkpoint of the segmentor, or ``dict(checkpoint=..., config=...)``; required if the generator reads
            the probability of the class (``use_probability``), otherwise None.
        stage: The former name of ``round``, accepted with a warning.
        num_stages: The former name of ``num_rounds``, accepted with a warning.

    Raises:
        TypeError: If ``round`` or ``num_rounds`` is missing.
        ValueError: If ``round`` is out of range.
    """

    def __init__(
        self,
        round: int | None = None,
        num_rounds: int | None = None,
        partner: str | Mapping[str, Any] | None = None,
        *,
        stage: int | None = None,
        num_stages: int | None = None,
    ) -> None:
        if stage is not None or num_stages is not None:
            warnings.warn(
                'LPGStageHook(stage=, num_stages=) is now LPGStageHook(round=, num_rounds=); the old names go with the '
                'next release',
                FutureWarning,
                stacklevel=2,
            )
            round, num_rounds = stage, num_stages
        if round is None or num_rounds is None:
            raise TypeError('LPGStageHook needs round and num_rounds')
        if not 1 <= round <= num_rounds:
            raise ValueError(f'round must be from 1 to num_rounds={num_rounds}, got {round}')
        self.round = round
        self.num_rounds = num_rounds
        self.partner = partner

    def before_run(self, runner: Runner) -> None:
        """Check that the network and the partner match.

        Raises:
            ValueError: If the generator reads a probability and there is no partner, or vice versa.
        """
        model = unwrapped(runner)
        reads = isinstance(model, MaskGenerator) and model.use_probability
        if reads and self.partner is None:
            raise ValueError(
                'LPGStageHook has no partner, but the generator reads the probability of the class: set '
                'partner=CHECKPOINT of a segmentor, or model.use_probability=False'
            )
        if self.partner is not None and not reads:
            raise ValueError(
                f'LPGStageHook has a partner, but {type(model).__name__} does not read the probability of a class: '
                'remove partner, or train a MaskGenerator with use_probability=True'
            )

    def before_train(self, runner: Runner) -> None:
        """Load the partner, and log round and step.

        Raises:
            ValueError: If the partner was trained on other classes than the generator learns from.
        """
        model = unwrapped(runner)
        step = 'E' if isinstance(model, MaskGenerator) else 'M'
        beside = ''
        if self.partner is not None:
            dataset = runner.train_dataloader.dataset
            bring_partner(model, self.partner, dataset.dataset if isinstance(dataset, ClassMaskDataset) else None)
            beside = f', with the frozen segmentor of {self.partner}'
        runner.logger.info(f'{step}-step, round {self.round} of {self.num_rounds}{beside}')

    def before_val(self, runner: Runner) -> None:
        """Load the partner if no training has loaded it."""
        model = unwrapped(runner)
        if self.partner is not None and not model.has_partner:
            bring_partner(model, self.partner)

    def before_test(self, runner: Runner) -> None:
        """Load the partner if no training has loaded it."""
        self.before_val(runner)

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Write the round and the number of input channels."""
        checkpoint['meta'][ROUND_KEY] = self.round
        model = unwrapped(runner)
        if isinstance(model, MaskGenerator):
            checkpoint['meta'][CHANNELS_KEY] = model.in_channels

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Raise an error for a generator that is not of this or the previous round, or has other inputs.

        Raises:
            ValueError: If the generator does not match; the message has the expected and the actual values.
        """
        model = unwrapped(runner)
        if isinstance(model, MaskGenerator):
            source = str(runner._load_from or 'the checkpoint')
            rounds = [number for number in (self.round - 1, self.round) if number]
            check_generator_checkpoint(checkpoint, in_channels=model.in_channels, rounds=rounds, source=source)


def bring_partner(model: MaskGenerator, source: Source, dataset: BaseDataset | None = None) -> None:
    """Load the partner and give it to the generator.

    Args:
        model: The generator.
        source: The partner, see :func:`trained_network`.
        dataset: The training data of the generator; None skips the check.

    Raises:
        ValueError: If the partner was trained on other classes.
    """
    segmentor, _, checkpoint = trained_network(source)
    if dataset is not None:
        check_trained_classes(checkpoint, dataset.metainfo['classes'], source)
    model.set_partner(segmentor.to(next(model.parameters()).device))


def unwrapped(runner: Runner) -> Any:
    """Return the model itself, without the wrapper of several processes."""
    return runner.model.module if is_model_wrapper(runner.model) else runner.model
