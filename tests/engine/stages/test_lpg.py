"""The stages that LPGStages lists, written out by hand for each of its switches."""

import pytest
from mmengine.config import Config

from mmseg_wsss.engine.stages import LPGStages
from mmseg_wsss.engine.stages.config import listed_stages
from mmseg_wsss.engine.stages.lpg import merged

AUXILIARY = {'dataset': {'type': 'Auxiliary'}, 'segmentor': {'val_cfg': None}, 'empty_images': 'skip'}
TARGET = {'dataset': {'type': 'Target'}}
SCORES = {'dataset': {'type': 'Truth'}}


def stages(**settings):
    usual = {'auxiliary': AUXILIARY, 'generator': {'config': 'generator.py'}, 'target': TARGET}
    return LPGStages(**{**usual, **settings}).stages()


def hooks(number, rounds=3, **partner):
    return [
        {'type': 'ExactResumeHook'},
        {'type': 'LPGStageHook', 'round': number, 'num_rounds': rounds, **partner},
    ]


def test_published_form():
    listed = stages(rounds=2)
    assert list(listed) == [
        'generator_1',
        'auxiliary_masks_1',
        'auxiliary_segmentor_1',
        'generator_2',
        'masks_1',
        'segmentor_1',
        'masks_2',
        'segmentor_2',
    ]
    assert listed['generator_1'] == {
        'config': 'generator.py',
        'model': {'use_probability': False},
        'custom_hooks': hooks(1, 2, partner=None),
    }
    assert listed['auxiliary_masks_1'] == {
        'task': {
            'type': 'WriteGeneratorLabels',
            'generator': '{stages.generator_1}',
            'partner': None,
            'round': 1,
            'dataset': {'type': 'Auxiliary'},
            'empty_images': 'skip',
            'rule': 'first',
        }
    }
    assert listed['auxiliary_segmentor_1'] == {
        'load_from': None,
        'train_dataloader': {'dataset': {'label_root': '{stages.auxiliary_masks_1}'}},
        'custom_hooks': hooks(1, 2),
        'val_cfg': None,
    }
    # The first convolution of generator 1 has one channel less, so generator 2 starts from scratch.
    assert listed['generator_2'] == {
        'config': 'generator.py',
        'model': {'use_probability': True},
        'custom_hooks': hooks(2, 2, partner='{stages.auxiliary_segmentor_1}'),
    }
    assert listed['masks_2'] == {
        'task': {
            'type': 'WriteGeneratorLabels',
            'generator': '{stages.generator_2}',
            'partner': '{stages.segmentor_1}',
            'round': 2,
            'dataset': {'type': 'Target'},
            'rule': 'first',
        }
    }
    assert listed['segmentor_2'] == {
        'load_from': '{stages.segmentor_1}',
        'train_dataloader': {'dataset': {'label_root': '{stages.masks_2}'}},
        'custom_hooks': hooks(2, 2),
    }


def test_generators_continue_where_they_read_the_same():
    def starts(**settings):
        listed = stages(**settings)
        return {name: stage.get('load_from') for name, stage in listed.items() if name.startswith('generator')}

    third = {'generator_3': '{stages.generator_2}', 'generator_4': '{stages.generator_3}'}
    assert starts(rounds=4) == {'generator_1': None, 'generator_2': None, **third}
    second = {'generator_1': None, 'generator_2': '{stages.generator_1}'}
    assert starts(rounds=4, first_reads_segmentor=True) == {**second, **third}
    assert set(starts(rounds=4, first_reads_segmentor=True, warm_start=False).values()) == {None}


def test_form_of_the_paper():
    listed = stages(rounds=2, first_reads_segmentor=True, rule='overlap')
    assert list(listed)[:3] == ['auxiliary_boxes', 'auxiliary_segmentor_0', 'generator_1']
    assert list(listed)[6:9] == ['boxes', 'segmentor_0', 'masks_1']
    assert listed['auxiliary_boxes']['task'] == {
        'type': 'WriteBoxLabels',
        'method': 'filled',
        'dataset': {'type': 'Auxiliary'},
        'empty_images': 'skip',
    }
    assert listed['auxiliary_segmentor_0'] == {
        'train_dataloader': {'dataset': {'label_root': '{stages.auxiliary_boxes}'}},
        'val_cfg': None,
    }
    assert listed['generator_1']['custom_hooks'] == hooks(1, 2, partner='{stages.auxiliary_segmentor_0}')
    assert listed['masks_1']['task']['partner'] == '{stages.segmentor_0}'
    assert listed['segmentor_1']['load_from'] == '{stages.segmentor_0}'
    assert 'rule' not in listed['masks_1']['task']  # that is the default of the task


def test_one_generator_for_all_rounds():
    listed = stages(first_reads_segmentor=True, fixed_generator=True)
    rounds = [f'{kind}_{k}' for k in (1, 2, 3) for kind in ('masks', 'segmentor')]
    start = ['auxiliary_boxes', 'auxiliary_segmentor_0', 'generator_1', 'boxes', 'segmentor_0']
    assert list(listed) == [*start, *rounds]
    for k in (1, 2, 3):
        task = listed[f'masks_{k}']['task']
        used = (task['generator'], task['partner'], task['round'])
        assert used == ('{stages.generator_1}', f'{{stages.segmentor_{k - 1}}}', 1)


@pytest.mark.parametrize(
    ('generators', 'first', 'inputs'),
    [
        ('work_dirs/coco', '{runs.work_dirs/coco.generator_1}', None),
        (['a.pth', 'b.pth', 'c.pth'], 'a.pth', ['a.pth']),
        (['https://host/a.pth', 'b.pth', 'c.pth'], 'https://host/a.pth', None),
        ([{'checkpoint': 'a.pth', 'config': 'a.py'}] * 3, {'checkpoint': 'a.pth', 'config': 'a.py'}, ['a.pth']),
    ],
)
def test_generators_that_are_there(generators, first, inputs):
    listed = stages(auxiliary=None, generator=None, generators=generators)
    assert not [name for name in listed if name.startswith(('auxiliary', 'generator'))]
    assert (listed['masks_1']['task']['generator'], listed['masks_1'].get('inputs')) == (first, inputs)


def test_generators_alone():
    names = list(stages(target=None))
    assert names[-1] == 'generator_3'
    assert len(names) == 7


def test_share_of_the_auxiliary_images():
    listed = stages(first_reads_segmentor=True, auxiliary_share=0.3)
    shares = {name: stage['task'].get('share') for name, stage in listed.items() if 'task' in stage}
    assert {name for name, share in shares.items() if share == 0.3} == {
        'auxiliary_boxes',
        'auxiliary_masks_1',
        'auxiliary_masks_2',
    }
    assert set(shares.values()) == {0.3, None}
    assert listed['generator_3']['train_dataloader'] == {'dataset': {'share': 0.3}}


def test_baselines_and_scores():
    listed = stages(baselines=['dense_crf'], scores=SCORES)
    assert listed['dense_crf']['task'] == {
        'type': 'WriteBoxLabels',
        'method': 'dense_crf',
        'dataset': TARGET['dataset'],
    }
    names = ['dense_crf', 'masks_1', 'masks_2', 'masks_3']
    labels = {name: f'{{stages.{name}}}' for name in names}
    assert listed['scores']['task'] == {'type': 'ScoreLabels', 'labels': labels, 'dataset': {'type': 'Truth'}}
    paper = stages(first_reads_segmentor=True, scores=SCORES)
    assert list(paper['scores']['task']['labels']) == ['boxes', 'masks_1', 'masks_2', 'masks_3']
    filled = stages(first_reads_segmentor=True, baselines=['filled'], scores=SCORES)  # the same labels
    assert list(filled['scores']['task']['labels']) == ['filled', 'masks_1', 'masks_2', 'masks_3']


def test_classes_of_one_data_set():
    classes = {'target': ['cat', 'dog'], 'auxiliary': ['cow']}
    after = [{'name': 'network'}, {'name': 'export', 'task': {'type': 'X'}}]
    listed = stages(classes=classes, scores=SCORES, after=after)
    only = {'only_classes': ['cow'], 'without_classes': ['cat', 'dog']}
    assert listed['auxiliary_masks_1']['task']['dataset'] == {'type': 'Auxiliary', **only}
    assert listed['masks_1']['task']['dataset'] == {'type': 'Target', 'only_classes': ['cat', 'dog']}
    samples = {'target_classes': ['cat', 'dog'], 'auxiliary_classes': ['cow'], 'dataset': only}
    assert listed['generator_1']['train_dataloader'] == {'dataset': samples}
    evaluated = {
        **{f'{split}_dataloader': {'dataset': {'only_classes': ['cat', 'dog']}} for split in ('val', 'test')},
        **{f'{split}_evaluator': {'classes': ['background', 'cat', 'dog']} for split in ('val', 'test')},
    }
    for name in ('segmentor_1', 'network'):
        assert {key: listed[name][key] for key in evaluated} == evaluated
    assert listed['export'] == {'task': {'type': 'X'}}
    assert 'val_dataloader' not in listed['auxiliary_segmentor_1']
    scored = listed['scores']['task']
    assert (scored['dataset']['only_classes'], scored['classes']) == (['cat', 'dog'], ['background', 'cat', 'dog'])


def test_further_stages_and_changes():
    changes = {'segmentor_2': {'model': {'x': 1}}, 'masks_1': {'task': {'unsure': 0.1}}, 'segmentor_3': None}
    listed = stages(before=[{'name': 'draw', 'task': {'type': 'X'}}], changes=changes, unsure=0.2)
    assert next(iter(listed)) == 'draw'
    assert 'segmentor_3' not in listed
    assert listed['segmentor_2']['model'] == {'x': 1}
    assert listed['segmentor_2']['load_from'] == '{stages.segmentor_1}'
    assert [listed[f'masks_{k}']['task']['unsure'] for k in (1, 2)] == [0.1, 0.2]


@pytest.mark.parametrize(
    ('settings', 'error', 'message'),
    [
        ({'rounds': 0}, ValueError, 'rounds must be a positive integer, got 0'),
        ({'rounds': '3'}, ValueError, "rounds must be a positive integer, got '3'"),
        ({'auxiliary_share': 0.0}, ValueError, 'auxiliary_share must be a finite number above 0'),
        ({'auxiliary_share': 60}, ValueError, r'auxiliary_share must be in \[0, 1\], got 60'),
        ({'rule': 'last'}, ValueError, 'expected a rule of overlap, first'),
        ({'baselines': ['densecrf']}, ValueError, "'densecrf' is not a method; did you mean 'dense_crf'"),
        ({'auxiliary': None}, ValueError, 'auxiliary and generator train the generators: give both'),
        ({'generators': 'work_dirs/x'}, ValueError, 'give either auxiliary and generator, .* or finished generators'),
        (
            {'auxiliary': None, 'generator': None, 'generators': ['a.pth']},
            ValueError,
            'has 1 checkpoints, expected one',
        ),
        (
            {'auxiliary': None, 'generator': None, 'generators': 'x', 'auxiliary_share': 0.3},
            ValueError,
            'set it in the config that trains them',
        ),
        ({'target': None, 'baselines': ['filled']}, ValueError, 'are for target images: give target'),
        ({'target': {'data': {}}}, ValueError, "target has no setting 'data'; did you mean 'dataset'"),
        ({'target': {}}, ValueError, r"target needs 'dataset', got \[\]"),
        ({'classes': {'target': ['cat']}}, ValueError, "classes needs 'auxiliary'"),
        ({'after': [{'task': {}}]}, ValueError, 'each stage of before and after needs a name'),
        ({'after': [{'name': 'masks_1'}]}, ValueError, "two stages are called 'masks_1'"),
        ({'changes': {'segmentr_1': {}}}, ValueError, "no stage 'segmentr_1'; did you mean 'segmentor_1'"),
    ],
)
def test_wrong_settings_are_named(settings, error, message):
    with pytest.raises(error, match=message):
        stages(**settings)


def test_as_a_part_of_a_config():
    part = {'type': 'LPGStages', 'generators': 'work_dirs/coco', 'target': TARGET}
    cfg = Config({'stages': part})
    cfg.merge_from_dict({'stages.rounds': 4, 'stages.rule': 'overlap'})
    listed = listed_stages(cfg)
    assert list(listed)[-1] == 'segmentor_4'
    assert listed['masks_4']['task']['generator'] == '{runs.work_dirs/coco.generator_4}'
    with pytest.raises(TypeError, match="LPGStages has no setting 'roundz'; did you mean 'rounds'"):
        listed_stages(Config({'stages': {**part, 'roundz': 4}}))
    with pytest.raises(ValueError, match="stages.type='LPGStage' does not list stages; did you mean 'LPGStages'"):
        listed_stages(Config({'stages': {**part, 'type': 'LPGStage'}}))
    with pytest.raises(ValueError, match="stages.type='WriteShapes' does not list stages"):
        listed_stages(Config({'stages': {'type': 'WriteShapes'}}))


def test_merging():
    settings = {'model': {'a': 1, 'b': {'c': 2}}, 'x': [1, 2]}
    assert merged(settings, {'model': {'b': {'_delete_': True, 'd': 3}}, 'x': [5]}) == {
        'model': {'a': 1, 'b': {'d': 3}},
        'x': [5],
    }
    assert settings == {'model': {'a': 1, 'b': {'c': 2}}, 'x': [1, 2]}
    assert merged(settings, None) == settings
