# LPG, the generators alone: training on the auxiliary classes.
_base_ = './lpg.py'
stages = dict(
    _delete_=True, **{name: s for name, s in _base_.stages.items() if name.startswith(('auxiliary', 'generator'))}
)
