"""Write the weights of a checkpoint in half precision, and the log of its training beside them, for a model zoo."""

import argparse
import json
from pathlib import Path

import torch

import mmseg_wsss
from mmseg_wsss.checkpoints.loading import load_checkpoint
from mmseg_wsss.checkpoints.weights import weights_of
from mmseg_wsss.checkpoints.work_dir import logged_rows
from mmseg_wsss.checkpoints.zoo import sha256_of


def main():
    """Read the command line and write the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('checkpoint', help='a checkpoint of a training')
    parser.add_argument('output', type=Path, help='file to write without its end, such as zoo/unet_acdc_scribbles')
    args = parser.parse_args()
    checkpoint = load_checkpoint(args.checkpoint)
    weights = {
        name: value.half() if value.is_floating_point() else value
        for name, value in weights_of(checkpoint, args.checkpoint).items()
    }
    meta = checkpoint.get('meta', {})
    kept = {key: meta[key] for key in ('iter', 'epoch', 'lpg_stage') if key in meta}
    kept['dataset_meta'] = {key: meta.get('dataset_meta', {}).get(key) for key in ('classes', 'palette')}
    args.output.parent.mkdir(parents=True, exist_ok=True)
    torch.save({'meta': {**kept, 'mmseg_wsss_version': mmseg_wsss.__version__}, 'state_dict': weights}, args.output)
    digest = sha256_of(args.output)
    target = args.output.with_name(f'{args.output.name}-{digest[:8]}.pth')
    args.output.replace(target)
    rows = logged_rows(Path(args.checkpoint).parent)
    if rows:
        target.with_suffix('.json').write_text(''.join(f'{json.dumps(row)}\n' for row in rows))
    print(f'wrote {target}, {target.stat().st_size / 1e6:.1f} MB\nSHA256: {digest}')


if __name__ == '__main__':
    main()
