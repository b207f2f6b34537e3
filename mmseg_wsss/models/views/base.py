"""What a part is asked that makes views of a batch."""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn

from ...structures import LossInputs

Network = Callable[[Tensor], tuple[Sequence[Tensor], Tensor]]
"""Maps preprocessed images, (B, channels, h, w), to the features and the logits, (B, C, H, W), of one network."""


class Views:
    """The base of parts that show a network more than the images as they are.

    A part does not own the network: every method gets it as a function. ``WeakEncoderDecoder(views=...)`` asks

    - :meth:`for_losses`, in training: which views the losses find in ``LossInputs.views``;
    - :meth:`trained`, in training: on which of them each loss of the model is run;
    - :meth:`look`, at test time: the logits of several views as one map;
    - :meth:`refine`, at test time: refined logits, whose probabilities are averaged with those of the first.

    The defaults add nothing.
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
        """Return what each loss of the model is run on, by the prefix of its log key."""
        return {'': batch}

    def look(self, network: Network, inputs: Tensor, *, align_corners: bool) -> tuple[Sequence[Tensor], Tensor]:
        """Return the features of the full view and the logits of all views as one map, (B, C, H, W).

        Args:
            network: Maps images to features and logits.
            inputs: Preprocessed images, (B, channels, h, w).
            align_corners: How logits are resized.
        """
        return network(inputs)

    def refine(
        self, logits: Tensor, features: Sequence[Tensor], inputs: Tensor, inside: Tensor | None
    ) -> Tensor | None:
        """Return refined logits, (B, C, H, W), or None for none.

        Args:
            logits: The logits that :meth:`look` returned, (B, C, H, W).
            features: The features that :meth:`look` returned.
            inputs: Preprocessed images, (B, channels, h, w).
            inside: 1 where a cell of the logits lies in the image, (B, 1, H, W); None: everywhere.
        """
        return None

    def merge(self, logits: Tensor, refined: Tensor) -> Tensor:
        """Return the probabilities of logits and of refined ones as one, (B, C, H, W): their mean."""
        return (logits.softmax(dim=1) + refined.softmax(dim=1)) / 2


def log_probs(probs: Tensor) -> Tensor:
    """Return the logarithms of probabilities, finite where they are 0; their softmax gives the probabilities back."""
    return probs.clamp(min=torch.finfo(probs.dtype).tiny).log()
