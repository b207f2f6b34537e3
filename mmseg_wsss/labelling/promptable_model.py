"""Promptable networks of the library transformers (SAM, SAM 2, SAM 3): one mask for each click or box.

Shape letters: H x W pixels of the image, P points of a prompt.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from mmengine.device import get_device

from ..structures.weak_annotations import FloatArray, IntArray

FAMILIES = ('sam', 'sam2', 'sam2_video', 'sam3_tracker', 'sam3_video')
"""``model_type`` of the supported networks in their ``config.json``."""
NEEDED = 'SAM needs the library transformers: pip install "mmseg-wsss[sam]"'
Mask = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Prompt:
    """What points at one object.

    Args:
        label: Class id of the object.
        box: (x1, y1, x2, y2), or None.
        points: Clicks on the object and next to it, (P, 2) as (x, y).
        positive: 1 for clicks on the object, 0 for those on something else, (P,).
    """

    label: int
    box: FloatArray | None = None
    points: FloatArray = field(default_factory=lambda: np.zeros((0, 2)))
    positive: IntArray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))


def check_installed() -> None:
    """Raise ``ImportError`` if transformers is missing."""
    if find_spec('transformers') is None:
        raise ImportError(NEEDED)


class PromptableModel:
    """A promptable network, with its own resizing and normalisation of images.

    Only safetensors files are read, and no code that comes with the weights is run.

    Args:
        name: A folder that ``save_pretrained`` wrote, or a name on the Hugging Face Hub, such as
            ``'facebook/sam-vit-base'``, which is downloaded.
        multimask: Whether to predict three masks for each prompt and keep the one with the highest score, instead of
            a single one.
        batch: The number of prompts in one pass.

    Raises:
        ImportError: If transformers, or what its image processor needs, is missing.
        ValueError: If the network does not exist, or its weights are incomplete.
    """

    def __init__(self, name: str, *, multimask: bool = True, batch: int = 16) -> None:
        self.multimask = multimask
        self.batch = batch
        self.device = get_device()
        self.model, self.processor = _load(name)
        self.model.to(self.device)

    @torch.no_grad()
    def masks(self, image: npt.NDArray[np.uint8], prompts: Sequence[Prompt]) -> Iterator[tuple[Prompt, Mask, float]]:
        """Yield each prompt with the probability of its object at every pixel, (H, W), and the score of the mask.

        Prompts of the same number of points are predicted together, because points that fill up a shorter prompt would
        change its mask. The score is the overlap (IoU) that the network expects, in [0, 1].

        Args:
            image: RGB, (H, W, 3).
            prompts: The prompts of the image.
        """
        groups: dict[tuple[bool, int], list[Prompt]] = defaultdict(list)
        for prompt in prompts:
            groups[prompt.box is not None, len(prompt.points)].append(prompt)
        embeddings = None
        for group in groups.values():
            for first in range(0, len(group), self.batch):
                chunk = group[first : first + self.batch]
                inputs = self.processor(
                    images=image, input_data_format='channels_last', return_tensors='pt', **_nested(chunk)
                )
                if embeddings is None:  # once per image, because this takes most of the time
                    embeddings = self.model.get_image_embeddings(inputs['pixel_values'].to(self.device))
                for prompt, (prob, score) in zip(chunk, self._predict(embeddings, inputs), strict=True):
                    yield prompt, prob, score

    def _predict(self, embeddings: Any, inputs: Any) -> Iterator[tuple[Mask, float]]:
        given = {
            key: inputs[key].to(self.device) for key in ('input_points', 'input_labels', 'input_boxes') if key in inputs
        }
        given = {key: value.float() if key != 'input_labels' else value for key, value in given.items()}
        output = self.model(image_embeddings=embeddings, multimask_output=self.multimask, **given)
        scores, chosen = output.iou_scores[0].float().max(dim=-1)
        logits = output.pred_masks[0].float()[torch.arange(len(chosen), device=chosen.device), chosen][:, None].cpu()
        sizes = [inputs[key] for key in ('original_sizes', 'reshaped_input_sizes') if key in inputs]
        whole = self.processor.post_process_masks([logits], *sizes, binarize=False)[0][:, 0]
        for logit, score in zip(whole, scores.clamp(0, 1).tolist(), strict=True):
            yield logit.sigmoid().numpy(), score


def _nested(prompts: Sequence[Prompt]) -> dict[str, Any]:
    """The prompts of one image as the processors take them: lists of images, prompts, points and coordinates."""
    given: dict[str, Any] = {}
    if len(prompts[0].points):
        given['input_points'] = [[prompt.points.tolist() for prompt in prompts]]
        given['input_labels'] = [[prompt.positive.tolist() for prompt in prompts]]
    if prompts[0].box is not None:
        given['input_boxes'] = [[prompt.box.tolist() for prompt in prompts if prompt.box is not None]]
    return given


def _load(name: str) -> tuple[Any, Any]:
    """Return the network in evaluation mode and the processor of its images and prompts."""
    check_installed()
    if Path(name).is_dir() and not (Path(name) / 'config.json').is_file():
        raise ValueError(f'{name} has no config.json: expected a folder that save_pretrained wrote')
    from transformers import AutoConfig, AutoModelForMaskGeneration, AutoProcessor

    try:
        family = AutoConfig.from_pretrained(name, trust_remote_code=False).model_type
        if family not in FAMILIES:
            raise ValueError(f'its model_type is {family!r}, expected one of {", ".join(FAMILIES)}')
        processor = AutoProcessor.from_pretrained(name, trust_remote_code=False)
        model, loading = AutoModelForMaskGeneration.from_pretrained(
            name, trust_remote_code=False, use_safetensors=True, output_loading_info=True, dtype=torch.float32
        )
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        reason = ' '.join(str(error).split())
        raise ValueError(f'{name} cannot be loaded as a SAM model of transformers: {reason}') from error
    except ImportError as error:  # such as torchvision, for the images of SAM 2 and SAM 3
        raise ImportError(f'{name} needs a package that is missing: {" ".join(str(error).split())}') from error
    if loading['missing_keys']:
        raise ValueError(
            f'{name} lacks {len(loading["missing_keys"])} weights of its network, such as '
            f'{min(loading["missing_keys"])}: expected the folder of a whole SAM model'
        )
    return model.eval(), processor
