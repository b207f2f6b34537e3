import numpy as np
import pytest
from mmseg.datasets.transforms import LoadAnnotations
from PIL import Image

from mmseg_wsss.datasets.pseudo_label_files import write_index, write_pseudo_label
from mmseg_wsss.datasets.shapes_dataset import write_shapes
from mmseg_wsss.labelling.label_folder_accuracy import score_label_folder, true_mask
from mmseg_wsss.labelling.mask_accuracy import TruthScores


def test_scores_by_hand(tmp_path):
    write_shapes(tmp_path / 'data', num_images=2, size=(32, 32), seed=0)
    dataset = {
        'type': 'WeakSegDataset',
        'data_root': str(tmp_path / 'data'),
        'weak_labels': 'weak_labels.json',
        'data_prefix': {'img_path': 'images', 'seg_map_path': 'masks'},
        'img_suffix': '.png',
    }
    index = read_index_of(dataset, tmp_path / 'labels')
    truth = np.zeros((32, 32), dtype=np.uint8)
    truth[:16] = 1
    for key in index.images:
        Image.fromarray(truth).save(tmp_path / f'data/masks/{key}.png')
    labels = truth.copy()
    labels[:4] = 0  # a quarter of the object missed
    labels[4:8] = 255  # another quarter unsure
    for key in index.images:
        write_pseudo_label(tmp_path / 'labels', key, labels, np.ones(labels.shape), index.palette)
    scores = score_label_folder(tmp_path / 'labels', dataset)
    assert scores == {
        'mIoU': pytest.approx((50 + 80) / 2),
        'IoU.background': 80.0,
        'IoU.disk': 50.0,
        'unsure': 0.125,
        'images': 2,
    }
    assert score_label_folder(tmp_path / 'labels', dataset, ['disk'])['mIoU'] == 50.0
    write_pseudo_label(tmp_path / 'labels', key, labels[:20], np.ones((20, 32)), index.palette)
    with pytest.raises(ValueError, match=r'labels are \(20, 32\) and the true mask .*/masks/.*png \(32, 32\)'):
        score_label_folder(tmp_path / 'labels', dataset)
    with pytest.raises(ValueError, match='has the classes .* the data set'):
        score_label_folder(tmp_path / 'labels', {**dataset, 'metainfo': {'classes': ('background', *'abcdef')}})


def test_masks_are_read_as_the_pipeline_reads_them(tmp_path):
    mask = np.array([[0, 1, 2, 255]] * 2, dtype=np.uint8)
    Image.fromarray(mask).save(tmp_path / 'a.png')
    for shift in (False, True):
        info = {'seg_map_path': str(tmp_path / 'a.png'), 'label_map': {1: 0}, 'reduce_zero_label': shift}
        loaded = LoadAnnotations(imdecode_backend='pillow')({**info, 'seg_fields': []})['gt_seg_map']
        assert true_mask(info).tolist() == loaded.tolist() == [[255, 0, 0, 255] if shift else [0, 0, 2, 255]] * 2


def test_true_masks_of_some_classes_alone(tmp_path):
    """With ``only_classes``, another class is background in the masks, as the network learned it."""
    Image.fromarray(np.array([[0, 1, 2, 255]], dtype=np.uint8)).save(tmp_path / 'a.png')
    for label_map, expected in ((None, 100 * (1 / 2 + 1 + 0) / 3), ({2: 0}, 100.0)):
        scores = TruthScores(tmp_path, [0, 1, 2], 3, label_map=label_map)
        scores.add('x', 'a', np.array([[0, 1, 0, 0]]))
        assert scores.compute()['x/mIoU'] == pytest.approx(expected, abs=0.01)


def read_index_of(dataset, folder):
    """An index as the tasks write it."""
    from mmseg.registry import DATASETS

    from mmseg_wsss.datasets.index_file import FolderIndex

    built = DATASETS.build({**dataset, 'test_mode': True, 'pipeline': []})
    images = {
        built.get_data_info(i)['sample_id']: {'file_name': 'x', 'width': 32, 'height': 32} for i in range(len(built))
    }
    palette = tuple(map(tuple, built.metainfo['palette']))
    index = FolderIndex(tuple(built.metainfo['classes']), palette, images, {})
    folder.mkdir()
    write_index(folder, index)
    return index
