"""Draw the pictures of the README and of docs/methods.md: ``python tools/draw_pictures.py -o docs/pictures``.

Everything is computed by the functions of the package on drawn shapes. The pictures of trained networks are drawn if
``--clicks``, ``--gated-crf`` and ``--generator`` name the checkpoints of the runs in the help text.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import load_checkpoint
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from PIL import Image
from torch import Tensor

import mmseg_wsss.plugin  # noqa: F401
from mmseg_wsss.datasets.shapes_drawing import CLASSES, PALETTE, Scene, draw_scene
from mmseg_wsss.datasets.simulate import simulate_boxes, simulate_clicks
from mmseg_wsss.functional import box_maps, confident_labels, distance_fields, gated_crf_kernel_map, pamr, point_blots
from mmseg_wsss.structures import WeakAnnotations
from mmseg_wsss.visualization.heat_maps import overlay_heat_map
from mmseg_wsss.visualization.panels import contact_sheet, draw_panels, enlarged, with_title

SIZE = (128, 128)
SCALE = 2
TITLE = 20
COLOURS = {'palette': PALETTE, 'classes': CLASSES}


def scene_and_points(seed: int, index: int) -> tuple[Scene, WeakAnnotations]:
    """Return a drawn picture and one click per object, with as many on the background."""
    scene = draw_scene(seed, index, SIZE)
    return scene, simulate_clicks(scene.mask, np.random.default_rng(index), instances=scene.instances, min_area=40)


def tensor(image: np.ndarray) -> Tensor:
    """Return a picture as (1, 3, H, W) in [0, 1]."""
    return torch.from_numpy(image.copy()).permute(2, 0, 1)[None].float() / 255


def drawn_points(points: WeakAnnotations) -> np.ndarray:
    """Return a label map of clicks, 255 elsewhere."""
    labels = np.full(SIZE, 255, np.uint8)
    for (x, y), label in zip(points.points, points.point_labels, strict=True):
        labels[int(y), int(x)] = label
    return labels


def titled(image: np.ndarray, title: str) -> np.ndarray:
    """Return an enlarged picture with its title."""
    return with_title(enlarged(image, SCALE), title)


def kernels() -> np.ndarray:
    """The kernels of the Gated CRF loss: by position only, and by position and colour."""
    scene, _ = scene_and_points(1, 2)
    colours = (tensor(scene.image) - 0.45) / 0.23
    maps = {
        'kernel of position': [{'weight': 1, 'xy': 6}],
        'kernel of position and colour': [{'weight': 1, 'xy': 6, 'rgb': 0.5}],
    }
    panels = [titled(scene.image, 'photo')]
    for title, settings in maps.items():
        kernel = gated_crf_kernel_map(colours, size=SIZE, kernels=settings, radius=10)[0, 0].numpy()
        panels.append(titled(overlay_heat_map(scene.image, kernel, 0.8), title))
    return contact_sheet(panels, columns=3)


def coarse_maps(scene: Scene, cell: int) -> Tensor:
    """Return masks as a network with few cells might predict them: the truth, averaged over cells and blurred."""
    masks = F.one_hot(torch.from_numpy(scene.mask.copy()).long(), len(CLASSES)).permute(2, 0, 1)[None].float()
    return F.interpolate(F.avg_pool2d(masks, cell), SIZE, mode='bilinear', align_corners=False)


def refinement() -> np.ndarray:
    """PAMR: coarse maps, refined maps, and the labels that remain above the threshold."""
    scene, _ = scene_and_points(1, 2)
    coarse = coarse_maps(scene, 16)
    refined = pamr(coarse, tensor(scene.image), dilations=(1, 2, 4, 8))
    steps = {
        'coarse masks': coarse[0].numpy(),
        'refined by PAMR': refined[0].numpy(),
        'pseudo-labels': confident_labels(refined)[0].numpy(),
    }
    return draw_panels(scene.image, truth=scene.mask, steps=steps, **COLOURS)


def draws() -> np.ndarray:
    """The pixels that max pooling, importance sampling and average pooling train."""
    scene, _ = scene_and_points(1, 2)
    label = int(np.bincount(scene.mask[scene.mask > 0]).argmax())
    probs = coarse_maps(scene, 8)[0, label].numpy()
    chances = (probs / probs.sum()).ravel()
    panels = [titled(overlay_heat_map(scene.image, probs, 0.6), f'map of the class "{CLASSES[label]}"')]
    drawn = np.random.default_rng(0).choice(len(chances), size=100, p=chances)
    for title, pixels in {
        'max pooling: one pixel': [chances.argmax()],
        'importance sampling: 100 draws': drawn,
    }.items():
        labels = np.full(SIZE, 255, np.uint8)
        labels.flat[pixels] = label
        row = draw_panels(scene.image, labels, titles={'weak labels': title}, **COLOURS)
        panels.append(row[: TITLE + SCALE * SIZE[0], -SCALE * SIZE[1] :])
    return contact_sheet(panels, columns=3)


def growth_of_points() -> np.ndarray:
    """PMP: the clicks, the field of one class, the fields of all classes, and the blots."""
    scene, points = scene_and_points(1, 2)
    fields, present = distance_fields(
        torch.from_numpy(points.points).float() + 0.5, torch.from_numpy(points.point_labels), SIZE
    )
    soft = np.zeros((len(CLASSES), *SIZE))
    soft[present.numpy()] = fields.numpy()
    blots = point_blots(scene.image, points.points + 0.5, points.point_labels, max_side=128)
    steps = {'distance fields': soft, 'blots': blots}
    return draw_panels(scene.image, drawn_points(points), steps=steps, truth=scene.mask, **COLOURS)


def predicted(config: str, checkpoint: str, image: np.ndarray) -> np.ndarray:
    """Return the prediction of a network for one picture."""
    model = MODELS.build(Config.fromfile(config).model)
    load_checkpoint(model, checkpoint, map_location='cpu')
    inputs = torch.from_numpy(image[..., ::-1].copy()).permute(2, 0, 1)
    sample = SegDataSample(metainfo={'ori_shape': SIZE, 'img_shape': SIZE})
    with torch.no_grad():
        result = model.eval().test_step({'inputs': [inputs], 'data_samples': [sample]})
    return result[0].pred_sem_seg.data[0].numpy()


def generated(checkpoint: str) -> np.ndarray:
    """LPG: boxes and masks of a generator, of the classes that it was trained on, and of others."""
    rows = []
    model = MODELS.build(Config.fromfile('configs/lpg/hourglass_shapes.py').model)
    load_checkpoint(model, checkpoint, map_location='cpu')
    scene = draw_scene(1, 2, SIZE)
    for names in (('disk', 'box', 'triangle'), ('star', 'ring', 'cross')):
        ids = [CLASSES.index(name) for name in names]
        truth = np.where(np.isin(scene.mask, ids), scene.mask, 0).astype(np.uint8)
        boxes = simulate_boxes(truth, np.random.default_rng(0), instances=scene.instances, min_area=40)
        maps, class_ids = box_maps(boxes.boxes, boxes.box_labels, SIZE)
        inputs = torch.from_numpy(scene.image[..., ::-1].copy()).permute(2, 0, 1)
        normalised = model.data_preprocessor({'inputs': [inputs]}, training=False)['inputs']
        filled, masks = np.zeros(SIZE, np.uint8), np.zeros(SIZE, np.uint8)
        for box_map, label in zip(maps, class_ids, strict=True):
            with torch.no_grad():
                logits = model.eval().generate(normalised, box_map[None, None].float())
            logits = F.interpolate(logits, SIZE, mode='bilinear', align_corners=False)
            filled[box_map.numpy() > 0] = label
            masks[((logits.argmax(dim=1)[0] > 0) & (box_map > 0)).numpy()] = label
        steps = {'filled boxes': filled, 'masks of the generator': masks}
        rows.append(draw_panels(scene.image, steps=steps, truth=truth, **COLOURS))
    return contact_sheet(rows)


def first_screen(clicks: str, gated_crf: str) -> np.ndarray:
    """The click of a training picture, and two new pictures with the predictions of two networks."""
    config = 'configs/gated_crf/unet_shapes_clicks.py'
    rows = []
    for index in (2, 6):
        trained, points = scene_and_points(0, index)
        left = draw_panels(trained.image, drawn_points(points), titles={'weak labels': 'trained on clicks'}, **COLOURS)
        scene = draw_scene(1, index, SIZE)
        steps = {
            'cross-entropy on clicks': predicted(config, clicks, scene.image),
            'with the Gated CRF loss': predicted(config, gated_crf, scene.image),
        }
        titles = {'photo': 'new picture'}
        right = draw_panels(scene.image, steps=steps, truth=scene.mask, titles=titles, **COLOURS)
        clicked = left[: TITLE + SCALE * SIZE[0], -SCALE * SIZE[1] :]
        rows.append(contact_sheet([clicked, right], columns=2))
    return contact_sheet(rows)


def main() -> None:
    """Write the pictures."""
    parser = argparse.ArgumentParser(description='Draw the pictures of the documentation')
    parser.add_argument('-o', '--output', required=True, type=Path, help='folder to write to')
    parser.add_argument('--clicks', help='checkpoint of unet_shapes_clicks.py with loss_gated_crf.start=1.0')
    parser.add_argument('--gated-crf', help='checkpoint of unet_shapes_clicks.py')
    parser.add_argument('--generator', help='checkpoint of hourglass_shapes.py')
    args = parser.parse_args()
    init_default_scope('mmseg')
    pictures = {
        'gated_crf': kernels(),
        'single_stage': refinement(),
        'importance_sampling': draws(),
        'pmp': growth_of_points(),
    }
    if args.clicks and args.gated_crf:
        pictures['first_screen'] = first_screen(args.clicks, args.gated_crf)
    if args.generator:
        pictures['lpg'] = generated(args.generator)
    for name, picture in pictures.items():
        Image.fromarray(picture).quantize(256).save(args.output / f'{name}.png', optimize=True)


if __name__ == '__main__':
    main()
