"""The stages of box supervision with learned mask generators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mmengine.config import Config
from mmseg.registry import TASK_UTILS

from ...datasets.formats.files import nearest
from ...functional.checks import check_integer, check_positive, check_share
from ...labelling.box_masks import METHODS
from ...labelling.generator_masks import GeneratorSettings
from .task import StageBuilder

AUXILIARY = 'auxiliary_'
"""Prefix of the names of the stages on auxiliary images."""
ListedStages = dict[str, dict[str, Any]]


@TASK_UTILS.register_module()
@dataclass(frozen=True, kw_only=True)
class LPGStages(StageBuilder):
    """Rounds of training mask generators on auxiliary classes, and rounds of their use on boxes (Xie et al., 2021).

    ``runner_type='StagedRunner', stages=dict(type='LPGStages', ...)``. The stages, in this order; those with a star
    exist only with ``first_reads_segmentor``:

    - ``auxiliary_boxes`` *: filled boxes of the auxiliary images.
    - ``auxiliary_segmentor_0`` *: a segmentor trained on them.
    - ``generator_k``: E-step; boxes, image and the output of auxiliary segmentor k - 1 -> the true masks.
    - ``auxiliary_masks_k``: the masks of generator k for the auxiliary boxes.
    - ``auxiliary_segmentor_k``: M-step; auxiliary segmentor k - 1, trained on with these masks.
    - ``boxes`` *, ``segmentor_0`` *: the corresponding stages for the target images.
    - ``masks_k``: the masks of generator k for the target boxes, with segmentor k - 1.
    - ``segmentor_k``: segmentor k - 1, trained on with these masks; the last one is the result.
    - The baselines under their own names, and ``scores``.

    The defaults are the form of the published code, whose first generator only reads boxes and image. Generator k
    starts from the weights of generator k - 1 if both have the same inputs, as in the published command; generator 2 of
    this form starts from scratch, because its first convolution has one more channel and the published code rejects
    such weights, too.

    Args:
        target: ``dataset``, the config of the data set with boxes; ``segmentor``, settings of all its segmentors, which
            override those next to ``stages``; ``empty_images``, see
            :class:`~mmseg_wsss.labelling.box_masks.BoxSettings`. None means that the generators are trained but not
            used.
        auxiliary: The same settings for the auxiliary images. None means that the generators exist already.
        generator: Settings of the training of each generator, such as ``dict(config='hourglass_coco60.py')``.
        generators: Instead of ``auxiliary`` and ``generator``, the work dir of their finished training, or a list of
            the checkpoints of all rounds.
        rounds: Number of rounds; 3 in the paper, and 4 in an ablation.
        first_reads_segmentor: The form of the paper, in which a segmentor trained on filled boxes helps the first
            generator. Existing generators must have the same form.
        warm_start: Whether generator k starts from generator k - 1.
        fixed_generator: Use the first generator in all rounds (our interpretation of "Fixed" in the paper's table II).
            Without a segmentor as input it makes the same masks in each round.
        auxiliary_share: Share of the auxiliary images that is used, evenly spread, in (0, 1] (table VI).
        rule: Which class gets a pixel that several classes claim: ``'first'``, as in the published code, or
            ``'overlap'``, the rule of the paper.
        unsure: Same as in :class:`~mmseg_wsss.labelling.generator_masks.GeneratorSettings`.
        baselines: Methods of :class:`~mmseg_wsss.labelling.box_masks.BoxSettings` to compare the masks with.
        scores: ``dataset`` with true masks, to evaluate the labels of the target images, and the names of the
            ``classes`` to average over, all by default. None means no evaluation.
        classes: Splits the classes of one data set: ``target`` and ``auxiliary``, lists of names. They are set as
            ``only_classes`` of the data sets with boxes, of the validation and of the scores; an image with a target
            class is not an auxiliary image.
        before: Further stages before all others, each with its ``name``.
        after: Further stages after all others, each with its ``name``; with ``classes`` their trainings are evaluated
            on the target classes.
        changes: Settings that override those of single stages, by name; None removes the stage.

    Raises:
        TypeError: If a setting that must be a number is not.
        ValueError: If settings are out of range, missing, or do not match.
    """

    target: Mapping[str, Any] | None = None
    auxiliary: Mapping[str, Any] | None = None
    generator: Mapping[str, Any] | None = None
    generators: str | Sequence[Any] | None = None
    rounds: int = 3
    first_reads_segmentor: bool = False
    warm_start: bool = True
    fixed_generator: bool = False
    auxiliary_share: float = 1.0
    rule: str = 'first'
    unsure: float = 0.0
    baselines: Sequence[str] = ()
    scores: Mapping[str, Any] | None = None
    classes: Mapping[str, Sequence[str]] | None = None
    before: Sequence[Mapping[str, Any]] = ()
    after: Sequence[Mapping[str, Any]] = ()
    changes: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        check_integer(self.rounds, 'rounds')
        check_positive(check_share(self.auxiliary_share, 'auxiliary_share'), 'auxiliary_share')
        GeneratorSettings(rule=self.rule, unsure=self.unsure)
        unknown = [method for method in self.baselines if method not in METHODS]
        if unknown:
            raise ValueError(f'baselines: {unknown[0]!r} is not a method; {nearest(unknown[0], METHODS)}')
        self._check_sources()
        _check_keys('target', self.target, ['dataset'], ['segmentor', 'empty_images'])
        _check_keys('auxiliary', self.auxiliary, ['dataset'], ['segmentor', 'empty_images'])
        _check_keys('scores', self.scores, ['dataset'], ['classes'])
        _check_keys('classes', self.classes, ['target', 'auxiliary'], [])
        for stage in (*self.before, *self.after):
            if not isinstance(stage.get('name'), str):
                raise ValueError(f'each stage of before and after needs a name, got {dict(stage)}')

    def _check_sources(self) -> None:
        """Raise unless generators are either trained or given, and are used."""
        if (self.auxiliary is None) != (self.generator is None):
            raise ValueError('auxiliary and generator train the generators: give both, or generators=WORK_DIR instead')
        if (self.auxiliary is None) == (self.generators is None):
            raise ValueError('give either auxiliary and generator, to train generators, or finished generators')
        if self.auxiliary is None and self.auxiliary_share < 1:
            raise ValueError('auxiliary_share is for the training of generators: set it in the config that trains them')
        if self.target is None and (self.generators is not None or self.baselines or self.scores is not None):
            raise ValueError('generators, baselines and scores are for target images: give target')
        given = None if isinstance(self.generators, str) else self.generators
        if given is not None and len(given) < (1 if self.fixed_generator else self.rounds):
            raise ValueError(f'generators has {len(given)} checkpoints, expected one per round ({self.rounds})')

    def stages(self) -> ListedStages:
        """Return all stages in order.

        Raises:
            ValueError: If two stages have the same name, or ``changes`` contains an unknown name.
        """
        rounds = range(1, self.rounds + 1)
        trained = range(1, 2) if self.fixed_generator else rounds
        parts = [_named(self.before)]
        if self.auxiliary is not None:
            parts.append(self._start(self._auxiliary(), AUXILIARY))
            for k in trained:
                parts.append(self._generator(k))
                if k < len(trained):
                    parts.append(self._masks_and_segmentor(k, self._auxiliary(), AUXILIARY))
        if self.target is not None:
            parts.append(self._start(self._target()))
            parts += [self._masks_and_segmentor(k, self._target()) for k in rounds]
            parts += [self._baselines(), self._scores()]
        parts.append(_named([s if 'task' in s else merged(self._evaluation(), s) for s in self.after]))
        names = [name for part in parts for name in part]
        twice = [name for name in names if names.count(name) > 1]
        if twice:
            raise ValueError(f'two stages are called {twice[0]!r}: choose other names in before and after')
        return self._changed({name: stage for part in parts for name, stage in part.items()})

    # Data sets and settings, with the selected classes.

    def _evaluation(self) -> dict[str, Any]:
        """Settings of a training that is evaluated on the target classes."""
        if self.classes is None:
            return {}
        names = list(self.classes['target'])
        loader, evaluator = {'dataset': {'only_classes': names}}, {'classes': ['background', *names]}
        loaders = {f'{split}_dataloader': loader for split in ('val', 'test')}
        return {**loaders, **{f'{split}_evaluator': evaluator for split in ('val', 'test')}}

    def _target(self) -> dict[str, Any]:
        dataset = {} if self.classes is None else {'only_classes': list(self.classes['target'])}
        return merged({'dataset': dataset, 'segmentor': self._evaluation()}, self.target)

    def _auxiliary(self) -> dict[str, Any]:
        return merged({'dataset': self._auxiliary_classes()}, self.auxiliary)

    def _auxiliary_classes(self) -> dict[str, Any]:
        if self.classes is None:
            return {}
        return {'only_classes': list(self.classes['auxiliary']), 'without_classes': list(self.classes['target'])}

    # Stages.

    def _reads(self, number: int) -> bool:
        """Whether a generator reads the output of a segmentor."""
        return number > 1 or self.first_reads_segmentor

    def _start(self, of: Mapping[str, Any], prefix: str = '') -> ListedStages:
        if not self.first_reads_segmentor:
            return {}
        boxes = {'type': 'WriteBoxLabels', 'method': 'filled', 'dataset': of['dataset'], **self._images(of, prefix)}
        segmentor = {'train_dataloader': {'dataset': {'label_root': f'{{stages.{prefix}boxes}}'}}}
        return {f'{prefix}boxes': {'task': boxes}, f'{prefix}segmentor_0': merged(segmentor, of.get('segmentor'))}

    def _images(self, of: Mapping[str, Any], prefix: str) -> dict[str, Any]:
        """Settings of a task about its images that differ from the defaults."""
        settings = {'empty_images': of['empty_images']} if of.get('empty_images') else {}
        if prefix and self.auxiliary_share < 1:
            settings['share'] = self.auxiliary_share
        return settings

    def _generator(self, k: int) -> ListedStages:
        partner = f'{{stages.{AUXILIARY}segmentor_{k - 1}}}' if self._reads(k) else None
        stage = {'model': {'use_probability': self._reads(k)}, 'custom_hooks': self._hooks(k, partner=partner)}
        if self.warm_start and k > 1 and self._reads(k - 1):
            stage['load_from'] = f'{{stages.generator_{k - 1}}}'
        samples: dict[str, Any] = {'share': self.auxiliary_share} if self.auxiliary_share < 1 else {}
        if self.classes is not None:
            samples |= {f'{kind}_classes': list(names) for kind, names in self.classes.items()}
            samples['dataset'] = self._auxiliary_classes()
        if samples:
            stage['train_dataloader'] = {'dataset': samples}
        return {f'generator_{k}': merged(stage, self.generator)}

    def _masks_and_segmentor(self, k: int, of: Mapping[str, Any], prefix: str = '') -> ListedStages:
        number = 1 if self.fixed_generator else k
        before = f'{{stages.{prefix}segmentor_{k - 1}}}' if self._reads(k) else None
        defaults = GeneratorSettings()
        chosen = {'rule': self.rule, 'unsure': self.unsure}
        generator, inputs = self._source(number)
        task = {
            'type': 'WriteGeneratorLabels',
            'generator': generator,
            'partner': before if self._reads(number) else None,
            'round': number,
            'dataset': of['dataset'],
            **self._images(of, prefix),
            **{name: value for name, value in chosen.items() if value != getattr(defaults, name)},
        }
        segmentor = {
            'load_from': before,
            'train_dataloader': {'dataset': {'label_root': f'{{stages.{prefix}masks_{k}}}'}},
            'custom_hooks': self._hooks(k),
        }
        segmentor = merged(segmentor, of.get('segmentor'))
        return {f'{prefix}masks_{k}': {'task': task, **inputs}, f'{prefix}segmentor_{k}': segmentor}

    def _source(self, number: int) -> tuple[Any, dict[str, Any]]:
        """Return a generator, and the other inputs of its stage."""
        if self.generators is None:
            return f'{{stages.generator_{number}}}', {}
        if isinstance(self.generators, str):
            return f'{{runs.{self.generators}.generator_{number}}}', {}
        given = self.generators[number - 1]
        path = given['checkpoint'] if isinstance(given, Mapping) else given
        return given, {} if '://' in str(path) else {'inputs': [str(path)]}

    def _hooks(self, k: int, **settings: Any) -> list[dict[str, Any]]:
        hook = {'type': 'LPGStageHook', 'round': k, 'num_rounds': self.rounds, **settings}
        return [{'type': 'ExactResumeHook'}, hook]

    def _baselines(self) -> ListedStages:
        of = self._target()
        task = {'type': 'WriteBoxLabels', 'dataset': of['dataset'], **self._images(of, '')}
        return {method: {'task': {**task, 'method': method}} for method in self.baselines}

    def _scores(self) -> ListedStages:
        if self.scores is None:
            return {}
        start = ['boxes'] if self.first_reads_segmentor and 'filled' not in self.baselines else []
        names = [*start, *self.baselines, *(f'masks_{k}' for k in range(1, self.rounds + 1))]
        own: dict[str, Any] = {}
        if self.classes is not None:
            chosen = list(self.classes['target'])
            own = {'dataset': {'only_classes': chosen}, 'classes': ['background', *chosen]}
        labels = {name: f'{{stages.{name}}}' for name in names}
        return {'scores': {'task': {'type': 'ScoreLabels', 'labels': labels, **merged(own, self.scores)}}}

    def _changed(self, stages: ListedStages) -> ListedStages:
        for name, change in (self.changes or {}).items():
            if name not in stages:
                raise ValueError(f'changes: there is no stage {name!r}; {nearest(name, stages)}')
            stages[name] = {} if change is None else merged(stages[name], change)
        left_out = [name for name, change in (self.changes or {}).items() if change is None]
        return {name: stage for name, stage in stages.items() if name not in left_out}


def merged(settings: Mapping[str, Any], changes: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return settings with others merged over them, as in a derived config.

    Example:
        >>> merged({'model': {'a': 1, 'b': 2}}, {'model': {'b': 3}})
        {'model': {'a': 1, 'b': 3}}
    """
    config = Config(dict(settings))
    config.merge_from_dict(dict(changes or {}))
    return dict(config.to_dict())


def _named(stages: Sequence[Mapping[str, Any]]) -> ListedStages:
    return {stage['name']: {key: value for key, value in stage.items() if key != 'name'} for stage in stages}


def _check_keys(name: str, given: Mapping[str, Any] | None, needed: list[str], more: list[str]) -> None:
    """Raise unless a setting, if given, has all required keys and no unknown ones."""
    if given is None:
        return
    for key in [*given, *needed]:
        if key not in (*needed, *more):
            raise ValueError(f'{name} has no setting {key!r}; {nearest(key, (*needed, *more))}')
        if key not in given:
            raise ValueError(f'{name} needs {key!r}, got {sorted(given)}')
