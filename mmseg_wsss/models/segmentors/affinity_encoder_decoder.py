"""A network that says which neighbours belong together, and nothing of classes."""

from typing import Any, NoReturn

from mmseg.registry import MODELS
from torch import Tensor

from ..decode_heads.affinity_head import AffinityHead
from ..losses import AffinityLoss
from .weak_encoder_decoder import WeakEncoderDecoder


@MODELS.register_module()
class AffinityEncoderDecoder(WeakEncoderDecoder):
    """A backbone and an ``AffinityHead``, trained by ``AffinityLoss`` (AffinityNet, Ahn and Kwak, CVPR 2018).

    Train it on seeds (the stage ``WriteSeeds``); the stage ``WriteRandomWalk`` then makes pseudo-labels of CAMs with
    it. It predicts no classes, so a config of it has no ``val_dataloader``.

    Args:
        *args: As of ``WeakEncoderDecoder``.
        **kwargs: As of ``WeakEncoderDecoder``.

    Raises:
        TypeError: If the head or a loss is made for classes.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not isinstance(self.decode_head, AffinityHead) or self.with_auxiliary_head:
            raise TypeError(
                f'AffinityEncoderDecoder takes an AffinityHead and no auxiliary head, got '
                f'{type(self.decode_head).__name__}: a head that classifies goes with WeakEncoderDecoder'
            )
        for name, loss in self.losses.items():
            if not isinstance(loss, AffinityLoss):
                raise TypeError(
                    f'model.losses.{name} is a {type(loss).__name__}, which reads class logits; an AffinityHead has '
                    'none: take AffinityLoss'
                )

    @property
    def radius(self) -> int:
        """Pairs of cells nearer than this are trained."""
        return max(loss.radius for loss in self.losses.values())

    def embed(self, inputs: Tensor) -> Tensor:
        """Return the features of preprocessed images, (B, D, H, W)."""
        return self.decode_head.forward(self.extract_feat(inputs))

    def predict(self, inputs: Tensor, data_samples: list[Any] | None = None) -> NoReturn:
        """Refuse: there are no classes.

        Raises:
            TypeError: Always, with what to do instead.
        """
        raise TypeError(
            'AffinityEncoderDecoder predicts no classes: a WriteRandomWalk stage makes pseudo-labels of CAMs with it. '
            'Set val_dataloader=None, val_cfg=None, val_evaluator=None to train without validation'
        )
