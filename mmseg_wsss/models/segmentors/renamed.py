"""The segmentors of old configs, which are now a ``WeakEncoderDecoder`` with parts or an ``AffinityNetwork``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from mmseg.registry import MODELS

from ...renamed import Settings, register_equal, register_renamed

OF_DECISION = {
    'score_pooling': 'pooling',
    'score_threshold': 'score_threshold',
    'background_power': 'background_power',
    'known_tags': 'known_tags',
    'refiner': 'refiner',
}
"""Settings of the old ``TagEncoderDecoder`` and their names in ``TagDecision``."""
OF_VIEWS = {'pixel_correlation': 'SiameseViews', 'scale': 'SiameseViews', 'scales': 'MultiScaleViews'}
"""Settings of the old segmentors with several views, and the part that has them now."""


def refuse_moved(settings: Iterable[str]) -> None:
    """Raise an error that says where settings of the old segmentors are now.

    Raises:
        TypeError: If a ``WeakEncoderDecoder`` has one of them.
    """
    for name in settings:
        if name in OF_DECISION:
            raise TypeError(
                f"model.{name} is a setting of the decision now: write decision=dict(type='TagDecision', "
                f'{OF_DECISION[name]}=...), or --cfg-options model.decision.{OF_DECISION[name]}=...'
            )
        if name in OF_VIEWS:
            raise TypeError(
                f"model.{name} is a setting of the views now: write views=dict(type='{OF_VIEWS[name]}', {name}=...), "
                f'or --cfg-options model.views.{name}=...'
            )


def _with_part(settings: Settings, part: str, kind: str, moved: Mapping[str, str]) -> Settings:
    """Move settings into a part, in addition to those that a config with new names has there."""
    inner = {new: settings[old] for old, new in moved.items() if old in settings}
    rest = {key: value for key, value in settings.items() if key not in moved}
    return {**rest, 'type': 'WeakEncoderDecoder', part: {'type': kind, **(settings.get(part) or {}), **inner}}


def _tag(settings: Settings) -> Settings:
    return _with_part(settings, 'decision', 'TagDecision', OF_DECISION)


def _siamese(settings: Settings) -> Settings:
    names = {name: name for name, kind in OF_VIEWS.items() if kind == 'SiameseViews'}
    return _with_part(_tag(settings), 'views', 'SiameseViews', names)


def _multi_scale(settings: Settings) -> Settings:
    return _with_part(settings, 'views', 'MultiScaleViews', {'scales': 'scales'})


def _affinity(settings: Settings) -> Settings:
    unused = ('train_cfg', 'test_cfg')
    return {**{key: value for key, value in settings.items() if key not in unused}, 'type': 'AffinityNetwork'}


def _without_tags(settings: Settings) -> Settings:
    """Return the ``ArgmaxDecision`` that is equal to a ``TagDecision`` with everything switched off."""
    off = settings.get('score_threshold') == 0 and settings.get('background_power') == 1
    if not off or settings.get('known_tags'):
        return settings
    refiner = settings.get('refiner')
    return {'type': 'ArgmaxDecision', **({} if refiner is None else {'refiner': refiner})}


register_renamed(MODELS, 'TagEncoderDecoder', _tag)
register_renamed(MODELS, 'SiameseEncoderDecoder', _siamese)
register_renamed(MODELS, 'MultiScaleEncoderDecoder', _multi_scale)
register_renamed(MODELS, 'AffinityEncoderDecoder', _affinity)
register_equal('TagDecision', _without_tags)
