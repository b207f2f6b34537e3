"""How far distance fields have expanded: written by ``ExpandingConfidenceHook``, read when pseudo-masks are made."""

from mmengine.logging import MessageHub

CONFIDENCE_KEY = 'weak/expanding_confidence'


def confidence_scores() -> tuple[float, float]:
    """Return the scores of background and objects; 0 and 0 outside of a training with the hook."""
    state = MessageHub.get_current_instance().get_info(CONFIDENCE_KEY)
    return (0.0, 0.0) if state is None else (state['background_score'], state['object_score'])
