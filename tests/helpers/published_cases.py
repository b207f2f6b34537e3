"""One case for each network whose authors published code: its config, its file, and its outputs there and here."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from mmseg.structures import SegDataSample
from torch import nn

from mmseg_wsss.models.segmentors.inference import metas_of
from tests.helpers import published_networks as published

CONFIGS = Path(__file__).parents[2] / 'configs'
MEAN, STD = (torch.tensor(x).view(3, 1, 1) for x in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
MEAN_BGR = torch.tensor([104.008, 116.669, 122.675]).view(3, 1, 1)


@dataclass(frozen=True)
class Case:
    """A published network in a small and in its own size.

    Args:
        source: Of ``wsss import-weights``.
        config: Below configs/.
        small: Builds the small network.
        full: Builds the network in its own size.
        options: What makes the network of the config small.
        colours: What the published code reads: ``rgb``, standardised, or ``bgr``, not scaled.
        maps: How many channels stand before the colours.
        kind: Which outputs there are here.
        packed: How the published code saves it.
        whole: What the published code makes of its outputs at the size of its input: ``logits``, ``probabilities``
            (their softmax, enlarged), the mean of those of all outputs, or nothing.
        corners: Whether it enlarges with aligned corners.
    """

    source: str
    config: str
    small: Callable[[], nn.Module]
    full: Callable[[], nn.Module]
    options: Sequence[str] = ()
    colours: str = 'rgb'
    maps: int = 0
    kind: str = 'logits'
    packed: str = 'bare'
    whole: str = 'logits'
    corners: bool = True

    @property
    def small_options(self) -> list[str]:
        """Options of the command line for the small network."""
        return ['--cfg-options', *self.options] if self.options else []

    def save(self, network: nn.Module, path: Path, *, legacy: bool = False) -> None:
        """Write the file of the published code."""
        weights: Any = network.state_dict()
        if self.packed == 'lightning':
            weights = {f'net.{name}': value for name, value in weights.items()}
            weights['loss_ce.weight'] = torch.rand(21)
            weights = {'epoch': 3, 'state_dict': weights, 'poly_lr_sched': {'base_lrs': [0.007]}, 'lr_schedulers': []}
        torch.save(weights, path, _use_new_zipfile_serialization=not legacy)

    def colours_there(self, image: torch.Tensor) -> torch.Tensor:
        """Return what the published code reads of BGR images, (B, 3, h, w) uint8, in the order in which it computes."""
        return (image.flip(1).float() / 255 - MEAN) / STD if self.colours == 'rgb' else image.float() - MEAN_BGR

    def colours_here(self, model: nn.Module, image: torch.Tensor) -> torch.Tensor:
        """Return what the network of the config reads of them, maybe padded."""
        samples = [SegDataSample() for _ in image]
        return model.data_preprocessor({'inputs': list(image), 'data_samples': samples})['inputs']

    def with_maps(self, colours: torch.Tensor) -> torch.Tensor:
        """Return colours with the maps that stand before them."""
        size = (len(colours), self.maps, *colours.shape[2:])
        return torch.cat([torch.rand(size, generator=torch.manual_seed(0)).to(colours), colours], 1)

    def outputs_here(self, model: nn.Module, x: torch.Tensor) -> list[torch.Tensor]:
        """Return what the network of the config makes of its inputs."""
        if self.kind == 'multi-scale':
            return [model(x, mode='tensor')]
        features = model.extract_feat(x)
        logits = model.decode_head.forward(features)
        return [logits, model.pixel_correlation(logits, features, x)] if self.kind == 'refined' else [logits]

    def whole_there(self, outputs: list[torch.Tensor], size: Sequence[int]) -> torch.Tensor:
        """Return what the published code makes of its outputs at the size of its input."""
        maps = outputs if self.whole == 'logits' else [torch.stack([x.softmax(dim=1) for x in outputs]).mean(dim=0)]
        return F.interpolate(maps[0], tuple(size), mode='bilinear', align_corners=self.corners)

    def whole_here(self, model: nn.Module, x: torch.Tensor) -> torch.Tensor:
        """Return what the network of the config says of each pixel of its inputs."""
        if self.maps:
            return model.generate(x[:, -3:], x[:, -4:-3], x[:, :1] if self.maps == 2 else None)
        if self.whole == 'probabilities':
            return torch.stack([said.probs for said in model.class_probs(x)])
        return model.inference(x, metas_of(x, None))


def _stage(backbone: Callable[[], nn.Module], shallow: int, deep: int, **settings: Any) -> Callable[[], nn.Module]:
    return lambda: published.single_stage(backbone(), shallow, deep, **settings)


def _resnet(counts: Sequence[int], c: int = 64) -> Callable[[], nn.Module]:
    return lambda: published.PlainResNet(counts, deep=True, dilation=1, c=c)


def _head(**settings: Any) -> list[str]:
    return [f'model.decode_head.{key}={value}' for key, value in settings.items()]


HEAD = {'channels': 16, 'c1_channels': 6}
SMALL = {'c': 16, 'skip': 6}
WRN38 = ['model.backbone.base_channels=4']
RESNET = ['model.backbone.base_channels=8', 'model.backbone.stem_channels=8']
HOURGLASS = ['model.backbone.channels=8,8,12', 'model.backbone.units=2,1,3', 'model.backbone.stem_channels=6']
HOURGLASS += ['model.backbone.out_channels=16', *_head(in_channels=16, channels=8)]


def _generator(inputs: int) -> Case:
    small = {'dims': (8, 8, 12), 'counts': (2, 1, 3), 'stem': 6, 'c': 16}
    return Case(
        'lpg',
        'lpg/hourglass_coco60',
        lambda: published.MaskGeneratorNetwork(inputs, **small),
        lambda: published.MaskGeneratorNetwork(inputs),
        HOURGLASS,
        'bgr',
        inputs - 3,
    )


def _deeplabv2(wrapped: Callable[[nn.Module], nn.Module], kind: str) -> Case:
    return Case(
        'lpg',
        'lpg/deeplabv2_r101_voc_boxes',
        lambda: wrapped(published.DeepLabV2(8)),
        lambda: wrapped(published.DeepLabV2()),
        [*RESNET, *_head(in_channels=256), *([] if kind == 'multi-scale' else ['model.views=None'])],
        'bgr',
        kind=kind,
    )


CASES = {
    'single-stage Wide ResNet-38': Case(
        '1-stage-wseg',
        'single_stage/wrn38_voc_tags',
        _stage(lambda: published.Wide38(4), 16, 256, **SMALL),
        _stage(published.Wide38, 256, 4096),
        [*WRN38, *_head(in_channels=256, c1_in_channels=16, **HEAD)],
        whole='probabilities',
    ),
    'single-stage VGG16': Case(
        '1-stage-wseg',
        'single_stage/vgg16_voc_tags',
        _stage(published.CaffeVGG, 256, 1024, **SMALL),
        _stage(published.CaffeVGG, 256, 1024),
        _head(**HEAD),
        whole='probabilities',
    ),
    'single-stage ResNet-50': Case(
        '1-stage-wseg',
        'single_stage/r50_voc_tags',
        _stage(_resnet((3, 4, 6, 3), 8), 32, 256, **SMALL),
        _stage(_resnet((3, 4, 6, 3)), 256, 2048),
        [*RESNET, *_head(in_channels=256, c1_in_channels=32, **HEAD)],
        whole='probabilities',
    ),
    'single-stage ResNet-101': Case(
        '1-stage-wseg',
        'single_stage/r101_voc_tags',
        _stage(_resnet((3, 4, 23, 3), 8), 32, 256, **SMALL),
        _stage(_resnet((3, 4, 23, 3)), 256, 2048),
        [*RESNET, *_head(in_channels=256, c1_in_channels=32, **HEAD)],
        whole='probabilities',
    ),
    'Gated CRF DeepLabv3+': Case(
        'gated-crf',
        'gated_crf/deeplabv3plus_r34_voc_clicks',
        lambda: published.GatedCRFNetwork(8, **SMALL),
        published.GatedCRFNetwork,
        [*RESNET, *_head(in_channels=64, c1_in_channels=8, **HEAD)],
        packed='lightning',
        corners=False,
    ),
    'icam CAM': Case(
        'icam',
        'importance_sampling/cam_wrn38_voc_tags',
        lambda: published.CAMNetwork(4, (6, 10)),
        published.CAMNetwork,
        [
            *WRN38,
            *_head(in_channels=256),
            'model.views.pixel_correlation.in_channels=32,64',
            'model.views.pixel_correlation.channels=6,10',
        ],
        kind='refined',
        whole='probabilities',
        corners=False,
    ),
    'icam affinity': Case(
        'icam',
        'importance_sampling/affinity_wrn38_voc_tags',
        lambda: published.AffinityNetwork(4, (4, 6, 8)),
        published.AffinityNetwork,
        [*WRN38, *_head(in_channels='32,64,256', widths='4,6,8')],
        whole='none',
    ),
    'icam DeepLabv1': Case(
        'icam',
        'importance_sampling/deeplabv1_wrn38_voc_tags',
        lambda: published.DeepLabV1(4, 16),
        published.DeepLabV1,
        [*WRN38, *_head(in_channels=256, channels=16)],
    ),
    'LPG generator, 4 channels': _generator(4),
    'LPG generator, 5 channels': _generator(5),
    'LPG LargeFOV': Case(
        'lpg', 'lpg/deeplab_largefov_voc_boxes', published.LargeFOV, published.LargeFOV, colours='bgr'
    ),
    'LPG DeepLabv2': _deeplabv2(lambda network: network, 'logits'),
    'LPG DeepLabv2, multi-scale': _deeplabv2(published.MultiScale, 'multi-scale'),
}


def made_up(case: Case, *, full: bool = False) -> tuple[nn.Module, torch.Tensor]:
    """Return the network of a case with random weights, in float32, and two BGR images."""
    size = (128, 128) if full else (64, 96)  # multiples of what the networks need
    image = torch.randint(0, 256, (2, 3, *size), dtype=torch.uint8)
    network = published.randomise(
        (case.full if full else case.small)(), case.with_maps(case.colours_there(image)).float()
    )
    return network, image
