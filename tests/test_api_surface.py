"""Names that users and configs rely on: none may vanish."""

import importlib
import inspect

import pytest
from mmseg import registry

EXPORTS = {
    'mmseg_wsss.functional': {
        'balanced_cross_entropy',
        'confident_labels',
        'feature_similarity_loss',
        'focal_mask_penalty',
        'gated_crf_loss',
        'inverse_log_class_weights',
        'ngwp',
        'pamr',
        'partial_cross_entropy',
        'prune_classes',
        'stochastic_gate',
    },
    'mmseg_wsss.ops': {'BACKENDS', 'feature_similarity_loss', 'gated_crf_loss', 'pamr', 'why_not_supported'},
    'mmseg_wsss.structures': {'ImageEntry', 'LossInputs', 'WeakAnnotations', 'WeakLabelSet'},
}
REGISTERED = {
    'MODELS': {
        'AveragePooling',
        'ConfidentLabels',
        'DeepLabV3PlusHead',
        'DenseCRF',
        'GatedCRFLoss',
        'ImageTagLoss',
        'LargeFOVVGG16',
        'MaxPooling',
        'NGWPHead',
        'NGWPPooling',
        'PAMR',
        'PartialCrossEntropyLoss',
        'PseudoMaskLoss',
        'StochasticGateHead',
        'TagEncoderDecoder',
        'WeakEncoderDecoder',
        'WeakSegTTAModel',
        'WideResNet38',
    },
    'DATASETS': {'SeededDataset', 'ShapesDataset', 'WeakSegDataset'},
    'DATA_SAMPLERS': {'ResumableInfiniteSampler'},
    'HOOKS': {'ExactResumeHook', 'PseudoMaskVisualizationHook', 'ResultSheetHook', 'WeakVisualizationHook'},
    'METRICS': {'SubsetIoUMetric', 'TagIoUMetric'},
    'OPTIM_WRAPPER_CONSTRUCTORS': {'WeightBiasConstructor'},
    'TRANSFORMS': {
        'LoadImageTags',
        'LoadShapesImage',
        'LoadWeakAnnotations',
        'PackWeakSegInputs',
        'RasterizeWeakAnnotations',
        'WeakRandomCrop',
        'WeakRandomFlip',
        'WeakRandomResizedCrop',
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
    for function in filter(inspect.isfunction, (getattr(package, name) for name in package.__all__)):
        settings = [p for p in inspect.signature(function).parameters.values() if p.default is not p.empty]
        assert all(p.kind is p.KEYWORD_ONLY for p in settings), function
        assert all(f'{p.name}:' in function.__doc__ for p in settings), function
