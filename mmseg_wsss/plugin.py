"""The only module whose import registers the parts of this package with MMSegmentation.

Configs use it by ``custom_imports = dict(imports=['mmseg_wsss.plugin'], allow_failed_imports=False)``.
"""

import mmseg.engine
import mmseg.evaluation
import mmseg.visualization  # noqa: F401

from . import datasets, engine, evaluation, models, visualization  # noqa: F401
from .datasets import resumable, transforms  # noqa: F401
from .engine import hooks, optimizers, own_data  # noqa: F401
from .engine.stages import log_processor, lpg, runner, tasks  # noqa: F401
from .evaluation import metrics  # noqa: F401
from .models import (  # noqa: F401
    backbones,
    decisions,
    decode_heads,
    layers,
    losses,
    poolings,
    preprocessors,
    pseudo_masks,
    refiners,
    segmentors,
    views,
)
