# LPG: three rounds of training mask generators on auxiliary classes, whose masks are known, and three rounds of their
# use on target classes with boxes alone. A recipe adds model and data to each stage.
#
#   auxiliary_boxes        filled boxes of the auxiliary images
#   auxiliary_segmentor_0  a segmentor trained on them
#   generator_k            E-step: boxes, image and what segmentor k - 1 says -> the true masks
#   auxiliary_masks_k      what generator k makes of the auxiliary boxes
#   auxiliary_segmentor_k  M-step: segmentor k - 1, trained on with these
#   boxes, segmentor_0     the same of the target images
#   masks_k                what generator k makes of the target boxes, beside segmentor k - 1
#   segmentor_k            segmentor k - 1, trained on with these; segmentor_3 is the result
#
# With LPG_FORM=code in the environment the first generator reads boxes and image alone, as in the published code, and
# nobody needs filled boxes and segmentors 0.
first_reads_segmentor = dict(paper=True, code=False)['{{$LPG_FORM:paper}}']


def start(prefix=''):
    boxes = dict(task=dict(type='WriteBoxLabels', method='filled'))
    segmentor = dict(train_dataloader=dict(dataset=dict(label_root=f'{{stages.{prefix}boxes}}')))
    return {f'{prefix}boxes': boxes, f'{prefix}segmentor_0': segmentor} if first_reads_segmentor else {}


def partner(k, prefix=''):
    return f'{{stages.{prefix}segmentor_{k - 1}}}' if k > 1 or first_reads_segmentor else None


def hooks(k, **settings):
    return [dict(type='ExactResumeHook'), dict(type='LPGStageHook', round=k, num_rounds=3, **settings)]


def generator(k):
    before = partner(k, 'auxiliary_')
    model = dict(use_probability=before is not None)
    return {f'generator_{k}': dict(model=model, custom_hooks=hooks(k, partner=before))}


def masks_and_segmentor(k, prefix=''):
    before = partner(k, prefix)
    task = dict(type='WriteGeneratorLabels', generator=f'{{stages.generator_{k}}}', partner=before, round=k)
    segmentor = dict(
        load_from=before,
        train_dataloader=dict(dataset=dict(label_root=f'{{stages.{prefix}masks_{k}}}')),
        custom_hooks=hooks(k),
    )
    return {f'{prefix}masks_{k}': dict(task=task), f'{prefix}segmentor_{k}': segmentor}


runner_type = 'StagedRunner'
stages = dict(
    **start('auxiliary_'),
    **generator(1),
    **masks_and_segmentor(1, 'auxiliary_'),
    **generator(2),
    **masks_and_segmentor(2, 'auxiliary_'),
    **generator(3),
    **start(),
    **masks_and_segmentor(1),
    **masks_and_segmentor(2),
    **masks_and_segmentor(3),
)
