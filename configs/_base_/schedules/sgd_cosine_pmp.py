# SGD 1e-5, cosine (PMP). The paper gives neither momentum, weight decay, batch nor length: 0.9, 1e-4 and 120k
# iterations are common choices. Nor does it say how the loss is reduced, but 1e-5 does. The step budget, the sum of the
# learning rates over 1 - momentum, is 1e-5 x 120,000 x 0.5 / 0.1 = 6. For a mean over pixels that is far too little:
# from ImageNet weights, mmseg's FCN-R50 on VOC has 0.01 x 40,000 x 0.53 / 0.1 = 2,100. Of a crop of 320 pixels some 35
# % are labelled, 3.6e4 pixels: for the sum over the pixels of an image, mean over the images, 1e-5 is a rate of 0.36
# and the budget 2.2e5, as large as that of a ResNet-50 trained from scratch on ImageNet (0.1, a tenth after 150k and
# 300k of 450k iterations: 1.7e5). So the configs set PMPLoss(reduction='sum', loss_weight=1 / batch size).
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=1e-5, momentum=0.9, weight_decay=1e-4),
)
param_scheduler = [dict(type='CosineAnnealingLR', eta_min=0.0, T_max=120000, by_epoch=False)]
train_cfg = dict(type='IterBasedTrainLoop', max_iters=120000, val_interval=5000)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
