"""``wsss check``: check that a data set can be built from these labels, and name the file, image and key if not."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..datasets.weak_seg_dataset import WeakSegDataset
from ..structures import ImageEntry, WeakLabelSet
from ._labels import summary


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to ``wsss``."""
    parser = subparsers.add_parser(
        'check',
        help='check weak_labels.json against its images',
        description='Check that a data set can be built from these labels; errors name file, image and key.',
    )
    parser.add_argument('labels', help='weak_labels.json')
    parser.add_argument('--images', required=True, help='image folder')
    parser.add_argument(
        '--split', default='', help='text file with one image id per line; other images are not checked'
    )
    parser.add_argument('--img-suffix', default='.jpg', help='suffix of the images that are only in the split file')
    parser.add_argument('--all-masks', action='store_true', help='read every dense mask instead of 50 of them')
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Check the labels and print a summary."""
    dataset = WeakSegDataset(
        weak_labels=args.labels,
        ann_file=str(Path(args.split).resolve()) if args.split else '',
        data_prefix={'img_path': args.images},
        img_suffix=args.img_suffix,
        check_masks=True if args.all_masks else 'sample',
        pipeline=[],
    )
    infos = [dataset.get_data_info(index) for index in range(len(dataset))]
    images = {
        info['sample_id']: ImageEntry(info['img_path'], *info['weak_label_size'], info['weak_annotations'])
        for info in infos
    }
    print(f'{args.labels} is fine: {summary(WeakLabelSet(tuple(dataset.metainfo["classes"]), images=images))}')
    labels = [info['weak_annotations'] for info in infos]
    if any(item.num_labels or item.tags or item.mask_path for item in labels):
        shares = dataset.class_frequencies()
        text = ', '.join(f'{share:.4g}' for share in shares)
        print(f'shares of the classes among the labels (class_frequencies of PartialCrossEntropyLoss): {text}')
        # Without masks, the data set has already warned about this when it was built.
        if any(item.mask_path for item in labels):
            named = {0, *shares.nonzero()[0].tolist()}.union(*(item.classes for item in labels))
            unused = [name for index, name in enumerate(dataset.metainfo['classes']) if index not in named]
            if unused:
                print(f'no image is labelled with {", ".join(unused)}: a model cannot learn these classes')
    return 0
