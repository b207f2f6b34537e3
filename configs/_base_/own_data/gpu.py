# What the recipes for a GPU share.
_base_ = ['./data.py', './sgd.py', '../default_runtime.py']
iterations = 20000
crop = 512
scale = 1024
train_dataloader = dict(num_workers=4, persistent_workers=True)
default_hooks = dict(checkpoint=dict(interval=2500, save_best='mIoU'))
custom_hooks = [
    dict(type='ExactResumeHook'),
    dict(type='WeakVisualizationHook', interval=2500),
    dict(type='ResultSheetHook'),
]
