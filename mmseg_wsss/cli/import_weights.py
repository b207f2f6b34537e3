"""``wsss import-weights``: convert a checkpoint of the authors' code to one of this project."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..checkpoints.published_layouts import LAYOUTS
from ._arguments import add_cfg_options, add_output_arguments, add_trust_argument, check_output, overridden_config

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mmengine.config import Config
    from torch import Tensor

GENERATOR_INPUT = 'pre.0.conv.weight'
CHANNELS_OF_LATER_STAGES = 5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.description = (
        "Convert a checkpoint of the authors' code to one of this project; docs/published_weights.md says "
        'which file belongs to which config.'
    )
    parser.add_argument('source', choices=list(LAYOUTS), help='the code that saved the file')
    parser.add_argument('file', type=Path, help='the checkpoint')
    add_trust_argument(parser)
    add_output_arguments(parser, 'the file to write')
    parser.add_argument('--config', required=True, help='the config file of the network')
    parser.add_argument(
        '--stage',
        type=int,
        metavar='K',
        help='the stage in which a mask generator of lpg was trained; the first one is 1',
    )
    add_cfg_options(parser)


def run(args: argparse.Namespace) -> None:
    """Write the checkpoint and print its content."""
    import torch
    from mmengine.registry import init_default_scope
    from mmseg.registry import MODELS

    from .. import plugin  # noqa: F401
    from ..checkpoints.loading import trust_checkpoints
    from ..checkpoints.published import read_published, translate_published
    from ..engine.stages.marker import sha256
    from ..engine.start_errors import faults_of_parts
    from ..files import whole_file

    check_output(args)
    cfg = overridden_config(args.config, args.cfg_options)
    if cfg.get('model') is None:
        raise ValueError(f'{args.config} has no model: expected the config of one network')
    trust_checkpoints(args.trust_checkpoint)
    weights = read_published(args.file)
    stage = _fit_generator(cfg, weights, args.stage)
    init_default_scope(cfg.get('default_scope', 'mmseg'))
    with faults_of_parts(cfg):
        model = MODELS.build(cfg.model)
    found = translate_published(weights, args.source, model, str(args.file))
    whole = bool(found.layout.decode_head)
    meta = {
        'source': args.source,
        'network': found.layout.network,
        'sha256': sha256(args.file),
        **stage,
        **(_class_meta(cfg, model.num_classes) if whole and hasattr(model, 'num_classes') else {}),
        **({'cfg': cfg.pretty_text} if whole else {}),
    }
    with whole_file(args.output) as file:
        torch.save({'state_dict': found.state_dict, 'meta': meta}, file)
    numbers = sum(value.numel() for value in found.state_dict.values() if value.is_floating_point())
    unused = f'; not needed: {", ".join(found.unused)}' if found.unused else ''
    print(f'{args.output}: {found.layout.network} of {args.source}, {numbers:,} numbers{unused}')


def _fit_generator(cfg: Config, weights: Mapping[str, Tensor], stage: int | None) -> dict[str, int]:
    """Set the inputs of a mask generator to those of the file, and return its stage for the ``meta``.

    All stages have the same config: the first generator of the published code reads boxes and image, the later ones
    read the probability of the class, too.
    """
    from ..checkpoints.weights import ROUND_KEY

    if cfg.model.get('type', '').rpartition('.')[2] != 'MaskGenerator':
        if stage is not None:
            raise ValueError('--stage is only for mask generators, and the network of the config is not one')
        return {}
    if stage is not None and stage < 1:
        raise ValueError(f'--stage must be a positive integer, got {stage}')
    if GENERATOR_INPUT in weights and weights[GENERATOR_INPUT].ndim == 4:
        cfg.model.use_probability = weights[GENERATOR_INPUT].shape[1] == CHANNELS_OF_LATER_STAGES
    if stage is None and not cfg.model.get('use_probability', True):
        stage = 1
    return {} if stage is None else {ROUND_KEY: stage}


def _class_meta(cfg: Config, num_classes: int) -> dict[str, Any]:
    """Return names and colours of the classes: those of the config, or of the known set with this number of classes."""
    from ..datasets.class_sets import CLASS_SETS

    loaders = [cfg.get(f'{split}_dataloader') or {} for split in ('train', 'val', 'test')]
    given = [loader.get('dataset', {}).get('metainfo') or {} for loader in loaders]
    for known in (*given, *CLASS_SETS.values()):
        if len(known.get('classes', ())) == num_classes:
            meta = {key: list(known[key]) for key in ('classes', 'palette') if key in known}
            return {'classes': meta['classes'], 'dataset_meta': meta}
    return {}
