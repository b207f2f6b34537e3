# What the recipes for a CPU share.
_base_ = ['./data.py', './adamw.py', '../default_runtime.py']
default_hooks = dict(checkpoint=dict(interval=500, save_best='mIoU'))
custom_hooks = [
    dict(type='ExactResumeHook'),
    dict(type='WeakVisualizationHook', interval=500),
    dict(type='ResultSheetHook'),
]
