"""Arguments of the command line and settings of a training with one fault each, and words of their messages."""

SIMULATE = ['simulate', '--masks', 'masks', '--images', 'images', '--img-suffix', '.png', '-o', 'out.json']
CONVERT = ['convert', 'canonical', 'w.json', '-o', 'out.json']
# Arguments of the command line, in a folder with w.json, images/, masks/ and full/, and words of the message.
ARGUMENTS = [
    ([*SIMULATE, '--classes', 'a,b', *arguments], words)
    for arguments, words in [
        (['--num-per-object', '0'], ['--num-per-object', '0']),
        (['--num-per-object', '-1'], ['--num-per-object', '-1']),
        (['--min-area', '-1'], ['--min-area', '-1']),
        (['--seed', '-1'], ['--seed', '-1']),
        (['--length', '0'], ['--length', '0']),
        (['--length', '1.5'], ['--length', '1.5']),
        (['--length', 'nan'], ['--length', 'nan']),
        (['--jitter', '-1'], ['jitter', '-1']),
        (['--jitter', 'nan'], ['jitter', 'nan']),
        (['--kinds', 'dots'], ['dots']),
        (['--kinds', ''], ['kind']),
        (['--instances', 'nowhere'], ['nowhere']),
        (['--split', 'nowhere.txt'], ['nowhere.txt']),
        (['--masks', 'nowhere'], ['nowhere']),
        (['--masks', 'w.json'], ['w.json']),
        (['--images', 'nowhere'], ['nowhere']),
        (['--mask-suffix', '.gif'], ['.gif']),
        (['--no-background', '--classes', 'background,b'], ['--no-background']),
        (['-o', 'w.json'], ['w.json', '--force']),
        (['-o', 'images'], ['images']),
    ]
] + [
    ([*CONVERT, *arguments], words)
    for arguments, words in [
        (['--classes', 'a'], ['--classes']),
        (['--classes', 'a,a'], ['a']),
        (['--classes', 'cat,background'], ['background']),
        (['--classes', 'background,Cat,cat'], ['Cat']),
        (['--classes', 'background,dog'], ['dog']),
        (['--split', 'nowhere.txt'], ['nowhere.txt']),
        (['--images', 'nowhere'], ['nowhere']),
        (['--box-centres', '-1'], ['--box-centres', '-1']),
        (['--box-centres', '1'], ['--box-centres']),
        (['--report', 'w.json'], ['--report', 'w.json']),
        (['-o', 'w.json'], ['w.json', '--force']),
        (['-o', 'w.json/out.json', '--force'], ['w.json']),
        (['-o', '.'], ['.']),
    ]
]  # fmt: skip

LOSS = 'model.losses.loss_ce'
CRF = 'model.losses.loss_crf'
# Settings of the command line, and a word of the message of a training that cannot begin.
SETTINGS = [
    *[(f'{LOSS}.loss_weight={value}', f'{LOSS} ') for value in ('-1', 'nan', 'inf', 'x', 'True', '[1]')],
    *[(f'{LOSS}.start={value}', f'{LOSS} ') for value in ('-1', '2', 'nan', 'x')],
    *[(f'{LOSS}.{key}=1', key) for key in ('loss_wieght', 'weight', 'ignore')],
    (f'{LOSS}.type=Nope', f'{LOSS} '),
    (f'{LOSS}.class_weight=[1,2]', 'class_weight'),
    (f'{LOSS}=1', f'{LOSS} '),
    ('model.losses=1', 'model.losses'),
    ('model.losses=[]', 'model.losses'),
    *[(f'{CRF}={{"type":"GatedCRFLoss","radius":{value}}}', f'{CRF} ') for value in ('0', '2.5', '"3"', '-1', 'True')],
    ('model.type=Nope', 'model '),
    ('model.backbone.type=Nope', 'model.backbone '),
    ('model.decode_head.type=Nope', 'model.decode_head '),
    ('model.decode_head.num_classes=5', 'num_classes'),
    ('model.decode_head.num_classes=x', 'model.decode_head '),
    ('model.decode_head.in_channel=3', 'in_channel'),
    ('train_cfg.max_iters=x', 'max_iters'),
    ('train_cfg.max_iters=-1', 'max_iters'),
    ('train_cfg.max_itres=3', 'max_itres'),
    ('train_dataloader.batch_size=-2', 'batch_size'),
    ('train_dataloader.batch_size=x', 'batch_size'),
    ('train_dataloader.num_workers=-1', 'num_workers'),
    ('train_dataloader.dataset.type=Nope', 'train_dataloader.dataset '),
    ('train_dataloader.dataset.num_images=0', 'num_images'),
    ('train_dataloader.dataset.num_images=x', 'num_images'),
    ('train_dataloader.dataset.size=(1,1)', 'size'),
    ('train_dataloader.dataset.pipeline.2.crop_size=(0,0)', 'pipeline.2 '),
    ('train_dataloader.dataset.pipeline.3.prob=2', 'pipeline.3 '),
    ('train_dataloader.dataset.pipeline.3.type=RandomFlip', 'RandomFlip'),
    ('train_dataloader.dataset.pipeline.5.type=PackSegInputs', 'PackSegInputs'),
    ('optim_wrapper.optimizer.lr=-1', 'learning rate'),
    ('optim_wrapper.optimizer.type=Nope', 'Nope'),
    ('param_scheduler.0.type=Nope', 'Nope'),
    ('param_scheduler.0.end=x', 'param_scheduler.0 '),
    ('custom_hooks.0.type=Nope', 'Nope'),
    ('compile=on', 'compile'),
    ('train_cfg.max_iters=1.5', 'max_iters'),
    ('runner_type=Nope', 'Nope'),
    ('optim_wrapper.optimizer.lr=1e-4x', 'optim_wrapper.optimizer.lr must be a learning rate'),
    *[(f'randomness.seed={value}', 'randomness.seed must be') for value in ('abc', '-1', '1.5', 4294967296)],
    ('log_level=LOUD', 'log_level must be a level'),
    *[(f'{part}=None', f'{part} must be a dict') for part in ('env_cfg', 'default_hooks', 'randomness')],
    ('model.test_cfg.mode=slyde', "model.test_cfg.mode must be 'whole' or 'slide', got 'slyde'"),
    ('model.test_cfg.mode=slide', 'has no crop_size'),
    ('val_evaluator.iou_metrics=mFoo', "val_evaluator.iou_metrics: unknown metric 'mFoo'; Choose from 'mIoU'"),
    ('val_evaluator.iou_metrics=[mIoU,miou]', "unknown metric 'miou'; Choose from 'mIoU'"),
    ('model.decode_head.in_index=9', 'model.decode_head (FCNHead), in the first iteration: '),
    ('model.losses.loss_crf={"type":"GatedCRFLoss","kernels":[{"weight":1,"xz":3}],"start":0.9}', "compares 'xz'"),
]  # fmt: skip
