# Losses of the recipes in configs/own_data, by kind of label: model=dict(losses=dict(**_base_.from_labels)).
# The weights were chosen on three data sets of different kinds: docs/results.md, "A loss that stays out of the way".
from_labels = dict(
    # 1 / log(1.1 + share): without it, classes with few clicks are lost to those with many.
    loss_ce=dict(type='PartialCrossEntropyLoss', class_weight='batch'),
    # A fifth of the published weight, and once the classes stand: earlier or heavier, it lets large classes swallow
    # those with few clicks.
    loss_gated_crf=dict(type='GatedCRFLoss', loss_weight=0.02, start=0.3),
)
from_tags = dict(loss_tags=dict(type='ImageTagLoss', pooling=dict(type='NGWPPooling', exponent=5.0, floor=0.1)))
