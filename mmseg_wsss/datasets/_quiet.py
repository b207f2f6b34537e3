"""Imports mmseg.datasets before anything else of this package does, so that it is quiet."""

from ..openmmlab import import_quietly

import_quietly('mmseg.datasets')
