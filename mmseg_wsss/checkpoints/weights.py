"""The weights of a checkpoint, and their comparison with those of a network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

from mmengine.model import BaseModule
from torch import Tensor, nn

from .loading import CheckpointError, load_checkpoint

SHOWN_NAMES = 8
ROUND_KEY = 'lpg_stage'
"""Key of the round in the ``meta`` of a generator's checkpoint; its value is the former name."""


@dataclass(frozen=True)
class WeightDifferences:
    """The differences between the weights of a network and those of a checkpoint; its text is one line.

    Args:
        missing: Names that only the network has.
        unexpected: Names that only the checkpoint has.
        reshaped: Names that both have, with both shapes.
    """

    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    reshaped: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.missing) + len(self.unexpected) + len(self.reshaped)

    def __str__(self) -> str:
        kinds = {'missing': self.missing, 'unexpected': self.unexpected, 'of another shape': self.reshaped}
        return '; '.join(f'{len(names)} {kind}: {_some(names)}' for kind, names in kinds.items() if names)


def compare_weights(own: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> WeightDifferences:
    """Compare names and shapes; the numbers of batches that batch norms have counted may be missing.

    Args:
        own: Weights of the network by name.
        given: Weights of the checkpoint by name.

    Example:
        >>> import torch
        >>> own = {'conv.weight': torch.zeros(2, 3), 'conv.bias': torch.zeros(2)}
        >>> print(compare_weights(own, {'conv.weight': torch.zeros(2, 4), 'fc.bias': torch.zeros(2)}))
        1 missing: conv.bias; 1 unexpected: fc.bias; 1 of another shape: conv.weight (2, 4) instead of (2, 3)
    """
    return WeightDifferences(
        tuple(name for name in own if name not in given and not name.endswith('num_batches_tracked')),
        tuple(name for name in given if name not in own),
        tuple(
            f'{name} {tuple(value.shape)} instead of {tuple(own[name].shape)}'
            for name, value in given.items()
            if name in own and value.shape != own[name].shape
        ),
    )


def weights_of(checkpoint: Any, source: str, prefix: str | None = None) -> dict[str, Tensor]:
    """Return the tensors of a checkpoint by name: unwrapped, those under ``prefix`` without it.

    Args:
        checkpoint: The content of a checkpoint file: the tensors by name, or a dictionary with them under
            ``state_dict`` or ``model``.
        source: Name of the checkpoint in messages.
        prefix: Part of a larger network, such as ``'backbone'``; None means all of it.

    Raises:
        CheckpointError: If it is not a dictionary of tensors, or two names differ only by ``module.``.
    """
    if not isinstance(checkpoint, Mapping):
        raise CheckpointError(f'{source} holds a {type(checkpoint).__name__}, expected a dictionary of weights by name')
    weights = next((checkpoint[key] for key in ('state_dict', 'model') if key in checkpoint), checkpoint)
    if not isinstance(weights, Mapping):
        raise CheckpointError(f'{source} holds a {type(weights).__name__} of weights, expected a dictionary by name')
    others = [str(name) for name, value in weights.items() if not (isinstance(name, str) and isinstance(value, Tensor))]
    if others:
        raise CheckpointError(f'{source} does not contain only weights, expected tensors by name: {_some(others)}')
    start = f'{prefix.rstrip(".")}.' if prefix else ''
    names = {name.removeprefix('module.'): value for name, value in weights.items()}
    if len(names) < len(weights):
        raise CheckpointError(f'{source} has weights twice, with and without "module." before their names')
    return {name.removeprefix(start): value for name, value in names.items() if name.startswith(start)}


def check_fit(model: nn.Module, weights: Mapping[str, Tensor], source: str) -> None:
    """Raise an error for missing weights, which would stay random in the network; extra ones are ignored.

    Args:
        model: The network.
        weights: The weights by name, from :func:`weights_of`.
        source: Name of the checkpoint in the message.

    Raises:
        CheckpointError: If weights are missing or have another shape; the message has their names.
    """
    found = compare_weights(model.state_dict(), weights)
    if found.missing or found.reshaped:
        raise CheckpointError(
            f'{source} does not fit {type(model).__name__}: {found}. The model is not the one that was trained: pass '
            'the config that the training wrote into its work_dir, or the same --cfg-options'
        )


def check_weights(model: nn.Module, path: str) -> None:
    """Raise an error for a checkpoint that does not have all weights of ``model``, which mmengine only logs.

    Args:
        model: The model, which may be wrapped for test-time augmentation or for several processes.
        path: The checkpoint, a file or a URL.

    Raises:
        CheckpointError: If it cannot be loaded, or if weights are missing or have another shape.
    """
    check_fit(unwrapped(model), weights_of(load_checkpoint(path), path), path)


def load_weights(model: nn.Module, path: str | Path) -> None:
    """Load a checkpoint into a network, if it has all of its weights.

    Args:
        model: The network.
        path: The checkpoint, a file or a URL.

    Raises:
        CheckpointError: Same as in :func:`check_weights`.
    """
    weights = weights_of(load_checkpoint(path), str(path))
    check_fit(model, weights, str(path))
    model.load_state_dict(weights, strict=False)


def unwrapped(model: nn.Module) -> nn.Module:
    """Return the network itself, without wrappers for several processes or for test-time augmentation."""
    while isinstance(inner := getattr(model, 'module', None), nn.Module):
        model = inner
    return model


class PretrainedExactly(BaseModule):
    """A module that raises an error if ``init_cfg=dict(type='Pretrained', checkpoint=...)`` lacks weights.

    mmengine loads the weights whose names match and only logs the others, so that a file with other names trains from
    scratch. Subclasses convert the names of a public checkpoint in :meth:`translate`.
    """

    # Parts of classifiers in addition to the backbone.
    CLASSIFIERS = ('fc8.', 'linear1000.')

    def translate(self, name: str) -> str:
        """Return the name in this module of a weight of a public checkpoint."""
        return name

    def init_weights(self) -> None:
        """Load the checkpoint of ``init_cfg``, or initialise according to ``init_cfg``.

        Raises:
            OSError: If the file does not exist.
            CheckpointError: If weights are missing, unexpected or of another shape; the message has their names.
        """
        init_cfg = self.init_cfg
        if not is_pretrained(init_cfg):
            super().init_weights()
            return
        source = init_cfg['checkpoint']
        names = weights_of(load_checkpoint(source), source, init_cfg.get('prefix'))
        weights = {self.translate(name): x for name, x in names.items() if not name.startswith(self.CLASSIFIERS)}
        self.load_exactly(weights, source)
        self._is_init = True

    def load_exactly(self, weights: Mapping[str, Tensor], source: str) -> None:
        """Load ``weights``; the numbers of batches that batch norms have counted may be missing.

        Raises:
            CheckpointError: If names or shapes do not match.
        """
        found = compare_weights(self.state_dict(), weights)
        if str(found):
            raise CheckpointError(
                f'{source} is not a checkpoint of {type(self).__name__}: {found}. Pass one whose weights have its '
                'names, or init_cfg=None to train from scratch'
            )
        self.load_state_dict(weights, strict=False)


def is_pretrained(init_cfg: object) -> TypeGuard[Mapping[str, Any]]:
    """Whether the ``init_cfg`` of a module names a checkpoint."""
    return isinstance(init_cfg, Mapping) and init_cfg.get('type') == 'Pretrained'


@contextmanager
def checked_pretraining(model: nn.Module) -> Iterator[None]:
    """Check the checkpoints in any ``init_cfg`` while the ``init_weights`` of a model is called within.

    Args:
        model: The model; ``init_cfg`` of any module in it may name a checkpoint.

    Raises:
        FileNotFoundError: If a checkpoint is not available; the message has its key in the config and a solution.
        CheckpointError: If no weights of a checkpoint fit its module, which mmengine only logs.
    """
    found = [(name, module, getattr(module, 'init_cfg', None)) for name, module in model.named_modules()]
    pretrained = [(name, module, init_cfg) for name, module, init_cfg in found if is_pretrained(init_cfg)]
    try:
        yield
        for name, module, init_cfg in pretrained:
            _refuse_foreign_weights(name, module, init_cfg)
    except (OSError, ImportError) as error:
        if not pretrained:
            raise
        name, _, init_cfg = pretrained[0]
        key = f'model.{name}.init_cfg'
        cure = (
            f'Install {error.name}, which this kind of URL needs,'
            if isinstance(error, ModuleNotFoundError)
            else 'Without a network, download the file elsewhere'
        )
        raise FileNotFoundError(
            f'pretrained weights {init_cfg["checkpoint"]!r} ({key}.checkpoint) could not be loaded: {error}. '
            f'{cure} and pass --cfg-options {key}.checkpoint=/path/to/file.pth, or train from scratch with '
            f'--cfg-options {key}=None'
        ) from error


def _refuse_foreign_weights(name: str, module: nn.Module, init_cfg: Mapping[str, Any]) -> None:
    source = init_cfg['checkpoint']
    checkpoint = load_checkpoint(source)
    weights, own = weights_of(checkpoint, source, init_cfg.get('prefix')), module.state_dict()
    found = compare_weights(own, weights)
    counters = [key for key in own if key.endswith('num_batches_tracked')]
    if len(found.missing) + len(found.reshaped) >= len(own) - len(counters):
        raise CheckpointError(
            f'no weights of {source} (model.{name}.init_cfg.checkpoint) fit {type(module).__name__}: {found}. Pass a '
            'checkpoint of this network, with its prefix if it holds more'
        )


def check_generator_checkpoint(
    checkpoint: Mapping[str, Any], *, in_channels: int, rounds: Sequence[int] = (), source: str = 'the checkpoint'
) -> None:
    """Check that a checkpoint belongs to a generator with these inputs and to one of these rounds.

    Args:
        checkpoint: A checkpoint of mmengine, with ``state_dict`` and ``meta``.
        in_channels: ``in_channels`` of the generator that loads it.
        rounds: Accepted rounds in ``meta['lpg_stage']``; empty for any round.
        source: Names it in messages.

    Raises:
        CheckpointError: If it does not; the message has the expected and the actual values.

    Example:
        >>> import torch
        >>> weights = {'backbone.conv1.weight': torch.zeros(8, 4, 3, 3)}
        >>> check_generator_checkpoint({'state_dict': weights}, in_channels=4)
    """
    weights = weights_of(checkpoint, source, 'backbone')
    if not weights:
        raise CheckpointError(f'{source} is not a checkpoint of a MaskGenerator: it has no weights of a backbone')
    check_channels(weights, in_channels, source)
    found = checkpoint.get('meta', {}).get(ROUND_KEY)
    if rounds and found not in rounds:
        expected = ' or '.join(f'round {number}' for number in rounds)
        raise CheckpointError(
            f'{source} is the generator of round {found}, expected {expected}'
            if found is not None
            else f'{source} does not have a round ({ROUND_KEY!r} in its meta), expected {expected}: '
            'was it trained with LPGStageHook?'
        )


def check_channels(weights: Mapping[str, Any], expected: int, source: str) -> None:
    """Compare the first convolution, which is the first weight with four axes, with the number of input channels.

    Raises:
        CheckpointError: If the numbers differ.
    """
    first = next((x for x in weights.values() if getattr(x, 'ndim', 0) == 4), None)
    if first is not None and first.shape[1] != expected:
        kinds = {4: 'without the probability of the class', 5: 'with it'}
        raise CheckpointError(
            f'{source} holds a generator of {first.shape[1]} input channels ({kinds.get(first.shape[1], "unknown")}), '
            f'expected {expected} ({kinds.get(expected, "unknown")}): change use_probability, or use another file'
        )


def _some(names: tuple[str, ...] | list[str]) -> str:
    more = f' and {len(names) - SHOWN_NAMES} more' if len(names) > SHOWN_NAMES else ''
    return ', '.join(names[:SHOWN_NAMES]) + more
