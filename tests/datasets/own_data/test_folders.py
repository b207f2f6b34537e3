"""Images, labels and masks are found by name and by content."""

import numpy as np
import pytest

from mmseg_wsss.datasets.own_data.folders import find_folders, is_mask_folder, pictures_in
from tests.helpers.miniatures import noisy_photo, save, voc_xml
from tests.helpers.one_of_each import write_own_data


def test_folders_by_name_and_by_content(tmp_path):
    root = write_own_data(tmp_path)
    found = find_folders(root)
    assert (found.images, found.labels, found.masks) == (root / 'images', root / 'weak_labels.json', root / 'masks')
    assert found.suffix == '.jpg'
    other = tmp_path / 'other'
    save(other / 'frames/a.png', noisy_photo())
    save(other / 'truth/a.png', np.zeros((48, 64), np.uint8))
    found = find_folders(other)
    assert (found.images, found.labels, found.masks) == (other / 'frames', None, other / 'truth')
    assert (is_mask_folder(other / 'frames'), is_mask_folder(other / 'truth')) == (False, True)
    given = find_folders(None, other / 'frames', root / 'weak_labels.json', root / 'masks')
    assert (given.images, given.labels) == (other / 'frames', root / 'weak_labels.json')


def test_folders_that_are_not_there(tmp_path):
    (tmp_path / 'empty').mkdir()
    with pytest.raises(FileNotFoundError, match='no images below .*empty: expected a folder such as'):
        find_folders(tmp_path / 'empty')
    with pytest.raises(FileNotFoundError, match='where are the images'):
        find_folders(None)
    with pytest.raises(FileNotFoundError, match='the masks not found'):
        find_folders(tmp_path / 'empty', masks=tmp_path / 'missing')
    save(tmp_path / 'bare/images/a.png', noisy_photo())
    with pytest.raises(FileNotFoundError, match='no labels beside .*images: expected weak_labels.json'):
        find_folders(tmp_path / 'bare')


def test_one_label_file_in_a_folder_and_one_for_each_image(tmp_path):
    save(tmp_path / 'images/a.png', noisy_photo())
    (tmp_path / 'annotations').mkdir()
    (tmp_path / 'annotations/instances.json').write_text('{}')
    assert find_folders(tmp_path).labels == tmp_path / 'annotations/instances.json'
    (tmp_path / 'annotations/more.json').write_text('{}')
    assert find_folders(tmp_path).labels == tmp_path / 'annotations'


def test_an_archive_must_be_unpacked(tmp_path):
    (tmp_path / 'export.zip').touch()
    with pytest.raises(ValueError, match=r'export.zip is an archive: unpack it, for example with "unzip .* -d export"'):
        find_folders(tmp_path / 'export.zip')


def test_the_data_is_a_folder(tmp_path):
    (tmp_path / 'data.txt').touch()
    with pytest.raises(ValueError, match='the data must be a folder, got the file .*data.txt'):
        find_folders(tmp_path / 'data.txt')


def test_hidden_files_are_no_pictures(tmp_path):
    """Copies of macOS, and checkpoints of notebooks."""
    save(tmp_path / 'masks/a.png', np.zeros((48, 64), np.uint8))
    save(tmp_path / 'masks/.ipynb_checkpoints/a.png', noisy_photo())
    (tmp_path / 'masks/._a.png').write_bytes(b'Mac OS X')
    assert is_mask_folder(tmp_path / 'masks')
    assert pictures_in(tmp_path / 'masks') == [tmp_path / 'masks/a.png']


def test_images_and_labels_in_folders_of_splits(tmp_path):
    for split in ('train', 'valid'):
        save(tmp_path / split / 'images/a.png', noisy_photo())
        (tmp_path / split / 'labels').mkdir()
    (tmp_path / 'test').mkdir()
    found = find_folders(tmp_path)
    assert (found.images, found.labels, found.suffix, found.masks) == (tmp_path, tmp_path, '.png', None)


SMOOTH = np.arange(48 * 64, dtype=np.uint8).reshape(48, 64)


@pytest.mark.parametrize(
    ('name', 'pixels', 'reason'),
    [
        (
            'a.png',
            SMOOTH,
            r'masks/a.png holds 256 different values, and masks hold few: class ids without smooth edges',
        ),
        (
            'a.png',
            noisy_photo(),
            r"masks/a.png has mode 'RGB', and masks have one channel of class ids: wsss convert c",
        ),
        ('a.jpg', SMOOTH, r'masks/a.jpg is a JPEG or WebP, which changes the values of masks: save masks as PNG'),
    ],
)
def test_why_a_folder_is_not_one_of_masks(tmp_path, name, pixels, reason):
    save(tmp_path / 'images/a.png', noisy_photo())
    save(tmp_path / f'masks/{name}', pixels)
    with pytest.raises(FileNotFoundError, match=f'no labels beside .*images: .*{reason}.*Expected weak_labels.json'):
        find_folders(tmp_path)


def test_a_folder_of_other_files_and_damaged_masks(tmp_path):
    save(tmp_path / 'images/a.png', noisy_photo())
    (tmp_path / 'masks').mkdir()
    (tmp_path / 'masks/a.npy').touch()
    with pytest.raises(FileNotFoundError, match=r'masks holds no picture, but files that end in .npy. Expected weak_l'):
        find_folders(tmp_path)
    (tmp_path / 'masks/a.png').touch()
    with pytest.raises(FileNotFoundError, match=r'masks/a.png cannot be read: .*Expected weak_labels'):
        find_folders(tmp_path)


@pytest.mark.parametrize(('name', 'dtype'), [('a.png', np.uint16), ('a.tif', np.uint8), ('a.TIF', np.int32)])
def test_masks_of_other_depths_and_suffixes(tmp_path, name, dtype):
    save(tmp_path / 'images/a.jpg', noisy_photo())
    save(tmp_path / f'masks/{name}', np.eye(48, 64, dtype=dtype))
    assert find_folders(tmp_path).masks == tmp_path / 'masks'


@pytest.mark.parametrize('name', ['_annotations.coco.json', 'a.xml'])
def test_images_beside_the_labels_of_splits(tmp_path, name):
    """As Roboflow writes COCO and VOC."""
    for split in ('train', 'valid'):
        save(tmp_path / split / 'a.png', noisy_photo())
        (tmp_path / split / name).touch()
    (tmp_path / 'test').mkdir()
    found = find_folders(tmp_path)
    assert (found.images, found.labels, found.suffix, found.masks) == (tmp_path, tmp_path, '.png', None)


def test_a_folder_without_images_names_what_is_in_it(tmp_path):
    (tmp_path / 'train.parquet').write_bytes(b'PAR1')
    with pytest.raises(FileNotFoundError, match='--images. .* looks like Parquet, as Hugging Face has it, which'):
        find_folders(tmp_path)


def test_masks_beside_the_images_are_named(tmp_path):
    """Roboflow's "semantic segmentation masks", and other folders in which the ending of a name tells both apart."""
    mask = np.zeros((8, 9), np.uint8)
    for split in 'train', 'valid':
        for key in 'a_jpg.rf.1', 'b_jpg.rf.2':
            save(tmp_path / f'{split}/{key}.jpg', noisy_photo())
            save(tmp_path / f'{split}/{key}_mask.png', mask)
        (tmp_path / f'{split}/_classes.csv').write_text('Pixel Value, Class\n0, background\n1, crop\n')
    says = (
        r'train holds masks beside the images, such as a_jpg.rf.1_mask.png beside a_jpg.rf.1.jpg: move the masks to a '
        r"folder of their own, without the ending '_mask' in their names, and name it with --masks"
    )
    with pytest.raises(ValueError, match=says):
        find_folders(tmp_path)
    for given in {'root': tmp_path / 'train'}, {'root': None, 'images': tmp_path / 'train'}:
        with pytest.raises(FileNotFoundError, match=f'no labels beside .*: .*{says}. Expected weak_labels.json'):
            find_folders(**given)


@pytest.mark.parametrize('names', [('a', 'a_1', 'a_2', 'b', 'b_1'), ('a', 'b', 'c', 'd')])
def test_photos_with_numbers_are_no_masks(tmp_path, names):
    for name in names:
        save(tmp_path / f'images/{name}.png', noisy_photo())
    save(tmp_path / 'images/a_3.png', np.zeros((8, 9), np.uint8))  # a photo of one colour
    with pytest.raises(FileNotFoundError, match='no labels beside .*images: expected weak_labels.json'):
        find_folders(tmp_path)


@pytest.mark.parametrize(('folder', 'others', 'first'), [('annotations', ['labels'], '.'), ('.', ['labels'], 'labels')])
def test_labels_beside_files_of_coco(tmp_path, folder, others, first):
    save(tmp_path / 'images/a.png', noisy_photo())
    for split in 'train', 'val':
        file = tmp_path / folder / f'{split}.json'
        file.parent.mkdir(exist_ok=True)
        file.write_text('{"images": [{"file_name": "a.png"}], "annotations": [], "categories": []}')
    assert find_folders(tmp_path).labels == tmp_path
    for name in others:
        (tmp_path / name).mkdir()
        (tmp_path / name / 'a.txt').touch()
    assert find_folders(tmp_path).labels == tmp_path / first
    (tmp_path / 'weak_labels.json').touch()
    found = find_folders(tmp_path)
    assert (found.images, found.labels) == (tmp_path / 'images', tmp_path / 'weak_labels.json')


def test_files_of_a_tool_in_splits_with_masks_are_the_labels(tmp_path):
    save(tmp_path / 'train/a.png', noisy_photo())
    save(tmp_path / 'train_masks/a.png', np.eye(48, 64, dtype=np.uint8))
    (tmp_path / 'train/notes.json').write_text('{}')
    assert find_folders(tmp_path).labels is None
    (tmp_path / 'train/a.xml').write_text(voc_xml('cat'))
    found = find_folders(tmp_path)
    assert (found.images, found.labels, found.masks) == (tmp_path, tmp_path, tmp_path)


def test_images_of_a_test_are_not_those_with_masks(tmp_path):
    for name in 'Tr', 'Ts', '_test':
        for number in range(2 if name == 'Tr' else 5):
            save(tmp_path / f'images{name}/{number}.png', noisy_photo())
    save(tmp_path / 'labelsTr/0.png', np.eye(48, 64, dtype=np.uint8))
    assert find_folders(tmp_path).images == tmp_path / 'imagesTr'
