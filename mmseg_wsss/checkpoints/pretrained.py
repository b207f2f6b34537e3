"""Load a checkpoint into a backbone, all of it or not at all."""

from collections.abc import Mapping
from typing import Any

from mmengine.model import BaseModule
from mmengine.runner import CheckpointLoader
from torch import Tensor


class PretrainedExactly(BaseModule):
    """A module whose ``init_cfg=dict(type='Pretrained', checkpoint=...)`` has to bring every weight.

    mmengine loads the weights whose names match and only logs the others, so that a file with other names trains from
    scratch. Subclasses say with :meth:`translate` how the names of a public checkpoint become theirs.
    """

    # What checkpoints of classifiers hold besides the backbone.
    CLASSIFIERS = ('fc8.', 'linear1000.')

    def translate(self, name: str) -> str:
        """Return the name in this module of a weight of a public checkpoint."""
        return name

    def init_weights(self) -> None:
        """Load the checkpoint of ``init_cfg``, or initialise as ``init_cfg`` says.

        Raises:
            OSError: If there is no such file.
            ValueError: If weights are missing, left over or of another shape; with their names.
        """
        init_cfg = self.init_cfg
        if not isinstance(init_cfg, Mapping) or init_cfg.get('type') != 'Pretrained':
            super().init_weights()
            return
        checkpoint = CheckpointLoader.load_checkpoint(init_cfg['checkpoint'], map_location='cpu')
        source = init_cfg['checkpoint']
        names = backbone_weights(checkpoint, source, init_cfg.get('prefix'))
        weights = {self.translate(name): x for name, x in names.items() if not name.startswith(self.CLASSIFIERS)}
        self.load_exactly(weights, source)
        self._is_init = True

    def load_exactly(self, weights: Mapping[str, Tensor], source: str) -> None:
        """Load ``weights``; the batches that batch norms have counted may be missing.

        Raises:
            ValueError: If names or shapes do not match.
        """
        differences = weight_differences(self.state_dict(), weights)
        if any(differences.values()):
            listed = listed_differences(differences)
            raise ValueError(
                f'{source} is no checkpoint of {type(self).__name__}: {listed}. Pass one whose weights have its '
                'names, or init_cfg=None to train from scratch'
            )
        self.load_state_dict(weights, strict=False)


def backbone_weights(checkpoint: Any, source: str, prefix: str | None = None) -> dict[str, Tensor]:
    """Return the tensors of a checkpoint by name: unwrapped, those under ``prefix`` without it.

    Raises:
        ValueError: If it is not a dictionary of tensors, or if two names differ by ``module.`` alone; with ``source``.
    """
    if not isinstance(checkpoint, Mapping):
        raise ValueError(f'{source} holds a {type(checkpoint).__name__}, expected a dictionary of weights by name')
    weights = next((checkpoint[key] for key in ('state_dict', 'model') if key in checkpoint), checkpoint)
    if not isinstance(weights, Mapping):
        raise ValueError(f'{source} holds a {type(weights).__name__} of weights, expected a dictionary by name')
    others = [str(name) for name, value in weights.items() if not (isinstance(name, str) and isinstance(value, Tensor))]
    if others:
        raise ValueError(f'{source} does not hold weights alone, expected tensors by name: {_some(others)}')
    start = f'{prefix.rstrip(".")}.' if prefix else ''
    names = {name.removeprefix('module.'): value for name, value in weights.items()}
    if len(names) < len(weights):
        raise ValueError(f'{source} has weights twice, with and without "module." before their names')
    return {name.removeprefix(start): value for name, value in names.items() if name.startswith(start)}


def weight_differences(own: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> dict[str, list[str]]:
    """Return which names are missing, unexpected and of another shape.

    Args:
        own: Weights of a network by name. The batches that batch norms have counted may be missing.
        given: Weights of a checkpoint by name.

    Example:
        >>> import torch
        >>> own = {'conv.weight': torch.zeros(2, 3), 'conv.bias': torch.zeros(2)}
        >>> listed_differences(weight_differences(own, {'conv.weight': torch.zeros(2, 3), 'fc.bias': torch.zeros(2)}))
        '1 missing: conv.bias; 1 unexpected: fc.bias'
    """
    return {
        'missing': [name for name in own if name not in given and not name.endswith('num_batches_tracked')],
        'unexpected': [name for name in given if name not in own],
        'of another shape': [
            f'{name} {tuple(value.shape)} in the place of {tuple(own[name].shape)}'
            for name, value in given.items()
            if name in own and value.shape != own[name].shape
        ],
    }


def listed_differences(differences: Mapping[str, list[str]]) -> str:
    """Return what :func:`weight_differences` found in one line; many names are cut short."""
    return '; '.join(f'{len(names)} {kind}: {_some(names)}' for kind, names in differences.items() if names)


def _some(names: list[str], limit: int = 8) -> str:
    more = f' and {len(names) - limit} more' if len(names) > limit else ''
    return ', '.join(names[:limit]) + more
