# LPG with generators that are there already, on any data set with boxes and for any network. LPG_GENERATORS is the work
# dir of their training (any recipe with stages generator_k, the same LPG_FORM); or a recipe sets
# stages.masks_k.task.generator.
_base_ = './lpg.py'
generators = '{{$LPG_GENERATORS:work_dirs/generator_hourglass_coco60}}'
places = [name for name in _base_.stages if name.startswith(('auxiliary', 'generator'))]
glob = __import__('glob').glob  # the original mmengine takes a config with an import statement for one without _base_
folders = {
    k: [*glob(f'{generators}/[0-9][0-9]_generator_{k}'), f'{generators}/{places.index(name) + 1:02d}_{name}'][0]
    for k, name in ((k, f'generator_{k}') for k in (1, 2, 3))
}
stages = dict(
    _delete_=True,
    **{name: s for name, s in _base_.stages.items() if not name.startswith(('auxiliary', 'generator'))},
)
stages['masks_1'].update(inputs=[folders[1]], task=dict(stages['masks_1']['task'], generator=folders[1]))
stages['masks_2'].update(inputs=[folders[2]], task=dict(stages['masks_2']['task'], generator=folders[2]))
stages['masks_3'].update(inputs=[folders[3]], task=dict(stages['masks_3']['task'], generator=folders[3]))
