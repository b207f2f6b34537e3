# As generator_resnet101_coco60.py, with ResNet-18.
#
# Paper: that of generator_hourglass_coco60.py; its ablation of the generator's network.
# Expected: no score of its own; LargeFOV on VOC val with its masks 66.5 (paper). Not run here yet.
# Cost: as generator_resnet101_coco60.py, of a smaller network.
# Differs from the published code: as generator_resnet101_coco60.py.
# Command: python tools/train.py configs/lpg/generator_resnet18_coco60.py (data: see generator_hourglass_coco60.py)
_base_ = './generator_resnet101_coco60.py'
weights = dict(type='Pretrained', checkpoint='https://download.pytorch.org/models/resnet18-f37072fd.pth')
resnet18 = dict(backbone=dict(backbone=dict(depth=18, init_cfg=weights)), decode_head=dict(in_channels=512))
stages = dict(generator=dict(model=resnet18))
