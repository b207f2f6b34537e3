# Losses of the recipes in configs/own_data, by kind of label: model=dict(losses=dict(**_base_.from_labels)).
# docs/results.md, "A loss that stays out of the way", compares these settings with partial cross-entropy on three data
# sets.
from_labels = dict(
    # The weights are 1 / log(1.1 + share). Without them, classes with many clicks displace those with few.
    loss_ce=dict(type='PartialCrossEntropyLoss', class_weight='batch'),
    # A fifth of the published weight, and only after the network has learned the classes: with an earlier start or a
    # larger weight, large classes displace those with few clicks.
    loss_gated_crf=dict(type='GatedCRFLoss', loss_weight=0.02, start=0.3),
)
from_tags = dict(loss_tags=dict(type='ImageTagLoss', pooling=dict(type='NGWPPooling', exponent=5.0, floor=0.1)))
