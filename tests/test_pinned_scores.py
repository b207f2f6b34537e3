"""The scores of fixed predictions, under every name that configs use; what is rearranged must keep them.

Areas and contours are counts of pixels, so the numbers are the same on every processor.
"""

from contextlib import nullcontext
from importlib.util import find_spec

import numpy as np
import pytest
import torch
from mmseg.registry import METRICS, MODELS
from PIL import Image
from torch import nn

from mmseg_wsss.datasets.index_file import FolderIndex
from mmseg_wsss.datasets.pseudo_label_files import write_index, write_pseudo_label
from mmseg_wsss.labelling.label_folder_accuracy import score_label_folder
from mmseg_wsss.labelling.mask_accuracy import MaskScores, TruthScores
from mmseg_wsss.renamed import in_new_names
from mmseg_wsss.structures import ImageEntry, WeakLabelSet

CLASSES = ('background', 'cat', 'dog', 'horse', 'bear')  # no pixel is a bear
PALETTE = tuple((40 * index, 0, 0) for index in range(len(CLASSES)))
SIZES = ((12, 20), (17, 11), (16, 16))
SWITCHES = {'tags': 'predicted', 'background_power': 3.0, 'views': 8, 'refiner': 'DenseCRF'}
SUBSET = ('background', 'cat', 'bear')
REFINER = {'type': 'TowardsTheRight'}
AREAS = {'aAcc': 79.87, 'mIoU': 67.27, 'mAcc': 79.52}
REFINED_AREAS = {'aAcc': 49.51, 'mIoU': 33.0, 'mAcc': 49.87}
CONTOURS = {'contour_F': 87.46, 'contour_P': 83.04, 'contour_R': 94.83}
FOUND = 'predicted_tags_bg3_8_views_DenseCRF'


@MODELS.register_module()
class TowardsTheRight(nn.Module):
    """Adds to class 1 what the red of the image says, and moves every mask by one pixel."""

    def forward(self, masks, image):
        masks = masks.clone()
        masks[:, 1] += 0.5 * image[:, 0]
        return masks.roll(1, dims=3)


def maps(index):
    """(prediction, truth) of an image: rectangles, a tenth of the truth unlabelled, some classes confused."""
    height, width = SIZES[index]
    rows, columns = np.mgrid[:height, :width]
    truth = (rows // 5 + columns // 7 + index) % 4
    truth[(rows + columns) % 10 == 0] = 255
    pred = (rows // 5 + (columns + 1) // 7 + index) % 4
    pred[(rows * 7 + columns * 5) % 6 == 0] = 2
    return pred, truth


def samples(folder, **meta):
    made = []
    for index in range(len(SIZES)):
        pred, truth = maps(index)
        height, width = SIZES[index]
        rows, columns = np.mgrid[:height, :width]
        photo = np.stack([(rows * 20) % 256, (columns * 12) % 256, np.full_like(rows, 90)], axis=2).astype(np.uint8)
        Image.fromarray(photo).save(folder / f'{index}.png')
        logits = torch.nn.functional.one_hot(torch.from_numpy(pred), len(CLASSES)).permute(2, 0, 1) * 0.75
        made.append(
            {
                'img_path': str(folder / f'{index}.png'),
                'pred_sem_seg': {'data': torch.from_numpy(pred)[None]},
                'gt_sem_seg': {'data': torch.from_numpy(truth)[None]},
                'seg_logits': {'data': logits + torch.tensor([0.1, 0.05, 0.0, -0.05, -0.1])[:, None, None]},
                **meta,
            }
        )
    return made


def named(prefix, *parts):
    return {f'{prefix}/{key}': value for part in parts for key, value in part.items()}


METRIC_SCORES = {
    'areas': ({'type': 'SubsetIoUMetric', 'classes': None}, AREAS),
    'areas of a subset': (
        {'type': 'SubsetIoUMetric', 'classes': SUBSET, 'iou_metrics': ['mIoU', 'mDice', 'mFscore']},
        {**AREAS, 'mDice': 80.37, 'mFscore': 80.37, 'mPrecision': 83.34, 'mRecall': 79.52, 'mIoU_subset': 69.27},
    ),
    'areas with a prefix': (
        {'type': 'SubsetIoUMetric', 'classes': ['dog'], 'prefix': 'x'},
        named('x', AREAS, {'mIoU_subset': 60.71}),
    ),
    'contours': ({'type': 'ContourFScore'}, {**AREAS, **CONTOURS}),
    'contours of a subset': (
        {'type': 'ContourFScore', 'classes': SUBSET, 'absent_score': None, 'bound': 0.0},
        {**AREAS, 'mIoU_subset': 69.27, 'contour_F': 58.09, 'contour_P': 54.11, 'contour_R': 62.7},
    ),
    'refined': ({'type': 'RefinedIoUMetric', 'refiner': REFINER}, named('refined', REFINED_AREAS)),
    'refined, a subset': (
        {'type': 'RefinedIoUMetric', 'refiner': REFINER, 'classes': SUBSET},
        named('refined', REFINED_AREAS, {'mIoU_subset': 35.42}),
    ),
    'tags': ({'type': 'TagIoUMetric', 'split': 'val'}, named(f'val_{FOUND}', AREAS)),
    'tags, a subset': (
        {'type': 'TagIoUMetric', 'split': 'train', 'classes': SUBSET},
        named(f'train_{FOUND}', AREAS, {'mIoU_subset': 69.27}),
    ),
    'tags and contours': ({'type': 'TagContourFScore', 'split': 'val'}, named(f'val_{FOUND}', AREAS, CONTOURS)),
    'tags and contours of a subset': (
        {'type': 'TagContourFScore', 'split': 'val', 'classes': SUBSET, 'absent_score': 0.5, 'bound': 0.05},
        named(
            f'val_{FOUND}',
            AREAS,
            {'mIoU_subset': 69.27, 'contour_F': 74.83, 'contour_P': 74.66, 'contour_R': 75.0},
        ),
    ),
}
RENAMED = {
    'RefinedIoUMetric': 'SubsetIoUMetric',
    'TagIoUMetric': 'SubsetIoUMetric',
    'TagContourFScore': 'ContourFScore',
}
CASES = [(name, settings['type']) for name, (settings, _) in METRIC_SCORES.items()]
CASES += [(name, RENAMED[old]) for name, old in CASES if old in RENAMED]


@pytest.mark.parametrize(('name', 'kind'), CASES)
def test_metrics(name, kind, tmp_path):
    settings, expected = METRIC_SCORES[name]
    with pytest.warns(FutureWarning, match=f'{kind} is called') if kind in RENAMED else nullcontext():
        metric = METRICS.build({**settings, 'type': kind})
    metric.dataset_meta = {'classes': CLASSES}
    meta = {'inference_switches': SWITCHES} if 'split' in settings else {}
    for sample in samples(tmp_path, **meta):
        metric.process({}, [sample])
    found = metric.evaluate(len(SIZES))
    assert {key: round(float(value), 2) for key, value in found.items()} == expected


def test_the_refiner_of_the_old_name_is_a_dense_crf():
    """Where its package is missing, building it is an error."""
    missing = find_spec('pydensecrf') is None
    raised = pytest.raises(ImportError, match='DenseCRF needs the module pydensecrf') if missing else nullcontext()
    with pytest.warns(FutureWarning, match="refiner={'type': 'DenseCRF'}"), raised:
        METRICS.build({'type': 'RefinedIoUMetric'})


def test_finished_stages_under_old_names_are_those_of_the_new_ones():
    for name, (settings, _) in METRIC_SCORES.items():
        kind = settings['type']
        today = {**settings, 'type': RENAMED.get(kind, kind)}
        assert in_new_names({'val_evaluator': [settings]}) == in_new_names({'val_evaluator': [today]}), name
    assert in_new_names({'type': 'RefinedIoUMetric'}) == {'type': 'SubsetIoUMetric', 'refiner': {'type': 'DenseCRF'}}


def test_mask_scores():
    scores = MaskScores(len(CLASSES), chosen=[0, 1, 3, 4])
    for index in range(len(SIZES)):
        pred, truth = map(torch.from_numpy, maps(index))
        scores.add('labels', pred, truth)
        scores.add('unsure', torch.where(pred == 3, 255, pred), truth, contours=False)
    assert scores.compute() == {'labels/mIoU': 69.46, 'unsure/mIoU': 46.18, 'labels/contour_F': 96.98}
    assert scores.class_ious('labels').round(2).tolist() == pytest.approx(
        [70.62, 67.92, 60.71, 69.82, np.nan], nan_ok=True
    )
    strict = MaskScores(len(CLASSES), chosen=[1, 3], ignore_index=0, bound=0.0)
    strict.add('labels', *map(torch.from_numpy, maps(0)))
    assert strict.compute() == {'labels/mIoU': 65.01, 'labels/contour_F': 58.86}


def test_truth_scores(tmp_path):
    (tmp_path / 'ids.txt').write_text('0\n1\n')
    for index in range(len(SIZES)):
        Image.fromarray(maps(index)[1].astype(np.uint8)).save(tmp_path / f'{index}.png')
    some, everything = (TruthScores(tmp_path, [0, 1, 2, 3], len(CLASSES), ids) for ids in (tmp_path / 'ids.txt', None))
    for index in range(len(SIZES)):
        some.add('walk', str(index), maps(index)[0])
        everything.add('walk', str(index), maps(index)[0])
    some.add('walk', 'no mask', maps(0)[0])
    assert some.compute() == {'walk/mIoU': 70.0, 'walk/contour_F': 83.79}
    assert everything.compute() == {'walk/mIoU': 67.27, 'walk/contour_F': 83.28}


def test_scores_of_a_folder_of_labels(tmp_path):
    names = {str(index): {'file_name': f'{index}.png'} for index in range(len(SIZES))}
    for folder in ('labels', 'images', 'truth'):
        (tmp_path / folder).mkdir()
    samples(tmp_path / 'images')
    for index, (height, width) in enumerate(SIZES):
        pred, truth = maps(index)
        labels = np.where(pred == 3, 255, pred)
        write_pseudo_label(tmp_path / 'labels', str(index), labels, np.ones((height, width)), PALETTE)
        Image.fromarray(truth.astype(np.uint8)).save(tmp_path / f'truth/{index}.png')
        names[str(index)].update(width=width, height=height)
    write_index(tmp_path / 'labels', FolderIndex(CLASSES, PALETTE, names, {}))
    labels = WeakLabelSet(CLASSES, PALETTE, {key: ImageEntry(entry['file_name']) for key, entry in names.items()})
    labels.write(tmp_path / 'weak_labels.json')
    dataset = {
        'type': 'WeakSegDataset',
        'data_root': str(tmp_path),
        'weak_labels': 'weak_labels.json',
        'data_prefix': {'img_path': 'images', 'seg_map_path': 'truth'},
        'img_suffix': '.png',
    }
    ious = {'IoU.background': 70.62, 'IoU.cat': 67.92, 'unsure': 0.2094, 'images': 3}
    assert score_label_folder(tmp_path / 'labels', dataset) == {
        **ious,
        'IoU.dog': 60.71,
        'IoU.horse': 0.0,
        'mIoU': 49.82,
    }
    assert score_label_folder(tmp_path / 'labels', dataset, SUBSET) == {**ious, 'mIoU': 69.27}
