"""``wsss browse``: draw the training batches of a config as its losses receive them, or the labels of a file."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ..files import whole_file
from ._arguments import add_cfg_options, check_output, load_config
from ._browse_labels import labelled_photos
from ._labels import parse_classes

if TYPE_CHECKING:
    import numpy as np
    from mmengine.config import Config
    from mmseg.structures import SegDataSample
    from numpy.typing import NDArray
    from torch import Tensor

    from ..models.losses import GatedCRFLoss
    from ..visualization.panels import Image

PICTURE_SUFFIXES = ('.png', '.jpg', '.jpeg')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument('config', help='config file; or label file, with --images')
    parser.add_argument('--images', type=Path, help='folder of the photos of a label file, whose labels are drawn')
    parser.add_argument('--classes', help='class names of a label file that does not name them')
    parser.add_argument(
        '--worst', type=Path, metavar='RUN', help='labels of the images with the lowest IoU in the validation of a run'
    )
    parser.add_argument(
        '-o',
        '--output',
        type=Path,
        default=Path('browse.png'),
        help='the picture to write, PNG or JPEG, or one HTML page',
    )
    parser.add_argument('--force', action='store_true', help='overwrite the output if it exists')
    parser.add_argument('-n', '--num', type=int, default=8, help='number of images to draw')
    parser.add_argument('--seed', type=int, help='seed of the order of the images and of the augmentation (default: 0)')
    parser.add_argument(
        '--kernels',
        type=int,
        nargs='?',
        const=4,
        metavar='STRIDE',
        help='also draw the kernels of GatedCRFLoss around cells of STRIDE x STRIDE pixels (default: 4)',
    )
    add_cfg_options(parser)


def run(args: argparse.Namespace) -> None:
    """Draw ``args.num`` images of the training data and print how many of their pixels are labelled."""
    from ..engine.start_errors import faults_of_parts

    check_output(args)
    if args.output.suffix.lower() not in (*PICTURE_SUFFIXES, '.html'):
        raise ValueError(f'-o must end in one of {", ".join(PICTURE_SUFFIXES)}, .html, got {str(args.output)!r}')
    if args.num < 1:
        raise ValueError(f'--num must be at least 1, got {args.num}')
    if args.kernels is not None and args.kernels < 1:
        raise ValueError(f'--kernels must be at least 1 pixel, got {args.kernels}')
    if args.images is not None:
        if args.seed is not None or args.kernels is not None or args.cfg_options:
            raise ValueError('--seed, --kernels and --cfg-options are for configs: leave them out with --images')
        classes = None if args.classes is None else parse_classes(args.classes)[0]
        write(list(labelled_photos(Path(args.config), args.images, args.num, args.worst, classes)), args.output)
        return
    if args.worst is not None or args.classes is not None:
        raise ValueError('--worst and --classes are for label files: name the folder of the photos with --images')
    if Path(args.config).exists() and not args.config.endswith('.py'):
        raise ValueError(f'{args.config} is not a config; the labels of a file are drawn on photos with --images DIR')
    cfg = load_config(args.config, args.cfg_options)
    rows, counts = [], []
    with faults_of_parts(cfg):
        for name, row, labelled, size in training_rows(cfg, args.num, args.seed or 0, args.kernels):
            rows.append((name, row))
            counts.append(labelled)
            print(f'{name}: {labelled} of {size} pixels labelled ({labelled / size:.2%})')
    empty = sum(count == 0 for count in counts)
    print(f'{len(counts)} images, {sum(counts) / len(counts):.1f} labelled pixels each, {empty} without any')
    write(rows, args.output)


def write(pictures: list[tuple[str, Image]], output: Path) -> None:
    """Write pictures with their names as a page, or as one sheet."""
    from PIL import Image as Picture

    from ..visualization.panels import contact_sheet
    from ..visualization.picture_page import picture_page

    if output.suffix.lower() == '.html':
        with whole_file(output) as file:
            file.write(picture_page(f'{len(pictures)} images', pictures).encode())
    else:
        sheet = Picture.fromarray(contact_sheet([picture for _, picture in pictures], columns=2))
        with whole_file(output) as file:
            sheet.save(file, format='PNG' if output.suffix.lower() == '.png' else 'JPEG', quality=95)
    print(f'wrote {output}: {len(pictures)} images')


def training_rows(
    cfg: Config, num_images: int, seed: int, kernel_stride: int | None = None
) -> Iterator[tuple[str, Image, int, int]]:
    """Yield, per training image: its name, its panels, the number of its labelled pixels and of those inside the image.

    The pictures are those of the network's input: the preprocessor normalises and pads, and its normalisation is
    undone by the same function that hands the image to the losses.

    Args:
        cfg: A config with training data.
        num_images: Number of images to yield; the data is repeated if there are fewer.
        seed: Seed of their order and of the augmentation.
        kernel_stride: Side, in pixels, of the cells on which to draw the kernels of the Gated CRF loss, too, or None.
    """
    from mmengine.runner import Runner, set_random_seed
    from mmseg.registry import MODELS

    from ..models.segmentors.batch import image_in_unit_range, stack_labels, stack_validity
    from ..visualization.panels import contact_sheet, draw_panels

    settings = {**cfg.train_dataloader, 'num_workers': 0, 'persistent_workers': False}
    set_random_seed(seed)
    loader = Runner.build_dataloader(settings, seed=seed)
    preprocessor = MODELS.build(cfg.model.data_preprocessor)
    metainfo = loader.dataset.metainfo
    if len(loader) == 0:
        raise ValueError(
            f'the training data ({len(loader.dataset)} images) cannot fill a batch of {settings.get("batch_size")}: '
            'lower train_dataloader.batch_size or set drop_last=False'
        )
    loss = None if kernel_stride is None else gated_crf_of(cfg)
    drawn = 0
    while drawn < num_images:
        for data_batch in loader:
            batch = preprocessor(data_batch, True)
            inputs, samples = batch['inputs'], batch['data_samples']
            images = image_in_unit_range(inputs, preprocessor)
            labels = stack_labels(samples)
            valid = stack_validity(samples, labels.shape[1:], inputs.device)
            kernels: Iterable[NDArray[np.float32] | None] = [None] * len(images)
            if loss is not None and kernel_stride is not None:
                kernels = kernel_maps(loss, images, samples, kernel_stride)
            for image, label, inside, sample, heat in zip(images, labels, valid, samples, kernels, strict=True):
                photo = (image * 255).round().clamp(0, 255).byte().permute(1, 2, 0).numpy()
                row = draw_panels(
                    photo,
                    label.numpy(),
                    valid=inside[0].numpy(),
                    classes=metainfo['classes'],
                    palette=metainfo['palette'],
                )
                row = row if heat is None else contact_sheet([row, draw_kernels(photo, heat)], columns=2)
                yield Path(sample.img_path).name, row, int((label != 255).sum()), int(inside.sum())
                drawn += 1
                if drawn == num_images:
                    return


def gated_crf_of(cfg: Config) -> GatedCRFLoss:
    """Build the first ``GatedCRFLoss`` of a config.

    Raises:
        ValueError: If the config has none.
    """
    from mmseg.registry import MODELS

    losses = cfg.model.get('losses', {}).values()
    found = [settings for loss in losses for settings in (loss, loss.get('loss')) if settings]
    chosen = [settings for settings in found if settings.get('type') == 'GatedCRFLoss']
    if not chosen:
        raise ValueError('--kernels draws the kernels of a GatedCRFLoss, but model.losses of the config has none')
    built: GatedCRFLoss = MODELS.build(chosen[0])
    return built


def kernel_maps(loss: GatedCRFLoss, images: Tensor, samples: list[SegDataSample], stride: int) -> NDArray[np.float32]:
    """Return the kernels of a batch on cells of ``stride`` pixels, in [0, 1], (B, H, W)."""
    from ..models.segmentors.batch import stack_labels, stack_maps, stack_validity
    from ..structures import LossInputs

    height, width = images.shape[2:]
    grid = images.new_zeros(len(images), 1, -(-height // stride), -(-width // stride))
    inputs = LossInputs(
        logits=grid,
        image=images,
        labels=stack_labels(samples),
        valid=stack_validity(samples, images.shape[2:], images.device),
        maps=stack_maps(samples, images.shape[2:], images.device),
    )
    kernels: NDArray[np.float32] = loss.kernel_map(inputs)[:, 0].numpy()
    return kernels


def draw_kernels(photo: Image, heat: NDArray[np.float32]) -> Image:
    """Draw the kernels of an image, (H, W), at the size of its panels and under a title."""
    from ..visualization.heat_maps import draw_heat_maps

    return draw_heat_maps(photo, {'kernels': heat}, opacity=1.0, with_photo=False)
