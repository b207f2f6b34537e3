"""The base class of parts that make views of a batch."""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn

from ...structures import LossInputs

Network = Callable[[Tensor], tuple[Sequence[Tensor], Tensor]]
"""Maps preprocessed images, (B, channels, h, w), to the features and the logits, (B, C, H, W), of one network."""


class Views:
    """The base of parts that add inputs to a network.

    A part does not own the network: every method gets it as a function. ``WeakEncoderDecoder(views=...)`` calls

    - :meth:`for_losses` in training, for the views in ``LossInputs.views``;
    - :meth:`trained` in training, for the views on which each loss of the model is run;
    - :meth:`look` at test time, for the merged logits of several views;
    - :meth:`refine` at test time, for refined logits, whose probabilities are averaged with those of the first.

    The defaults do not add views.
    """

    def modules(self) -> dict[str, nn.Module]:
        """Return the modules with weights, by name; they become children of the segmentor under these names."""
        return {}

    def for_losses(self, network: Network, first: LossInputs, inputs: Tensor) -> dict[str, LossInputs]:
        """Return the views of a batch by name.

        Args:
            network: Maps images to features and logits.
            first: The batch as it is.
            inputs: The preprocessed images of the batch, (B, channels, h, w).
        """
        return {}

    def trained(self, batch: LossInputs) -> Mapping[str, LossInputs]:
        """Return the inputs on which each loss of the model is run, by the prefix of its log key."""
        return {'': batch}

    def look(self, network: Network, inputs: Tensor, *, align_corners: bool) -> tuple[Sequence[Tensor], Tensor]:
        """Return the features of the full view and the merged logits of all views, (B, C, H, W).

        Args:
            network: Maps images to features and logits.
            inputs: Preprocessed images, (B, channels, h, w).
            align_corners: How logits are resized.
        """
        return network(inputs)

    def refine(
        self, logits: Tensor, features: Sequence[Tensor], inputs: Tensor, inside: Tensor | None
    ) -> Tensor | None:
        """Return refined logits, (B, C, H, W), or None.

        Args:
            logits: The logits that :meth:`look` returned, (B, C, H, W).
            features: The features that :meth:`look` returned.
            inputs: Preprocessed images, (B, channels, h, w).
            inside: 1 where a cell of the logits lies in the image, (B, 1, H, W); None means everywhere.
        """
        return None

    def merge(self, logits: Tensor, refined: Tensor) -> Tensor:
        """Return the mean probabilities of the logits and the refined logits, (B, C, H, W)."""
        return (logits.softmax(dim=1) + refined.softmax(dim=1)) / 2


def log_probs(probs: Tensor) -> Tensor:
    """Return the logarithms of probabilities, finite also for 0; their softmax is the probabilities again."""
    return probs.clamp(min=torch.finfo(probs.dtype).tiny).log()
