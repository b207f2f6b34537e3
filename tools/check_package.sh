#!/usr/bin/env bash
# Builds the sdist and the wheel, checks their metadata, installs the wheel into a fresh environment and uses it there.
# Usage: tools/check_package.sh PYTHON
set -euo pipefail
python=$(command -v "${1:-python3.11}")
root=$(cd "$(dirname "$0")/.." && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

"$python" -m venv builder
builder/bin/pip install --quiet build twine pyroma
builder/bin/python -m build --outdir dist "$root" > build.log || { cat build.log; exit 1; }
builder/bin/twine check --strict dist/*
builder/bin/pyroma --min 9 dist/*.tar.gz

"$python" -m venv user
constraints="$root/requirements/constraints-onedl.txt"
user/bin/pip install --quiet --constraint "$constraints" torch
user/bin/pip install --quiet --constraint "$constraints" "$(echo dist/*.whl)[onedl]" openmim==0.3.9 'setuptools<80'
user/bin/wsss doctor
user/bin/wsss config unet_shapes_clicks -o clicks.py
user/bin/mim search mmseg_wsss --model 'gated crf'
user/bin/mim search mmseg_wsss --config gated-crf_unet_1xb8-600iters_shapes-clicks-96x96
export OMP_NUM_THREADS=1
# openmim looks for the original name of the distribution of mmengine, which the onedl line does not have: --yes answers it.
user/bin/mim train mmseg_wsss clicks.py --work-dir trained --yes --cfg-options train_cfg.max_iters=2 \
    train_cfg.val_interval=2 train_dataloader.dataset.num_images=8 val_dataloader.dataset.num_images=2
user/bin/wsss report trained
test -f trained/iter_2.pth
