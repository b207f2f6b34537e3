"""Names that users and configs rely on: none may vanish."""

import importlib
import inspect

import pytest
from mmseg import registry

EXPORTS = {
    'mmseg_wsss.functional': {
        'distance_fields',
        'expand_distance_fields',
        'expansion_step',
        'feature_similarity_loss',
        'gated_crf_loss',
        'inverse_log_class_weights',
        'pac_refine',
        'pamr',
        'partial_cross_entropy',
        'point_blots',
    },
    'mmseg_wsss.ops': {'feature_similarity_loss', 'gated_crf_loss', 'pamr'},
    'mmseg_wsss.structures': {'ImageEntry', 'LossInputs', 'WeakAnnotations', 'WeakLabelSet'},
}
REGISTERED = {
    'MODELS': {
        'DeepLabV3PlusHead',
        'ExpandingPseudoMasks',
        'GatedCRFLoss',
        'GroupSizeNorm',
        'PACRefiner',
        'PMPLoss',
        'PartialCrossEntropyLoss',
        'WeakEncoderDecoder',
    },
    'DATASETS': {'CityPersonsDataset', 'SeededDataset', 'ShapesDataset', 'WeakSegDataset'},
    'DATA_SAMPLERS': {'ResumableInfiniteSampler'},
    'HOOKS': {
        'ExactResumeHook',
        'ExpandingConfidenceHook',
        'PseudoMaskVisualizationHook',
        'ResultSheetHook',
        'WeakVisualizationHook',
    },
    'METRICS': {'SubsetIoUMetric'},
    'TRANSFORMS': {
        'LoadPointBlots',
        'LoadShapesImage',
        'LoadWeakAnnotations',
        'PackWeakSegInputs',
        'RasterizeWeakAnnotations',
        'WeakRandomCrop',
        'WeakRandomFlip',
        'WeakRandomRotate',
        'WeakResize',
    },
}


@pytest.mark.parametrize('module', EXPORTS)
def test_exports(module):
    assert set(importlib.import_module(module).__all__) >= EXPORTS[module]


@pytest.mark.parametrize('name', REGISTERED)
def test_registered(name):
    built_in = getattr(registry, name).module_dict
    ours = {key for key, part in built_in.items() if part.__module__.startswith('mmseg_wsss.')}
    assert ours == REGISTERED[name]


@pytest.mark.parametrize('module', ['mmseg_wsss.functional', 'mmseg_wsss.ops'])
def test_settings_are_keyword_only_and_documented(module):
    package = importlib.import_module(module)
    for name in package.__all__:
        function = getattr(package, name)
        settings = [p for p in inspect.signature(function).parameters.values() if p.default is not p.empty]
        assert all(p.kind is p.KEYWORD_ONLY for p in settings), name
        assert all(f'{p.name}:' in function.__doc__ for p in settings), name
