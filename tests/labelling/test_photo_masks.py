"""From photos to masks under their names."""

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmseg.apis import inference_model
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from PIL import Image

from mmseg_wsss.cli.main import main
from mmseg_wsss.labelling.photo_files import find_photos
from mmseg_wsss.labelling.photo_masks import PhotoSettings, switched, write_photo_masks
from mmseg_wsss.labelling.predictions import PredictionSettings, write_pseudo_labels
from mmseg_wsss.labelling.video_frames import read_frames
from mmseg_wsss.models.decisions import ClassProbs
from tests.helpers.one_of_each import COLOURS
from tests.helpers.same_files import assert_same_files
from tests.helpers.videos import write_video


def read(path):
    return np.asarray(Image.open(path))


def test_photos_that_the_loader_does_not_keep_are_an_error_before_anything_is_written(project):
    root, cfg = project
    deep = np.linspace(0, 4000, 30 * 70).astype(np.uint16).reshape(30, 70)
    Image.fromarray(deep).save(root / 'photos/deep.png')
    photos = find_photos([str(root / 'photos')])
    message = r'16-bit images: 1 images \(such as .*deep.png\).* leaves 16 grey levels.*convert these to their depth'
    with pytest.raises(ValueError, match=message):
        write_photo_masks(cfg, root / 'net.pth', photos, root / 'out')
    assert not (root / 'out').exists()
    Image.fromarray((deep // 16).astype(np.uint8)).save(root / 'photos/deep.png')  # grey beside colours
    assert write_photo_masks(cfg, root / 'net.pth', photos, root / 'out')['images'] == 3


def test_masks_confidences_and_overlays_are_those_of_the_network(project):
    root, cfg = project
    photos = find_photos([str(root / 'photos')])
    summary = write_photo_masks(cfg, root / 'net.pth', photos, root / 'out')
    assert summary['images'] == 2
    assert sum(summary['share'].values()) == pytest.approx(1, abs=1e-3)
    model = MODELS.build(cfg.model).eval()
    model.load_state_dict(torch.load(root / 'net.pth')['state_dict'])
    model.cfg = cfg
    for name, path in photos.items():
        mask, confidence, overlay = (
            read(root / f'out/{kind}/{name}.{suffix}')
            for kind, suffix in (('masks', 'png'), ('confidence', 'png'), ('overlays', 'jpg'))
        )
        assert mask.shape == confidence.shape == overlay.shape[:2] == (30, 70)
        predicted = inference_model(model, str(path)).pred_sem_seg.data[0].numpy()
        assert (mask == predicted).mean() > 0.99
        assert confidence.min() >= 255 // 3
    assert Image.open(root / 'out/masks/b.png').getpalette()[3:6] == COLOURS[1]
    plain = read(root / 'out/masks/b.png')
    for settings in (PhotoSettings(tta=True), PhotoSettings(window=24), PhotoSettings(overlays=False)):
        write_photo_masks(cfg, root / 'net.pth', photos, root / 'other', settings)
        same = (read(root / 'other/masks/b.png') == plain).mean()
        assert same > 0.5
        assert (same == 1) == (settings.window is None and not settings.tta)


def test_frames_of_a_video_are_predicted_as_photos(project, capsys):
    root, cfg = project
    colours = write_video(root / 'film.avi', 5)
    assert len(colours) == 5
    write_video(root / 'photos/other.mp4', 2, codec='mp4v')
    command = ['predict', str(root / 'config.py'), str(root / 'net.pth')]
    options = ['-o', str(root / 'out'), '--every', '2']
    assert main([*command, str(root / 'film.avi'), str(root / 'photos'), *options]) == 0
    assert 'masks, confidence, overlays of 5 photos\n' in capsys.readouterr().out  # frames 0, 2, 4 and two photos
    names = sorted(path.relative_to(root / 'out/masks').as_posix() for path in (root / 'out/masks').rglob('*.png'))
    assert names == ['b.png', 'field/a.png', 'film/000000.png', 'film/000002.png', 'film/000004.png']
    for number, frame in read_frames(root / 'film.avi', 2):
        Image.fromarray(frame[..., ::-1]).save(root / f'{number}.png')
        write_photo_masks(cfg, root / 'net.pth', {'frame': root / f'{number}.png'}, root / 'one')
        assert np.array_equal(read(root / 'one/masks/frame.png'), read(root / f'out/masks/film/{number:06d}.png'))
    (root / 'broken.mp4').write_bytes(b'no video')
    assert main([*command, str(root / 'broken.mp4'), *options, '--force']) == 2
    assert 'broken.mp4 cannot be read as a video: OpenCV found no frame in it' in capsys.readouterr().err


def test_switches_of_an_inference():
    cfg = Config({'model': {'type': 'WeakEncoderDecoder', 'test_cfg': {'mode': 'whole'}}})
    assert switched(cfg, PhotoSettings()).model == cfg.model
    crf = switched(cfg, PhotoSettings(crf=True)).model.decision
    assert crf == {'type': 'ArgmaxDecision', 'refiner': {'type': 'DenseCRF'}}
    both = switched(cfg, PhotoSettings(crf=True, prune=0.3)).model.decision
    assert (both.type, both.score_threshold, both.refiner.type) == ('TagDecision', 0.3, 'DenseCRF')
    assert switched(cfg, PhotoSettings(window=40)).model.test_cfg.stride == (30, 30)
    assert 'decision' not in cfg.model
    with pytest.raises(ValueError, match='no views to average'):
        switched(cfg, PhotoSettings(tta=True))
    with pytest.raises(ValueError, match='every must be a positive integer, got 0'):
        PhotoSettings(every=0)
    with pytest.raises(ValueError, match='prune must be'):
        PhotoSettings(prune=2.0)


@pytest.mark.parametrize('window', [None, 32])
@pytest.mark.parametrize(
    'decision',
    [
        None,
        {'type': 'ArgmaxDecision', 'enlarged': 'logits', 'refiner': {'type': 'PAMR', 'num_iters': 2}},
        {'type': 'TagDecision', 'score_threshold': 0.4, 'background_power': 2.0},
        {'type': 'CAMDecision', 'background_score': 0.5},
    ],
)
def test_photos_pseudo_labels_and_one_view_have_the_same_masks(project, decision, window):
    root, cfg = project
    cfg.model.decision = decision
    cfg.tta_pipeline[-1].transforms[0] = cfg.tta_pipeline[-1].transforms[0][:1]  # without the mirrored view
    settings = {name: PhotoSettings(window=window, overlays=False, tta=name == 'view') for name in ('photos', 'view')}
    photos = find_photos([str(root / 'images')])
    for name, chosen in settings.items():
        write_photo_masks(cfg, root / 'net.pth', photos, root / name, chosen)
    labels = PredictionSettings(split='train')
    write_pseudo_labels(switched(cfg, settings['photos']), root / 'net.pth', root / 'labels', labels)
    found = sorted((root / 'labels/masks').glob('*.png'))
    masks = {name: [read(root / name / 'masks' / file.name) for file in found] for name in ('labels', *settings)}
    assert len(found) == 5
    assert len({label for mask in masks['labels'] for label in np.unique(mask).tolist()}) > 1
    for name in settings:
        for mask, other in zip(masks['labels'], masks[name], strict=True):
            assert (mask != other).mean() < 1e-3


@pytest.mark.parametrize(
    ('decision', 'kept'),
    [
        ({'type': 'CAMDecision', 'background_score': 0.4, 'refiner': {'type': 'PAMR'}}, 'CAMDecision'),
        ({'type': 'TagDecision', 'background_power': 2.0, 'known_tags': True}, 'TagDecision'),
        ({'type': 'ArgmaxDecision', 'refiner': {'type': 'PAMR'}}, 'TagDecision'),
    ],
)
def test_pruning_changes_nothing_else_of_a_decision(decision, kept):
    """With a threshold of 0 no class is pruned, and with 1 all are, also where the config has known classes."""
    generator = torch.Generator().manual_seed(0)
    probs, image = (torch.rand(3, 12, 12, generator=generator) for _ in range(2))
    maps = ClassProbs(probs, scores=torch.tensor([0.2, 0.9]), image=image)
    cfg = Config({'model': {'type': 'WeakEncoderDecoder', 'decision': decision}})
    labels = {}
    for prune in (0.0, 0.5, 1.0):
        built = MODELS.build(switched(cfg, PhotoSettings(prune=prune)).model.decision)
        assert type(built).__name__ == kept
        labels[prune] = built(maps, SegDataSample(metainfo={'gt_tags': [1]}))
    free = {**decision, 'known_tags': False, 'score_threshold': 0.0} if kept == decision['type'] else decision
    assert torch.equal(labels[0.0], MODELS.build(free)(maps))
    assert set(labels[0.5].unique().tolist()) == {0, 2}
    assert set(labels[1.0].unique().tolist()) == {0}


def test_command_and_that_nothing_is_overwritten(project, capsys):
    root, _ = project
    command = ['predict', str(root / 'config.py'), str(root / 'net.pth'), str(root / 'photos'), '-o', str(root / 'out')]
    assert main(command) == 0
    printed = capsys.readouterr().out
    assert f'{root / "out"}: masks, confidence, overlays of 2 photos\n' in printed
    assert 'shares of the classes: ' in printed
    before = (root / 'out/masks/b.png').stat().st_mtime_ns
    assert main(command) == 2
    assert 'contains files: choose another -o, or overwrite them with --force' in capsys.readouterr().err
    assert (root / 'out/masks/b.png').stat().st_mtime_ns == before
    assert main([*command, '--force', '--no-overlays']) == 0


def test_two_workers_write_the_same_files(project):
    root, cfg = project

    def write(folder, workers):
        photos = find_photos([str(root / 'photos')])
        return write_photo_masks(cfg, root / 'net.pth', photos, folder, PhotoSettings(workers=workers))

    assert_same_files(write, root)


def test_a_file_that_is_no_photo_is_named_before_anything_is_written(project):
    root, cfg = project
    (root / 'photos/c.jpg').write_bytes(b'\xff\xd8')
    with pytest.raises(ValueError, match='photos/c.jpg is not an image, or is damaged'):
        write_photo_masks(cfg, root / 'net.pth', find_photos([str(root / 'photos')]), root / 'broken')
    assert not (root / 'broken').exists()
    Image.new('RGB', (3000, 2)).save(root / 'photos/c.jpg')
    with pytest.raises(
        ValueError, match=r'photos/c.jpg \(3000 x 2 pixels\) cannot be loaded and resized for the netwo'
    ):
        write_photo_masks(cfg, root / 'net.pth', {'c': root / 'photos/c.jpg'}, root / 'broken')
    (root / 'photos/c.jpg').unlink()


def test_the_output_is_a_folder(project, capsys):
    root, _ = project
    arguments = ['predict', 'x.py', str(root / 'net.pth'), str(root / 'photos')]
    assert main([*arguments, '-o', str(root / 'net.pth')]) == 2
    assert '-o must be a folder, got the file' in capsys.readouterr().err
