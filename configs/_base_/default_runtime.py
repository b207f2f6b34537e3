custom_imports = dict(imports=['mmseg_wsss.plugin'], allow_failed_imports=False)
default_scope = 'mmseg'
env_cfg = dict(
    cudnn_benchmark=True,
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
    dist_cfg=dict(backend='nccl'),
)
randomness = dict(seed=0)
vis_backends = [dict(type='LocalVisBackend')]
visualizer = dict(type='SegLocalVisualizer', vis_backends=vis_backends, name='visualizer')
log_processor = dict(by_epoch=False)
log_level = 'INFO'
load_from = None
resume = False
default_hooks = dict(
    timer=dict(type='IterTimerHook'),
    logger=dict(type='LoggerHook', interval=50, log_metric_by_epoch=False),
    param_scheduler=dict(type='ParamSchedulerHook'),
    # At least two: a run that is killed while it writes one can resume from the other.
    checkpoint=dict(type='CheckpointHook', by_epoch=False, interval=2000, max_keep_ckpts=2),
    sampler_seed=dict(type='DistSamplerSeedHook'),
    visualization=dict(type='SegVisualizationHook'),
)
custom_hooks = [
    dict(type='ExactResumeHook'),
    dict(type='WeakVisualizationHook', interval=2000),
]
# A stage whose network is not evaluated: segmentor=_base_.not_evaluated.
not_evaluated = dict(
    val_dataloader=None,
    val_cfg=None,
    val_evaluator=None,
    test_dataloader=None,
    test_cfg=None,
    test_evaluator=None,
)
