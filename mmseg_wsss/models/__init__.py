"""Registered heads, segmentors and losses, and the parts that losses consist of."""

from ..openmmlab import import_quietly

import_quietly('mmseg.models')
