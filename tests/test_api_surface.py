"""Names that users and configs rely on: none may vanish."""

import importlib
import inspect

import pytest
from mmengine.registry import RUNNERS
from mmseg import registry

EXPORTS = {
    'mmseg_wsss.engine.stages': {
        'LPGStages',
        'StageBuilder',
        'StageContext',
        'StageLogProcessor',
        'StageTask',
        'StagedRunner',
    },
    'mmseg_wsss.functional': {
        'affinities',
        'affinity_labels',
        'affinity_loss',
        'affinity_terms',
        'average_pooling_loss',
        'boundary_matches',
        'class_areas',
        'class_ious',
        'confusion_matrix',
        'contour_scores',
        'count_contours',
        'mean_iou',
        'present_classes',
        'cam_label_probs',
        'cam_seeds',
        'equivariance_differences',
        'min_pooling_loss',
        'normalised_activations',
        'normalised_cams',
        'pixel_correlation',
        'box_maps',
        'importance_sampling_loss',
        'max_pooling_loss',
        'merge_class_masks',
        'probs_to_logits',
        'balanced_cross_entropy',
        'confident_labels',
        'distance_fields',
        'expand_distance_fields',
        'expansion_step',
        'feature_similarity_loss',
        'focal_mask_penalty',
        'gated_crf_kernel_map',
        'gated_crf_loss',
        'inverse_log_class_weights',
        'ngwp',
        'pac_refine',
        'pair_offsets',
        'pamr',
        'partial_cross_entropy',
        'partial_dice_loss',
        'point_blots',
        'prune_classes',
        'random_walk',
        'seam_regularisation',
        'stochastic_gate',
        'winning_activations',
    },
    'mmseg_wsss.ops': {
        'BACKENDS',
        'balanced_cross_entropy',
        'distance_fields',
        'feature_similarity_loss',
        'gated_crf_loss',
        'pac_refine',
        'pamr',
        'why_not_supported',
    },
    'mmseg_wsss.structures': {'ImageDataset', 'ImageEntry', 'LossInputs', 'Sample', 'WeakAnnotations', 'WeakLabelSet'},
}
REGISTERED = {
    'MODELS': {
        'AffinityEncoderDecoder',
        'AffinityHead',
        'AffinityLoss',
        'AffinityNetwork',
        'ArgmaxDecision',
        'AveragePooling',
        'CAMDecision',
        'CAMHead',
        'ConfidentLabels',
        'DeepLabResNet',
        'DeepLabV2Head',
        'DeepLabV3PlusHead',
        'DenseCRF',
        'ExpandingPseudoMasks',
        'EquivariantRegularizationLoss',
        'FeatureSimilarityLoss',
        'GatedCRFLoss',
        'GroupSizeNorm',
        'Hourglass',
        'ImageTagLoss',
        'ImportanceSamplingLoss',
        'LargeFOVHead',
        'LargeFOVVGG16',
        'MaskGenerator',
        'MaxPooling',
        'MaxProbPooling',
        'MultiViewLoss',
        'MultiScaleEncoderDecoder',
        'MultiScaleViews',
        'NGWPHead',
        'NGWPPooling',
        'PACRefiner',
        'PAMR',
        'PMPLoss',
        'PartialCrossEntropyLoss',
        'PartialDiceLoss',
        'PixelCorrelation',
        'PseudoMaskLoss',
        'SEAMLoss',
        'SiameseEncoderDecoder',
        'SiameseViews',
        'StochasticGateHead',
        'TagDecision',
        'TagEncoderDecoder',
        'UnitRangePreProcessor',
        'WeakEncoderDecoder',
        'WeakSegTTAModel',
        'WideResNet38',
        'WidenedInput',
    },
    'DATASETS': {
        'CityPersonsDataset',
        'ClassMaskDataset',
        'InriaDataset',
        'PseudoLabelDataset',
        'SeededDataset',
        'ShapesDataset',
        'WeakSegDataset',
    },
    'DATA_SAMPLERS': {'ResumableInfiniteSampler'},
    'HOOKS': {
        'CheckpointGuardHook',
        'ExactResumeHook',
        'ExpandingConfidenceHook',
        'LPGStageHook',
        'LabelAuditHook',
        'PseudoMaskVisualizationHook',
        'ResultSheetHook',
        'WeakVisualizationHook',
    },
    'LOG_PROCESSORS': {'StageLogProcessor'},
    'METRICS': {'ContourFScore', 'RefinedIoUMetric', 'SubsetIoUMetric', 'TagContourFScore', 'TagIoUMetric'},
    'OPTIM_WRAPPER_CONSTRUCTORS': {'WeightBiasConstructor'},
    'TASK_UTILS': {
        'LPGStages',
        'ScoreLabels',
        'WriteBoxLabels',
        'WriteCAMs',
        'WriteGeneratorLabels',
        'WritePromptedLabels',
        'WritePseudoLabels',
        'WriteRandomWalk',
        'WriteSeeds',
        'WriteShapes',
    },
    'TRANSFORMS': {
        'CenterPad',
        'LoadDeepImage',
        'LoadImageTags',
        'LoadModality',
        'LoadPointBlots',
        'LoadPseudoLabels',
        'LoadReferenceMask',
        'LoadShapesImage',
        'LoadWeakAnnotations',
        'PackWeakSegInputs',
        'RasterizeClassMask',
        'RasterizeWeakAnnotations',
        'WeakClassCrop',
        'WeakRandomCrop',
        'WeakRandomFlip',
        'WeakRandomResizedCrop',
        'WeakRandomRotate',
        'WeakRandomWindow',
        'WeakResize',
    },
}


@pytest.mark.parametrize('module', EXPORTS)
def test_exports(module):
    assert set(importlib.import_module(module).__all__) >= EXPORTS[module]


def test_runner_is_found_without_a_scope():
    """As ``tools/train.py`` of this project and of mmseg build it: by the root registry, before any scope is set."""
    assert RUNNERS.get('StagedRunner').__module__ == 'mmseg_wsss.engine.stages.runner'
    assert RUNNERS.get('OwnDataRunner').__module__ == 'mmseg_wsss.engine.own_data'


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
