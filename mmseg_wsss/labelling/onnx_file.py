"""A trained network as one ONNX file, which runs without PyTorch.

Shape letters: B batch, C classes, H x W pixels of the input.
"""

from __future__ import annotations

import json
import tempfile
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.models.utils import Upsample
from torch import Tensor, nn

from ..files import whole_file
from ..models.segmentors import WeakEncoderDecoder
from ..models.segmentors.batch import full_scale, gives_rgb
from .photo_masks import classes_of
from .predictions import load_model

INPUT, OUTPUT = 'image', 'probs'
MOST = 1e-3
"""Largest difference of a probability between PyTorch and onnxruntime."""
NEEDED = 'wsss export needs onnx and onnxruntime: pip install "mmseg-wsss[onnx]"'


class ExportedNetwork(nn.Module):
    """Normalises an image, runs the network, and returns class probabilities at the size of the image.

    They are those of ``wsss predict`` for the same image, before the decision prunes or refines them.

    Args:
        model: The trained network, in evaluation mode.
    """

    def __init__(self, model: WeakEncoderDecoder) -> None:
        super().__init__()
        self.network = model
        preprocessor = model.data_preprocessor
        self.scale = full_scale(preprocessor) / 255
        self.flips_colours = not gives_rgb(preprocessor)
        self.mean: Tensor
        self.std: Tensor
        self.register_buffer('mean', preprocessor.mean.clone().view(1, -1, 1, 1))
        self.register_buffer('std', preprocessor.std.clone().view(1, -1, 1, 1))

    def forward(self, image: Tensor) -> Tensor:
        """Return probabilities, (B, C, H, W).

        Args:
            image: Red, green and blue (or one band) from 0 to 255, (B, 3, H, W) float32.
        """
        colours = image.flip(1) if self.flips_colours else image
        logits = self.network((self.scale * colours - self.mean) / self.std)
        corners, decision = self.network.decode_head.align_corners, self.network.decision
        if decision is None:
            return F.interpolate(logits, image.shape[2:], mode='bilinear', align_corners=corners).softmax(dim=1)
        maps: Tensor = decision.class_maps(logits, logits.softmax(dim=1), None, image.shape[2:], align_corners=corners)
        return maps


def write_onnx(cfg: Config, checkpoint: str | Path, path: str | Path, *, size: tuple[int, int]) -> dict[str, Any]:
    """Write a network as ONNX and compare it with PyTorch at another image size.

    The file takes batches and images of any size. A decision of the config (pruning by tags, a refiner) and
    resizing are not part of it. The metadata of the file has ``classes`` and ``palette`` as JSON.

    Args:
        cfg: Config of the network.
        checkpoint: The weights of the network.
        path: The file to write.
        size: Height and width of the image that the network is traced with.

    Returns:
        ``difference``, the largest difference of a probability, and ``bytes``, the size of the file.

    Raises:
        ImportError: If onnx or onnxruntime is not installed, before anything is loaded.
        ValueError: If the probabilities of ONNX differ from those of PyTorch, the network does not run at ``size``, or
            ONNX fails at another size; the file is then not written.
    """
    try:
        import onnx
        import onnxruntime  # noqa: F401
    except ImportError as error:
        raise ImportError(NEEDED) from error
    init_default_scope(cfg.get('default_scope', 'mmseg'))
    network = ExportedNetwork(load_model(cfg, checkpoint, WeakEncoderDecoder)).cpu().eval()
    _check_size(network, size)
    expected = probabilities(network, image := example_image(network, (size[0] + 32, size[1] + 64), batch=2))
    enlarge_by_factors(network)
    classes, palette = classes_of(cfg, checkpoint)
    content = with_metadata(onnx, traced(network, size), {'classes': list(classes), 'palette': [[*c] for c in palette]})
    given = run_content(content, image, size, path)
    difference = float(np.abs(given - expected).max())
    if not difference <= MOST:
        raise ValueError(
            f'ONNX and PyTorch differ by {difference:.2g} in a probability, more than {MOST}: {path} was not written. '
            'The network has an operation that ONNX does not have'
        )
    with whole_file(path) as file:
        file.write(content)
    return {'difference': difference, 'bytes': len(content)}


def enlarge_by_factors(network: nn.Module) -> None:
    """Let the enlarging modules of mmseg's UNet, FPN and SETR take factors, which hold for images of any size.

    They multiply the size of their input, and a traced network would keep the product as a number.

    Args:
        network: The network, which is changed.
    """
    for parent in network.modules():
        for name, child in parent.named_children():
            if isinstance(child, Upsample) and not child.size:
                factors = nn.Upsample(None, child.scale_factor, child.mode, child.align_corners)
                setattr(parent, name, factors)


@torch.no_grad()
def probabilities(network: ExportedNetwork, image: Tensor) -> Any:
    """Return what PyTorch computes, (B, C, H, W)."""
    return network(image).numpy()


def _check_size(network: ExportedNetwork, size: tuple[int, int]) -> None:
    try:
        probabilities(network, example_image(network, size))
    except (AssertionError, RuntimeError) as error:
        raise ValueError(
            f'the network does not run on images of {size[0]} x {size[1]} pixels (height x width): '
            f'{" ".join(str(error).split())}'
        ) from error


def run_content(content: bytes, image: Tensor, size: tuple[int, int], path: str | Path) -> Any:
    """Return what onnxruntime computes from an ONNX file in memory.

    Args:
        content: The bytes of the file.
        image: Input of another size than the traced one.
        size: Height and width of the traced one, for the error.
        path: The file that is to be written, for the error.

    Raises:
        ValueError: If the network does not run at another size.
    """
    import onnxruntime
    from onnxruntime.capi.onnxruntime_pybind11_state import Fail

    session = onnxruntime.InferenceSession(content, providers=['CPUExecutionProvider'])
    try:
        (given,) = session.run([OUTPUT], {INPUT: image.numpy()})
    except Fail as error:
        raise ValueError(
            f'the network only runs at the size {size} with which it was traced, so {path} was not written: it keeps '
            'sizes of its maps as numbers'
        ) from error
    return given


def traced(network: ExportedNetwork, size: tuple[int, int]) -> bytes:
    """Return a network as the bytes of an ONNX file."""
    sides = {0: 'batch', 2: 'height', 3: 'width'}
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        # checks of sizes are not traced; the comparison with PyTorch shows whether that matters
        warnings.filterwarnings('ignore', 'Converting a tensor to a Python')
        file = Path(folder) / 'network.onnx'
        torch.onnx.export(
            network,
            (example_image(network, size),),
            str(file),
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_axes={INPUT: sides, OUTPUT: sides},
            dynamo=False,
        )
        return file.read_bytes()


def example_image(network: ExportedNetwork, size: tuple[int, int], batch: int = 1) -> Tensor:
    """Return an image of noise, the same one in every call."""
    generator = torch.Generator().manual_seed(0)
    return 255 * torch.rand(batch, network.mean.shape[1], *size, generator=generator)


def with_metadata(onnx: Any, content: bytes, metadata: Mapping[str, Any]) -> bytes:
    """Return the bytes of an ONNX file, to which entries of metadata are added as JSON."""
    model = onnx.load_from_string(content)
    for key, value in metadata.items():
        model.metadata_props.add(key=key, value=json.dumps(value))
    onnx.checker.check_model(model)
    bytes_of_model: bytes = model.SerializeToString()
    return bytes_of_model
