"""Four groups of parameters, as in Caffe: weights and biases of pretrained and of new layers."""

from typing import Any

from mmengine.optim import DefaultOptimWrapperConstructor
from mmseg.registry import OPTIM_WRAPPER_CONSTRUCTORS
from torch import nn


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class WeightBiasConstructor(DefaultOptimWrapperConstructor):
    """mmengine's constructor with a setting for every bias, including normalisations and ``custom_keys``.

    In addition to mmengine's settings, ``paramwise_cfg`` has ``every_bias=dict(lr_mult=2.0, decay_mult=0.0)``, which
    multiplies the results of the other settings (mmengine's ``bias_lr_mult`` leaves out both kinds). The published
    setting of several methods for image tags has learning rate factors of 1 and 2 for weights and biases of the
    backbone and of 10 and 20 for new layers, without weight decay on biases::

        paramwise_cfg = dict(
            custom_keys=dict(decode_head=dict(lr_mult=10.0)), every_bias=dict(lr_mult=2.0, decay_mult=0.0)
        )

    Args:
        optim_wrapper_cfg: Same as in ``DefaultOptimWrapperConstructor``.
        paramwise_cfg: See above.

    Raises:
        ValueError: If ``every_bias`` is missing or has other keys.
    """

    def __init__(self, optim_wrapper_cfg: dict[str, Any], paramwise_cfg: dict[str, Any] | None = None) -> None:
        paramwise_cfg = dict(paramwise_cfg or {})
        bias = paramwise_cfg.pop('every_bias', None)
        if not bias or not set(bias) <= {'lr_mult', 'decay_mult'}:
            raise ValueError(
                'WeightBiasConstructor needs paramwise_cfg=dict(every_bias=dict(lr_mult=..., decay_mult=...)), got '
                f'every_bias={bias}'
            )
        super().__init__(optim_wrapper_cfg, paramwise_cfg or {'custom_keys': {}})
        self.bias = {'lr_mult': bias.get('lr_mult', 1.0), 'decay_mult': bias.get('decay_mult', 1.0)}

    def add_params(
        self,
        params: list[dict[str, Any]],
        module: nn.Module,
        prefix: str = '',
        is_dcn_module: int | float | None = None,
    ) -> None:
        """Group the parameters of ``module``, then multiply the settings of the biases."""
        super().add_params(params, module, prefix, is_dcn_module)
        if prefix:
            return
        biases = {id(param) for name, param in module.named_parameters() if name.split('.')[-1] == 'bias'}
        for group in params:
            if id(group['params'][0]) in biases:
                group['lr'] = group.get('lr', self.base_lr) * self.bias['lr_mult']
                if self.base_wd is not None:
                    group['weight_decay'] = group.get('weight_decay', self.base_wd) * self.bias['decay_mult']
