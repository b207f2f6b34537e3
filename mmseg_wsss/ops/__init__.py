"""Fast twins of the slow functions in :mod:`mmseg_wsss.functional`, with the same signatures."""
