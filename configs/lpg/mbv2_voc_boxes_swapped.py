# Same as mbv2_voc_boxes.py with the classes swapped: masks of cat, cow and dog teach the generators, and horse, person
# and sheep only have boxes.
#
# Paper: LPG, box supervision with a learned, class-agnostic mask generator. It has no such small setting.
# Expected: 52.6 mIoU, masks 72.7 (docs/results.md).
# Cost: same as mbv2_voc_boxes.py.
# Command: same as mbv2_voc_boxes.py, with this config
_base_ = './mbv2_voc_boxes.py'
stages = dict(classes=dict(target=['horse', 'person', 'sheep'], auxiliary=['cat', 'cow', 'dog']))
